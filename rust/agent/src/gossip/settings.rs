//! What a machine is made with.

use flocktime_core::flocking::Tuning;

use super::keyring::Keyring;

/// The most peers that a member remembers, whatever it is told.
pub const MAX_PEERS: usize = 4096;

/// Whose OS clock counts as UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnchorPolicy {
    /// This member's, while its operating system says that it is synchronised.
    #[default]
    Detect,
    /// Not this member's.
    Never,
    /// This member's, always, to within so many nanoseconds: an operator's word.
    Always {
        /// What its OS clock may be wrong by.
        error_ns: u64,
    },
}

/// What a machine is made with. [`Settings::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The clock's node id, 48 bits.
    pub node: u64,
    /// Another one for each start: what tells a restarted member from its former self.
    pub incarnation: u64,
    /// The same for each start: what a member is known by, with one vote, whatever ids it shows.
    pub origin: u64,
    /// Signs and verifies.
    pub keyring: Keyring,
    /// Requests a round.
    pub fanout: usize,
    /// Partners that requests go to in turn; one is replaced from time to time.
    pub view: usize,
    /// False: measure and report only.
    pub steer: bool,
    /// Until the first synchronisation the clock refuses instead of following the OS clock.
    pub refuse_until_ready: bool,
    /// Whose OS clock counts as UTC.
    pub anchor: AnchorPolicy,
    /// The control loop.
    pub tuning: Tuning,
}

impl Settings {
    /// Four requests a second to sixteen partners in turn, no key, steering.
    pub fn new(node: u64, incarnation: u64, origin: u64) -> Self {
        Self {
            node,
            incarnation,
            origin,
            keyring: Keyring::without_keys(),
            fanout: 4,
            view: 16,
            steer: true,
            refuse_until_ready: false,
            anchor: AnchorPolicy::Detect,
            tuning: Tuning::default(),
        }
    }
}
