//! [`Rudder`]: what the host's flock member says about time, in memory that all processes of the host share.
//!
//! Nobody locks it. One member writes, and may be killed in the middle: readers then have the record before. A record with a wrong
//! checksum is as good as none, so that damage bends nobody's clock.

use flocktime_core::flocking::State;
use flocktime_core::{Discipline, Guidance, Latest};

/// Rounds without a new line from a flock after which that counts as stale.
const STALE_ROUNDS: u64 = 5;
/// And after so many, or so long, as none: the slews have ended by themselves, and an oscillator that nobody corrects is then
/// off by some tens of microseconds a minute.
const DETACHED_ROUNDS: u64 = 10;
const DETACHED_NS: u64 = 60_000_000_000;
/// A record from further ahead than this was published by somebody whose raw counter is another one: in another time namespace.
const AHEAD_NS: u64 = 1_000_000;

pub(super) const WORDS: usize = 15;
const NONE: u64 = u64::MAX;
const IN_FORCE: u64 = 1;
const REFUSE: u64 = 2;
const LEFT: u64 = 4;
const STATE_SHIFT: u32 = 8;
/// Where the checksum begins: not at zero, so that memory which nobody has written is no record.
const SUM_START: u64 = u64::from_be_bytes(*b"flocktim");
/// Odd, and without a pattern: digits of the golden ratio.
const SUM_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// How the clocks of a page stand to the host's flock member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// No member has published here since the machine started: clocks show the OS clock.
    Nobody,
    /// A member publishes, whose flock has not synchronised yet: the OS clock, or nothing, as the member was told.
    Waiting,
    /// Clocks follow the flock.
    Synchronised,
    /// They still follow its line, which is older than five rounds.
    Stale,
    /// There was a member, which has left or has not been heard for a minute, or what it wrote is damaged: the OS clock.
    Detached,
}

/// What a member publishes. Moments are those of the operating system's raw counter, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Posted {
    pub(super) guidance: Guidance,
    pub(super) state: State,
    /// What the flock's time may be wrong by.
    pub(super) error_ns: Option<u64>,
    pub(super) round_ns: u64,
    /// When a flock last said how to steer.
    pub(super) steered_ns: u64,
    /// When the record was written.
    pub(super) posted_ns: u64,
    pub(super) process: u32,
    /// Which member it is: random, for none of them knows the others.
    pub(super) token: u64,
    /// It says goodbye.
    pub(super) left: bool,
}

impl Posted {
    /// How clocks stand to it at this moment.
    pub(super) fn following(&self, now_ns: u64) -> Following {
        let steered_ns = now_ns.saturating_sub(self.steered_ns);
        if self.left || self.posted_ns > now_ns.saturating_add(AHEAD_NS) {
            Following::Detached
        } else if !self.guidance.in_force {
            if self.is_published(now_ns) { Following::Waiting } else { Following::Detached }
        } else if steered_ns <= STALE_ROUNDS.saturating_mul(self.round_ns) {
            Following::Synchronised
        } else if steered_ns <= DETACHED_ROUNDS.saturating_mul(self.round_ns).max(DETACHED_NS) {
            Following::Stale
        } else {
            Following::Detached
        }
    }

    /// Whether clocks show its line.
    pub(super) fn is_followed(&self, now_ns: u64) -> bool {
        matches!(self.following(now_ns), Following::Synchronised | Following::Stale)
    }

    /// Whether its member is at work, as far as one can tell.
    pub(super) fn is_published(&self, now_ns: u64) -> bool {
        let silent_ns = now_ns.saturating_sub(self.posted_ns);
        let is_here = self.posted_ns <= now_ns.saturating_add(AHEAD_NS);
        !self.left && is_here && silent_ns <= STALE_ROUNDS.saturating_mul(self.round_ns)
    }

    fn to_words(self) -> [u64; WORDS] {
        let [h0, l0, y, s, u, slew] = self.guidance.discipline.to_words();
        let flag = |set: bool, bit: u64| if set { bit } else { 0 };
        let flags = flag(self.guidance.in_force, IN_FORCE)
            | flag(self.guidance.refuse, REFUSE)
            | flag(self.left, LEFT)
            | (self.state as u64) << STATE_SHIFT;
        let limit = self.guidance.limit_us.unwrap_or(NONE);
        let error = self.error_ns.unwrap_or(NONE);
        let Self { round_ns, steered_ns, posted_ns, process, token, .. } = self;
        let mut words =
            [h0, l0, y, s, u, slew, flags, limit, error, round_ns, steered_ns, posted_ns, process.into(), token, 0];
        words[WORDS - 1] = sum(&words);
        words
    }

    /// `None`: damaged, or of no version that this one knows.
    fn from_words(words: &[u64; WORDS]) -> Option<Self> {
        let &[h0, l0, y, s, u, slew, flags, limit, error, round_ns, steered_ns, posted_ns, process, token, found] =
            words;
        let given = |word: u64| Some(word).filter(|&word| word != NONE);
        let state = state((flags >> STATE_SHIFT) as u8)?;
        let guidance = Guidance {
            discipline: Discipline::from_words([h0, l0, y, s, u, slew]),
            in_force: flags & IN_FORCE != 0,
            limit_us: given(limit),
            refuse: flags & REFUSE != 0,
        };
        let (process, left) = (process as u32, flags & LEFT != 0);
        let error_ns = given(error);
        let posted = Self { guidance, state, error_ns, round_ns, steered_ns, posted_ns, process, token, left };
        (sum(words) == found).then_some(posted)
    }
}

/// Over all words but the last: each change of one word shows.
fn sum(words: &[u64; WORDS]) -> u64 {
    words[..WORDS - 1].iter().fold(SUM_START, |sum, word| (sum.rotate_left(5) ^ word).wrapping_mul(SUM_FACTOR))
}

