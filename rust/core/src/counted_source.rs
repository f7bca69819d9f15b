//! The operating system's clock, or a steered one, read every millisecond, and the processor's counter between two readings.
//!
//! Reading the wall clock is most of what a timestamp costs: 25 ns, against 10 ns for the counter. The counter never says
//! what time it is. It says how long ago the clock did, for a millisecond at most; a step of the clock shows after that, and a
//! slew of 500 ppm is half a microsecond by then.
//!
//! A steered clock foresees its own slope and for how long it holds. So the counter runs along the line that the clock is on,
//! and is asked no further than to where that bends. What it does not foresee is new guidance: it shows within a millisecond,
//! and where the slope falls with it, readings may go back by what the counter has run ahead meanwhile. That is a
//! millisecond's worth of the change: 1 us from +500 to −500 ppm, the most once a flock is synchronised, and 0.1 ms from +5 to
//! −5 %, before that. Besides, a reading is off by what the calibration is, which is less than 1 us.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use crate::interval::Vouched;
use crate::latest::Latest;
use crate::layout::MAX_PHYSICAL;
use crate::sync::{AtomicU64, Ordering};
use crate::time_source::{Reading, SourceFailed, TimeSource};

/// How long an anchor is believed.
const WINDOW_NS: u64 = 1_000_000;
/// The first calibration takes so long; until then every reading is the operating system's.
const FIRST_CALIBRATION_NS: u64 = 10_000_000;
/// Later ones follow so far apart: the rate then follows a slew of the clock with this delay.
const CALIBRATION_NS: u64 = 1_000_000_000;
/// A reading that took longer was interrupted half-way: it is good as a reading, not as an anchor or for a calibration.
const BRACKET_NS: u64 = 500;
/// So often is a calibration tried in a row.
const TRIES: usize = 8;
/// No slew changes the rate by more than this share from one calibration to the next. A counter that seems to has to be
/// calibrated anew: the machine slept or was moved, or the counter never was what it seemed.
const BELIEVABLE: f64 = 0.002;
/// So often does a counter get another chance, after a rate that was not believed or tries that were all interrupted (a slow
/// clock looks like that). Then it is given up for good, and with it what the trying costs.
const SETBACKS: u32 = 8;
/// But one of them is forgotten whenever the counter was believed for so long: a process may live through many a suspension.
const FORGOTTEN_NS: u64 = 3_600_000_000_000;

/// Binary places of a wall time in microseconds: 52 bits before the point, half a nanosecond behind it. In this form a
/// reading is a product and two shifts; dividing nanoseconds by a thousand would take as long as all of that.
const WALL_POINT: u32 = 11;
/// More of them for the rate. An anchor is believed for less than 2^23 ticks at any rate below 8 GHz, so the product fits.
const RATE_POINT: u32 = 40;
/// Slopes that the product has room for, far beyond those of a clock that is steered sensibly.
const SLOPES: std::ops::RangeInclusive<f64> = 0.5..=2.0;
/// A record that no count is within.
const NEVER: Words = [0; 4];

/// Something that counts at a constant rate, on every processor alike.
pub trait Counter: Send + Sync {
    /// The count now. It wraps at 64 bits.
    fn ticks(&self) -> u64;
}

/// A source of wall time that asks `base` once a millisecond and counts in between.
///
/// A reading is at most a microsecond away from what `base` would have shown, plus any step that `base` has made within the
/// last millisecond and any guidance that was published to it. Without a calibration, or with a counter that was given up, it
/// is what `base` shows.
///
/// Clones share one calibration. Any thread may read at any time: a reading is made of one record, whole. Of several threads
/// that find it too old, one renews it and the others show what `base` does. A forked child goes on with its parent's record
/// until that is too old, a millisecond at most, and then asks `base` like any other.
#[derive(Debug)]
pub struct CountedSource<S, C>(Arc<Shared<S, C>>);

impl<S, C> Clone for CountedSource<S, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// In cache lines of its own: what is read here at every timestamp must not share one with what is written at every one.
#[derive(Debug)]
#[repr(align(128))]
struct Shared<S, C> {
    base: S,
    counter: C,
    /// What readings are counted from.
    record: Latest<4>,
    /// Microseconds of the base's steady clock a tick, with [`WALL_POINT`] and [`RATE_POINT`] binary places; zero: no anchor
    /// is believed.
    rate: AtomicU64,
    calibration: Mutex<Calibration>,
}

