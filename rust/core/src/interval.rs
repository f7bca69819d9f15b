//! [`Interval`]: where true time lies for certain, as far as somebody vouches for a clock.
//!
//! Everything is rounded away from the middle, so that an interval is never narrower than what it was made of.

use crate::Timestamp;
use crate::layout::MAX_PHYSICAL;

/// An oscillator is this far off its nominal rate at most, billionths: by so much a bound grows with its age. Twice what is sold
/// for computers, and the largest rate correction of a flock.
pub const DRIFT_PPB: u64 = 200_000;

/// Who vouches for a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voucher {
    /// The members of a flock whose OS clocks count as UTC.
    Flock,
    /// A `ClockBound` daemon.
    ClockBound,
    /// The kernel, which was told by whoever disciplines its clock.
    System,
    /// The time source itself, which was told to or is somebody else's.
    Source,
}

impl Voucher {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flock => "flock",
            Self::ClockBound => "clockbound",
            Self::System => "system",
            Self::Source => "source",
        }
    }
}

/// What a reading may be wrong by, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Nanoseconds.
    pub error_ns: u64,
    /// Nobody has measured it lately: it is an earlier one, grown.
    pub free_running: bool,
    /// Whose word it is.
    pub by: Voucher,
}

/// A reading, and what it may be wrong by; `None`: nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Nanoseconds since 1970-01-01 UTC.
    pub wall_ns: i64,
    /// The bound.
    pub bound: Option<Bound>,
}

impl Vouched {
    /// A reading that nobody vouches for.
    pub const fn by_nobody(wall_ns: i64) -> Self {
        Self { wall_ns, bound: None }
    }

    /// Where true time lies, the first and the last nanosecond.
    fn span_ns(&self) -> Option<(i128, i128)> {
        let (wall, error) = (i128::from(self.wall_ns), i128::from(self.bound?.error_ns));
        Some((wall - error, wall + error))
    }
}

/// What an error comes to after so many nanoseconds, at most.
pub fn grown(error_ns: u64, age_ns: u64, drift_ppb: u64) -> u64 {
    let growth = (u128::from(age_ns) * u128::from(drift_ppb)).div_ceil(1_000_000_000);
    error_ns.saturating_add(u64::try_from(growth).unwrap_or(u64::MAX))
}

/// Two timestamps of different epochs have no time between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochsDiffer {
    /// That of the timestamp.
    pub stamp: u16,
    /// That of the clock.
    pub clock: u16,
}

/// Where true time lay at some moment while a clock was asked.
///
/// ```
/// use flocktime_core::{Bound, Interval, Timestamp, Vouched, Voucher};
/// let bound = Bound { error_ns: 2_500, free_running: false, by: Voucher::System };
/// let interval = Interval::new(Vouched { wall_ns: 10_000, bound: Some(bound) }, 0);
/// assert_eq!(interval.span_us(), Some((7, 13)));
/// assert_eq!(interval.is_after(Timestamp::new(6, 0, 1, 0).unwrap()), Ok(true));
/// assert_eq!(interval.is_after(Timestamp::new(7, 0, 1, 0).unwrap()), Ok(false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    reading: Vouched,
    epoch: u16,
}

impl Interval {
    /// Of a reading and the epoch in which timestamps are compared with it.
    pub const fn new(reading: Vouched, epoch: u16) -> Self {
        Self { reading, epoch }
    }

    /// The earliest and the latest microsecond that true time may have been at; `None`: nobody says.
    pub fn span_us(&self) -> Option<(u64, u64)> {
        let (earliest, latest) = self.reading.span_ns()?;
        let within = |us: i128| us.clamp(0, i128::from(MAX_PHYSICAL)) as u64;
        Some((within(earliest.div_euclid(1000)), within(-(-latest).div_euclid(1000))))
    }

    /// The earliest as a timestamp below all others of that microsecond.
    pub fn earliest(&self) -> Option<Timestamp> {
        self.span_us().map(|(earliest, _)| Timestamp::from_parts(earliest, 0, 0, self.epoch))
    }

    /// The latest, likewise.
    pub fn latest(&self) -> Option<Timestamp> {
        self.span_us().map(|(_, latest)| Timestamp::from_parts(latest, 0, 0, self.epoch))
    }