fn state(code: u8) -> Option<State> {
    use State::{Alone, Degraded, Joining, Monitoring, Synchronised, Undecided};
    [Alone, Joining, Undecided, Synchronised, Degraded, Monitoring].into_iter().find(|&state| state as u8 == code)
}

/// What a look finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    /// The latest record that is whole.
    pub(super) posted: Option<Posted>,
    /// One that was not has been found.
    pub(super) damaged: bool,
}

impl Look {
    pub(super) fn following(&self, now_ns: u64) -> Following {
        match self.posted {
            Some(posted) => posted.following(now_ns),
            None if self.damaged => Following::Detached,
            None => Following::Nobody,
        }
    }
}

/// The words in shared memory. Any thread of any process may look at any time, and none waits.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Rudder(Latest<WORDS>);

impl Default for Rudder {
    fn default() -> Self {
        Self(Latest::new([0; WORDS]))
    }
}

impl Rudder {
    pub(super) fn look(&self) -> Look {
        let words = self.0.read(|&words| words);
        if let Some(posted) = Posted::from_words(&words) {
            return Look { posted: Some(posted), damaged: false };
        }
        if words == [0; WORDS] {
            return Look { posted: None, damaged: false };
        }
        // The one before is a round older and holds as well: a line goes on.
        Look { posted: Posted::from_words(&self.0.before()), damaged: true }
    }

    /// False: somebody else has written meanwhile.
    pub(super) fn post(&self, posted: Posted) -> bool {
        self.0.replace(posted.to_words())
    }

    /// Forgets both records. For whoever begins the page anew.
    pub(super) fn clear(&self) {
        let (first, second) = (self.0.replace([0; WORDS]), self.0.replace([0; WORDS]));
        debug_assert!(first && second || cfg!(not(test)), "nobody else has it yet");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROUND_NS: u64 = 1_000_000_000;

    fn posted(line: [u64; 6], numbers: [u64; 5], flags: [bool; 3], code: u8) -> Posted {
        let [limit, error, round_ns, posted_ns, token] = numbers;
        let [in_force, refuse, left] = flags;
        let discipline = Discipline::from_words(line);
        Posted {
            guidance: Guidance { discipline, in_force, limit_us: Some(limit).filter(|_| limit != NONE), refuse },
            state: state(code).expect("a state"),
            error_ns: Some(error).filter(|_| error != NONE),
            round_ns,
            steered_ns: posted_ns / 2,
            posted_ns,
            process: 7,
            token,
            left,
        }
    }

    proptest! {
        /// A record comes back as it was written; any one word that is changed makes it none, and the one before holds.
        #[test]
        fn a_damaged_record_is_none(
            line in prop::array::uniform6(0_u64..1 << 60),
            numbers: [u64; 5],
            flags: [bool; 3],
            code in 0_u8..6,
            (at, by) in (0..WORDS, 1_u64..),
        ) {
            let written = posted(line, numbers, flags, code);
            let mut words = written.to_words();
            prop_assert_eq!(Posted::from_words(&words), Some(written));
            words[at] ^= by;
            prop_assert_eq!(Posted::from_words(&words), None);
            let rudder = Rudder::default();
            prop_assert!(rudder.0.replace(words));
            prop_assert_eq!(rudder.look(), Look { posted: None, damaged: true });
            prop_assert!(rudder.post(written) && rudder.0.replace(words));
            prop_assert_eq!(rudder.look(), Look { posted: Some(written), damaged: true });
        }
    }

    /// Memory that nobody has written is no record, and neither is what was cleared.
    #[test]
    fn nothing_is_nobodys() {
        let rudder = Rudder::default();
        assert_eq!(rudder.look(), Look { posted: None, damaged: false });
        assert!(rudder.post(posted([1; 6], [1; 5], [true; 3], 3)));
        rudder.clear();
        assert_eq!(rudder.look().following(5), Following::Nobody);
    }

    /// A line is followed for a minute or ten rounds, and is called stale after five; a goodbye, and a counter that is another
    /// one's, end it at once.
    #[test]
    fn a_line_ages() {
        let now_ns = 1 << 50;
        let of = |age_ns: u64| Posted {
            steered_ns: now_ns - age_ns,
            ..posted([0; 6], [9, 9, ROUND_NS, now_ns, 5], [true, false, false], 3)
        };
        for (age_ns, following) in [
            (0, Following::Synchronised),
            (5 * ROUND_NS, Following::Synchronised),
            (5 * ROUND_NS + 1, Following::Stale),
            (DETACHED_NS, Following::Stale),
            (DETACHED_NS + 1, Following::Detached),
        ] {
            assert_eq!(of(age_ns).following(now_ns), following, "{age_ns}");
        }
        assert_eq!(Posted { round_ns: 60 * ROUND_NS, ..of(500 * ROUND_NS) }.following(now_ns), Following::Stale);
        assert_eq!(Posted { left: true, ..of(0) }.following(now_ns), Following::Detached);
        assert_eq!(of(0).following(now_ns - AHEAD_NS - 1), Following::Detached);
        assert_eq!(of(0).following(now_ns - AHEAD_NS), Following::Synchronised);
        let waiting = Posted { guidance: Guidance { in_force: false, ..of(0).guidance }, ..of(0) };
        assert_eq!(waiting.following(now_ns), Following::Waiting);
        assert_eq!(waiting.following(now_ns + 5 * ROUND_NS + 1), Following::Detached);
        assert!(waiting.is_published(now_ns) && !waiting.is_published(now_ns + 5 * ROUND_NS + 1));
    }
}