/// `ticks | wall | rate | window`: the count and the wall time of one instant, the latter in microseconds with [`WALL_POINT`]
/// binary places; microseconds of wall time a tick, with [`WALL_POINT`] and [`RATE_POINT`] binary places; and the ticks for which
/// this is believed.
type Words = [u64; 4];

#[derive(Clone, Copy, Debug, Default)]
struct Calibration {
    /// Where the current stretch began; `None` before the first one.
    begun: Option<Instant>,
    /// Those that are not forgotten.
    setbacks: u32,
    /// Steady time of the stretches that were believed since a setback was forgotten.
    believed_ns: u64,
}

impl Calibration {
    /// A stretch was believed.
    fn forget(&mut self, stretch_ns: u64) {
        let believed_ns = self.believed_ns.saturating_add(stretch_ns);
        let forgotten = u32::try_from(believed_ns / FORGOTTEN_NS).unwrap_or(u32::MAX);
        self.setbacks = self.setbacks.saturating_sub(forgotten);
        self.believed_ns = if self.setbacks == 0 { 0 } else { believed_ns % FORGOTTEN_NS };
    }
}

/// Ticks and steady time at once.
#[derive(Clone, Copy, Debug)]
struct Instant {
    ticks: u64,
    steady_ns: u64,
}

impl<S: TimeSource, C: Counter> CountedSource<S, C> {
    /// Counts from the first hundredth of a second on.
    pub fn new(base: S, counter: C) -> Self {
        Self(Arc::new(Shared {
            base,
            counter,
            record: Latest::new(NEVER),
            rate: AtomicU64::new(0),
            calibration: Mutex::default(),
        }))
    }

    /// What is read every millisecond.
    pub fn base(&self) -> &S {
        &self.0.base
    }

    /// True while readings are counted between those of the base.
    pub fn is_counting(&self) -> bool {
        self.0.rate.load(Ordering::Relaxed) > 0
    }
}

