//! [`World`]: what surrounds the machine of a real member.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use flocktime_core::{OsSource, TimeSource, Timestamp, fork};

use super::config::Stamps;
use crate::gossip::{Host, OsTime};

/// So many random words are drawn at once: by the member's thread each round, and by whoever needs one when they are used up.
const WORDS: usize = 64;

/// Random words of the operating system, each used once.
#[derive(Clone, Debug)]
pub(super) struct Randomness {
    words: [u64; WORDS],
    left: usize,
    generation: u32,
}

impl Randomness {
    pub(super) fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; WORDS * 8];
        getrandom::fill(&mut bytes)?;
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        Ok(Self { words, left: WORDS, generation: fork::generation() })
    }

    /// A child would use the words that its parent uses too.
    fn next(&mut self) -> Option<u64> {
        if self.generation != fork::generation() {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        Some(self.words[self.left])
    }
}

/// The operating system, or a test's source in its place, and this process's clock. Behind the same lock as the machine.
pub(super) struct World {
    base: Arc<dyn TimeSource>,
    /// The clock that the flock's timestamps come from.
    pub(super) stamps: Option<Arc<dyn Stamps>>,
    randomness: RefCell<Randomness>,
    /// What the operating system says about its clock, as of lately.
    error_ns: Option<u64>,
    /// The latest reading, raw and wall: what to go on from if the base fails.
    seen: Cell<(u64, i64)>,
}

impl World {
    pub(super) fn new(base: Arc<dyn TimeSource>, wall_ns: i64, randomness: Randomness) -> Self {
        let seen = Cell::new((base.raw_ns(), wall_ns));
        Self { base, stamps: None, randomness: RefCell::new(randomness), error_ns: None, seen }
    }

    /// What takes a system call, brought from outside the lock.
    pub(super) fn refresh(&mut self, error_ns: Option<u64>, randomness: Option<Randomness>) {
        self.error_ns = error_ns;
        if let Some(randomness) = randomness {
            *self.randomness.get_mut() = randomness;
        }
    }
}

impl Host for World {
    fn raw_ns(&self) -> u64 {
        self.base.raw_ns()
    }

    fn os(&self) -> OsTime {
        let raw_ns = self.base.raw_ns();
        if let Ok(wall_ns) = self.base.wall_ns() {
            self.seen.set((raw_ns, wall_ns));
            return OsTime { wall_ns, error_ns: self.error_ns };
        }
        let (before_ns, wall_ns) = self.seen.get();
        let since_ns = i64::try_from(raw_ns.saturating_sub(before_ns)).unwrap_or(i64::MAX);
        OsTime { wall_ns: wall_ns.saturating_add(since_ns), error_ns: None }
    }

    /// # Panics
    ///
    /// When the operating system has no randomness to give: nonces that others can guess would be worse.
    fn random(&self) -> u64 {
        let mut randomness = self.randomness.borrow_mut();
        loop {
            if let Some(word) = randomness.next() {
                return word;
            }
            *randomness = Randomness::draw().unwrap_or_else(|error| panic!("no randomness for a nonce: {error}"));
        }
    }

    fn node(&self) -> Option<u64> {
        self.stamps.as_ref().map(|stamps| stamps.node())
    }

    fn stamp(&self) -> Option<Timestamp> {
        self.stamps.as_ref()?.stamp()
    }

    fn merge(&self, remote: Timestamp, trusted: bool) {
        if let Some(stamps) = &self.stamps {
            stamps.merge(remote, trusted);
        }
    }
}

/// H at which a datagram came in, by the kernel's stamp of the OS clock. Only its age is carried over to `base`, which may show
/// another time. The flag: the stamp was used.
///
/// A stamp from the future counts as of now (the clock was set back a little), and one of more than a second is none: either the
/// clock was set meanwhile, or the datagram lay there while the process was stopped. Too late is a large delay, and measured as
/// such; too early would look better than it is.
pub(super) fn arrival_ns(base: &dyn TimeSource, stamp_ns: Option<i64>) -> (u64, bool) {
    const OLD_NS: i64 = 1_000_000_000;
    let (raw_ns, wall_ns) = read_both(base);
    let age_ns = stamp_ns.zip(wall_ns).map(|(stamp_ns, wall_ns)| wall_ns.saturating_sub(stamp_ns));
    match age_ns {
        Some(age_ns) if (-OLD_NS..=OLD_NS).contains(&age_ns) => {
            (raw_ns.saturating_sub(age_ns.max(0).unsigned_abs()), true)
        }
        _ => (raw_ns, false),
    }
}

/// The base's H and the real OS clock at about one instant: the closest of a few readings, where the first was interrupted.
fn read_both(base: &dyn TimeSource) -> (u64, Option<i64>) {
    const CLOSE_NS: u64 = 2_000;
    const TRIES: usize = 3;
    let mut best = (u64::MAX, 0, None);
    for _ in 0..TRIES {
        let before_ns = base.raw_ns();
        let wall_ns = OsSource.wall_ns().ok();
        let took_ns = base.raw_ns().saturating_sub(before_ns);
        if took_ns < best.0 {
            best = (took_ns, before_ns + took_ns / 2, wall_ns);
        }
        if took_ns < CLOSE_NS {
            break;
        }
    }
    (best.1, best.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flocktime_core::SkewedSource;

    /// A datagram came in before it was read, and how long before is what the kernel's stamp says, whatever time the base shows.
    #[test]
    fn only_the_age_of_a_stamp_is_carried_over() {
        let base = SkewedSource::new(OsSource, -3_600_000_000_000, 0.0).expect("the OS clock");
        base.step(-5_000_000_000);
        let wall_ns = OsSource.wall_ns().expect("the OS clock");
        let (low, high) = (base.raw_ns(), |after: u64| after);
        let (at_ns, used) = arrival_ns(&base, Some(wall_ns - 500_000));
        let high = high(base.raw_ns());
        // At least 500 µs before the call's end, and not more than that before its start.
        assert!(used && at_ns + 500_000 <= high && at_ns + 500_000 + 50_000 >= low, "{low} {at_ns} {high}");
    }

    /// A stamp that cannot be is not used: too late is safe, too early is not.
    #[test]
    fn impossible_stamps_are_not_used() {
        let wall_ns = OsSource.wall_ns().expect("the OS clock");
        for stamp_ns in [None, Some(0), Some(i64::MIN), Some(i64::MAX), Some(wall_ns - 2_000_000_000)] {
            let before = OsSource.raw_ns();
            let (at_ns, used) = arrival_ns(&OsSource, stamp_ns);
            assert!(!used && at_ns >= before, "{stamp_ns:?}");
        }
        let before = OsSource.raw_ns();
        let (at_ns, used) = arrival_ns(&OsSource, Some(wall_ns + 500_000_000));
        assert!(used && at_ns >= before, "from the future: now");
    }

    /// No word twice, and none at all of the parent's in a child.
    #[test]
    fn random_words_are_used_once() {
        let mut words = Randomness::draw().expect("randomness");
        let drawn: std::collections::HashSet<u64> = std::iter::from_fn(|| words.next()).collect();
        assert_eq!(drawn.len(), WORDS);
        let mut copied = Randomness::draw().expect("randomness");
        copied.generation = copied.generation.wrapping_sub(1);
        assert_eq!(copied.next(), None);
    }
}