    /// `synchronised`, `free_running` or `unknown`.
    pub fn status(&self) -> &'static str {
        match self.reading.bound {
            None => "unknown",
            Some(Bound { free_running: true, .. }) => "free_running",
            Some(_) => "synchronised",
        }
    }

    /// Whose word it is.
    pub fn voucher(&self) -> Option<Voucher> {
        self.reading.bound.map(|bound| bound.by)
    }

    /// Whether the whole microsecond of this timestamp has passed for certain.
    ///
    /// # Errors
    ///
    /// [`EpochsDiffer`].
    pub fn is_after(&self, ts: Timestamp) -> Result<bool, EpochsDiffer> {
        Ok(self.left_ns(ts)? == Some(0))
    }

    /// Whether this timestamp's microsecond has not begun, for certain.
    ///
    /// # Errors
    ///
    /// [`EpochsDiffer`].
    pub fn is_before(&self, ts: Timestamp) -> Result<bool, EpochsDiffer> {
        self.compare(ts)?;
        Ok(self.span_us().is_some_and(|(_, latest)| latest < ts.physical_us()))
    }

    /// How far the reading has to go on, the error staying as it is, until [`Interval::is_after`]; `None`: nobody vouches for it.
    ///
    /// # Errors
    ///
    /// [`EpochsDiffer`].
    pub fn left_ns(&self, ts: Timestamp) -> Result<Option<u64>, EpochsDiffer> {
        self.compare(ts)?;
        let end = (i128::from(ts.physical_us()) + 1) * 1000;
        Ok(self.reading.span_ns().map(|(earliest, _)| u64::try_from((end - earliest).max(0)).unwrap_or(u64::MAX)))
    }

    fn compare(&self, ts: Timestamp) -> Result<(), EpochsDiffer> {
        if ts.epoch() == self.epoch {
            return Ok(());
        }
        Err(EpochsDiffer { stamp: ts.epoch(), clock: self.epoch })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interval(wall_ns: i64, error_ns: u64) -> Interval {
        let bound = Bound { error_ns, free_running: false, by: Voucher::Source };
        Interval::new(Vouched { wall_ns, bound: Some(bound) }, 3)
    }

    proptest! {
        /// Whatever true time is, within what was vouched for, it is inside; what is after has passed, what is before has not come.
        #[test]
        fn true_time_is_inside(wall_ns in 0_i64..1 << 60, error_ns in 0_u64..1 << 40, at in -1.0..=1.0_f64, off in -10_i64..10) {
            let interval = interval(wall_ns, error_ns);
            let truth_ns = i128::from(wall_ns) + (at * error_ns as f64) as i128;
            prop_assume!(truth_ns >= 0);
            let (earliest, latest) = interval.span_us().unwrap();
            prop_assert!(i128::from(earliest) * 1000 <= truth_ns && truth_ns <= i128::from(latest) * 1000);
            for edge in [earliest, latest, truth_ns as u64 / 1000] {
                let ts = Timestamp::from_parts(edge.saturating_add_signed(off), 0, 1, 3);
                let begin = i128::from(ts.physical_us()) * 1000;
                prop_assert!(!interval.is_after(ts).unwrap() || truth_ns >= begin + 1000);
                prop_assert!(!interval.is_before(ts).unwrap() || truth_ns < begin);
                prop_assert_eq!(interval.is_after(ts).unwrap(), earliest > ts.physical_us());
            }
        }

        /// Once the reading has gone on by what was left it is over, and a nanosecond earlier it is not.
        #[test]
        fn what_is_left_is_exact(wall_ns in 0_i64..1 << 60, error_ns in 0_u64..1 << 40, ahead_us in 0_u64..1 << 40) {
            let ts = Timestamp::from_parts(wall_ns as u64 / 1000 + ahead_us, 0, 1, 3);
            let left = interval(wall_ns, error_ns).left_ns(ts).unwrap().unwrap();
            prop_assert!(interval(wall_ns + left as i64, error_ns).is_after(ts).unwrap());
            prop_assert!(left == 0 || !interval(wall_ns + left as i64 - 1, error_ns).is_after(ts).unwrap());
        }

        /// An error never shrinks with age, and grows by its share at least.
        #[test]
        fn errors_grow(error_ns: u64, age_ns: u64, drift_ppb in 0_u64..1_000_000_000) {
            let later = u128::from(grown(error_ns, age_ns, drift_ppb));
            let exact = u128::from(error_ns) * 1_000_000_000 + u128::from(age_ns) * u128::from(drift_ppb);
            prop_assert!(later == u128::from(u64::MAX) || later * 1_000_000_000 >= exact);
            prop_assert!(later >= u128::from(error_ns));
        }
    }

    /// Where nobody vouches nothing has passed and nothing is still to come; other epochs do not compare.
    #[test]
    fn nobody_knows() {
        let unknown = Interval::new(Vouched::by_nobody(5_000), 3);
        for ts in [Timestamp::from_parts(0, 0, 0, 3), Timestamp::from_parts(MAX_PHYSICAL, 0, 0, 3)] {
            assert_eq!((unknown.is_after(ts), unknown.is_before(ts)), (Ok(false), Ok(false)));
            assert_eq!(unknown.left_ns(ts), Ok(None));
        }
        assert_eq!((unknown.status(), unknown.span_us(), unknown.voucher()), ("unknown", None, None));
        let differ = Err(EpochsDiffer { stamp: 2, clock: 3 });
        assert_eq!(interval(0, 0).is_after(Timestamp::from_parts(0, 0, 0, 2)), differ);
        assert_eq!(interval(0, 0).is_before(Timestamp::from_parts(0, 0, 0, 2)), differ);
    }
}