impl<S: TimeSource, C: Counter> Shared<S, C> {
    /// Microseconds with [`WALL_POINT`] binary places, or `None` where the record is too old.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    fn counted(&self) -> Option<i64> {
        self.record.read(|&[ticks, wall, rate, window]| {
            let since = self.counter.ticks().wrapping_sub(ticks);
            let elapsed = since.wrapping_mul(rate) >> RATE_POINT;
            (since < window).then(|| (wall as i64).wrapping_add(elapsed as i64))
        })
    }

    /// What the base shows, taken as the next record.
    #[cold]
    fn reread(&self) -> Result<i64, SourceFailed> {
        self.calibrate();
        let before = self.counter.ticks();
        let reading = self.base.reading()?;
        let took = self.counter.ticks().wrapping_sub(before);
        let next = self.record_of(before, took, reading).unwrap_or(NEVER);
        // What was believed before is too old already, and replaced all the same: a counter that is set back could meet it
        // again. A thread that finds another one writing has its reading.
        if next != NEVER || self.record.read(|&words| words != NEVER) {
            let _another_is_at_it = self.record.try_write(next);
        }
        Ok(reading.wall_ns)
    }

    /// A reading as something to count from, unless it is none.
    fn record_of(&self, before: u64, took: u64, reading: Reading) -> Option<Words> {
        let rate = self.rate.load(Ordering::Relaxed);
        let whole_us = reading.wall_ns.div_euclid(1000);
        let usable = rate > 0
            && elapsed_ns(rate, took) <= BRACKET_NS
            && whole_us.unsigned_abs() <= MAX_PHYSICAL
            && SLOPES.contains(&reading.slope);
        usable.then(|| {
            let wall = (whole_us << WALL_POINT) + (reading.wall_ns.rem_euclid(1000) << WALL_POINT) / 1000;
            let window = (reading.holds_ns.min(WINDOW_NS) as f64 * SCALE / rate as f64) as u64;
            [before.wrapping_add(took / 2), wall as u64, (rate as f64 * reading.slope) as u64, window]
        })
    }

    /// Measures the counter against steady time, now and then. A thread that finds another one at it goes on without.
    fn calibrate(&self) {
        let mut calibration = match self.calibration.try_lock() {
            Ok(calibration) => calibration,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return,
        };
        if calibration.setbacks == SETBACKS {
            return;
        }
        if let Some(begun) = calibration.begun {
            let counting = self.rate.load(Ordering::Relaxed) > 0;
            let wait_ns = if counting { CALIBRATION_NS } else { FIRST_CALIBRATION_NS };
            // Steady time that went back is an oscillator set back, and no reason to wait until it is where it was.
            if self.base.steady_ns().checked_sub(begun.steady_ns).is_some_and(|elapsed| elapsed < wait_ns) {
                return;
            }
        }
        let now = self.same_instant();
        let stretch = calibration.begun.zip(now);
        if now.is_none() || stretch.is_some_and(|(begun, now)| !self.believes(begun, now)) {
            self.rate.store(0, Ordering::Relaxed);
            calibration.setbacks += 1;
        } else if let Some((begun, now)) = stretch {
            calibration.forget(now.steady_ns - begun.steady_ns);
        }
        calibration.begun = now;
    }

    /// Ticks and steady time of one instant, or `None` where every try was interrupted.
    fn same_instant(&self) -> Option<Instant> {
        (0..TRIES).find_map(|_| {
            let before = self.base.steady_ns();
            let ticks = self.counter.ticks();
            let took = self.base.steady_ns().checked_sub(before)?;
            (took <= BRACKET_NS).then_some(Instant { ticks, steady_ns: before + took / 2 })
        })
    }

    /// Takes over the rate of a stretch, unless it cannot be.
    fn believes(&self, begun: Instant, now: Instant) -> bool {
        let stretch_ns = now.steady_ns.saturating_sub(begun.steady_ns) as f64;
        let rate = stretch_ns / now.ticks.wrapping_sub(begun.ticks) as f64; // nanoseconds a tick
        let before = self.rate.load(Ordering::Relaxed) as f64 / SCALE;
        let plausible = (0.125..100.0).contains(&rate); // 10 MHz to 8 GHz
        if !plausible || (before > 0.0 && (rate / before - 1.0).abs() > BELIEVABLE) {
            return false;
        }
        self.rate.store((rate * SCALE) as u64, Ordering::Relaxed);
        true
    }
}

/// A rate as it is kept, of one in nanoseconds a tick.
const SCALE: f64 = (1_u64 << (RATE_POINT + WALL_POINT)) as f64 / 1000.0;

/// What a stretch of the counter comes to, for any number of ticks.
fn elapsed_ns(rate: u64, ticks: u64) -> u64 {
    let us = u128::from(ticks) * u128::from(rate);
    u64::try_from((us * 1000) >> (RATE_POINT + WALL_POINT)).unwrap_or(u64::MAX)
}

impl<S: TimeSource, C: Counter> TimeSource for CountedSource<S, C> {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        match self.0.counted() {
            Some(wall) => Ok(((i128::from(wall) * 1000) >> WALL_POINT) as i64),
            None => self.0.reread(),
        }
    }

    #[inline]
    fn wall_us(&self) -> Result<i64, SourceFailed> {
        match self.0.counted() {
            Some(wall) => Ok(wall >> WALL_POINT),
            None => Ok(self.0.reread()?.div_euclid(1000)),
        }
    }

    fn monotonic_ns(&self) -> u64 {
        self.0.base.monotonic_ns()
    }

    fn raw_ns(&self) -> u64 {
        self.0.base.raw_ns()
    }

    fn reading(&self) -> Result<Reading, SourceFailed> {
        self.0.base.reading()
    }

    fn steady_ns(&self) -> u64 {
        self.0.base.steady_ns()
    }

    #[inline]
    fn max_drift_us(&self, configured: Option<u64>) -> Option<u64> {
        self.0.base.max_drift_us(configured)
    }

    fn rereadable(&self) -> bool {
        self.0.base.rereadable()
    }

    /// Straight from the base: what is counted may be a millisecond behind the latest guidance.
    fn vouched(&self) -> Result<Vouched, SourceFailed> {
        self.0.base.vouched()
    }

    fn is_moved_by_hand(&self) -> bool {
        self.0.base.is_moved_by_hand()
    }
}
