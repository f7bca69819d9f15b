//! Which sequence numbers of a sender have been here before.

/// How far behind the latest sequence number one may come and still be told from a repetition.
pub const WIDTH: u64 = u128::BITS as u64;

/// The sequence numbers of one incarnation of one sender that have been admitted: the latest, and a bit for each of the
/// [`WIDTH`] up to it. 32 bytes, however long it lives.
///
/// What lies further back is refused: whether it was here before cannot be told. So a sender may overtake itself on the way by
/// up to 127 packets.
///
/// **Ask only for packets that are authenticated**: a forged number far ahead would shut everybody else's out.
///
/// ```
/// use flocktime_agent::gossip::replay::ReplayWindow;
/// let mut window = ReplayWindow::default();
/// assert!(window.admit(5));
/// assert!(window.admit(3)); // late, but new
/// assert!(!window.admit(3)); // again
/// assert!(!window.admit(0)); // nobody sends that
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayWindow {
    /// The greatest number admitted; 0: none yet.
    latest: u64,
    /// Bit i: `latest - i` has been admitted.
    seen: u128,
}

impl ReplayWindow {
    /// A window that has admitted `sequence` and refuses everything up to it: for a sender that has just proved that it is
    /// alive, while of earlier packets nobody knows who has seen them.
    pub const fn since(sequence: u64) -> Self {
        Self { latest: sequence, seen: u128::MAX }
    }

    /// Whether this number is new; from now on it is not.
    ///
    /// `false` for 0, for a number that was admitted before, and for one that is [`WIDTH`] or more behind the latest.
    pub const fn admit(&mut self, sequence: u64) -> bool {
        if sequence == 0 {
            return false;
        }
        if sequence > self.latest {
            let ahead = sequence - self.latest;
            let kept = if ahead < WIDTH { self.seen << ahead } else { 0 };
            *self = Self { latest: sequence, seen: kept | 1 };
            return true;
        }
        let behind = self.latest - sequence;
        if behind >= WIDTH || self.seen >> behind & 1 == 1 {
            return false;
        }
        self.seen |= 1 << behind;
        true
    }

    /// The greatest number admitted so far; 0: none.
    pub const fn latest(&self) -> u64 {
        self.latest
    }
}
