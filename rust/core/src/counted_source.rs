//! The operating system's clock, read every millisecond, and the processor's counter between two readings.
//!
//! Reading the wall clock is most of what a timestamp costs: 25 ns, against 10 ns for the counter. The counter never says
//! what time it is. It says how long ago the operating system did, for a millisecond at most; a step of the clock shows
//! after that, and a slew of 500 ppm is half a microsecond by then.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use portable_atomic::AtomicU128;

use crate::layout::MAX_PHYSICAL;
use crate::sync::{AtomicU64, Ordering};
use crate::time_source::{SourceFailed, TimeSource};

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
/// No slew changes the rate by more than this share from one calibration to the next. A counter that seems to is not believed
/// any more: a machine was moved, or the counter never was what it seemed.
const BELIEVABLE: f64 = 0.002;

/// Binary places of a wall time in microseconds: 52 bits before the point, half a nanosecond behind it. In this form a
/// reading is a product and two shifts; dividing nanoseconds by a thousand would take as long as all of that.
const WALL_POINT: u32 = 11;
/// More of them for the rate. An anchor is believed for less than 2^23 ticks at any rate below 8 GHz, so the product fits.
const RATE_POINT: u32 = 40;

/// Something that counts at a constant rate, on every processor alike.
pub trait Counter: Send + Sync {
    /// The count now. It wraps at 64 bits.
    fn ticks(&self) -> u64;
}

/// A source of wall time that asks `base` once a millisecond and counts in between.
///
/// A reading is at most a microsecond away from what `base` would have shown, plus any step that `base` has made within the
/// last millisecond. Without a calibration, or with a counter that is not believed any more, it is what `base` shows.
///
/// Clones share one calibration.
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
    /// `ticks 64 | wall microseconds 64` of one instant, the latter with [`WALL_POINT`] binary places.
    anchor: AtomicU128,
    /// Microseconds a tick, with [`WALL_POINT`] and [`RATE_POINT`] binary places.
    rate: AtomicU64,
    /// Ticks for which an anchor is believed; zero: not at all.
    window: AtomicU64,
    calibration: Mutex<Calibration>,
}

#[derive(Clone, Copy, Debug)]
enum Calibration {
    /// Nothing is known yet.
    Unbegun,
    /// Ticks and monotonic nanoseconds when the current stretch began, and when it may end.
    Since { ticks: u64, monotonic_ns: u64, wait_ns: u64 },
    /// The counter has lost its credit for good.
    GivenUp,
}

impl<S: TimeSource, C: Counter> CountedSource<S, C> {
    /// Counts from the first hundredth of a second on.
    pub fn new(base: S, counter: C) -> Self {
        Self(Arc::new(Shared {
            base,
            counter,
            anchor: AtomicU128::new(0),
            rate: AtomicU64::new(0),
            window: AtomicU64::new(0),
            calibration: Mutex::new(Calibration::Unbegun),
        }))
    }

    /// True while readings are counted between those of the base.
    pub fn is_counting(&self) -> bool {
        self.0.window.load(Ordering::Relaxed) > 0
    }
}

impl<S: TimeSource, C: Counter> Shared<S, C> {
    /// Microseconds with [`WALL_POINT`] binary places, or `None` where the anchor is too old.
    #[inline]
    fn counted(&self) -> Option<i64> {
        let anchor = self.anchor.load(Ordering::Acquire);
        let since = self.counter.ticks().wrapping_sub((anchor >> 64) as u64);
        if since >= self.window.load(Ordering::Relaxed) {
            return None;
        }
        let elapsed = since.wrapping_mul(self.rate.load(Ordering::Relaxed)) >> RATE_POINT;
        Some((anchor as i64).wrapping_add(elapsed as i64))
    }

    /// What the base shows, taken as the next anchor.
    #[cold]
    fn reread(&self) -> Result<i64, SourceFailed> {
        self.calibrate();
        let before = self.counter.ticks();
        let wall_ns = self.base.wall_ns()?;
        let took = self.counter.ticks().wrapping_sub(before);
        let whole_us = wall_ns.div_euclid(1000);
        if self.elapsed_ns(took) <= BRACKET_NS && whole_us.unsigned_abs() <= MAX_PHYSICAL {
            let wall = (whole_us << WALL_POINT) + (wall_ns.rem_euclid(1000) << WALL_POINT) / 1000;
            let anchor = u128::from(before.wrapping_add(took / 2)) << 64 | u128::from(wall as u64);
            self.anchor.store(anchor, Ordering::Release);
        }
        Ok(wall_ns)
    }

    /// What a stretch of the counter comes to, for any number of ticks.
    fn elapsed_ns(&self, ticks: u64) -> u64 {
        let us = u128::from(ticks) * u128::from(self.rate.load(Ordering::Relaxed));
        u64::try_from((us * 1000) >> (RATE_POINT + WALL_POINT)).unwrap_or(u64::MAX)
    }

    /// Measures the counter against monotonic time, now and then. A thread that finds another one at it goes on without.
    fn calibrate(&self) {
        let mut calibration = match self.calibration.try_lock() {
            Ok(calibration) => calibration,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return,
        };
        match *calibration {
            Calibration::GivenUp => return,
            Calibration::Since { monotonic_ns, wait_ns, .. }
                if self.base.monotonic_ns().saturating_sub(monotonic_ns) < wait_ns =>
            {
                return;
            }
            Calibration::Unbegun | Calibration::Since { .. } => {}
        }
        let Some((ticks, monotonic_ns)) = self.same_instant() else { return };
        *calibration = match *calibration {
            Calibration::Since { ticks: begun, monotonic_ns: since, .. } => {
                let stretch_ns = monotonic_ns.saturating_sub(since) as f64;
                self.measured(stretch_ns / ticks.wrapping_sub(begun) as f64, ticks, monotonic_ns)
            }
            _ => Calibration::Since { ticks, monotonic_ns, wait_ns: FIRST_CALIBRATION_NS },
        };
    }

    /// Ticks and monotonic time of one instant, or `None` where every try was interrupted.
    fn same_instant(&self) -> Option<(u64, u64)> {
        (0..TRIES).find_map(|_| {
            let before = self.base.monotonic_ns();
            let ticks = self.counter.ticks();
            let took = self.base.monotonic_ns().saturating_sub(before);
            (took <= BRACKET_NS).then_some((ticks, before + took / 2))
        })
    }

    /// A stretch has given this rate, in nanoseconds a tick.
    fn measured(&self, rate: f64, ticks: u64, monotonic_ns: u64) -> Calibration {
        const SCALE: f64 = (1_u64 << (RATE_POINT + WALL_POINT)) as f64 / 1000.0;
        let before = self.rate.load(Ordering::Relaxed) as f64 / SCALE;
        let plausible = (0.125..100.0).contains(&rate); // 10 MHz to 8 GHz
        if !plausible || (before > 0.0 && (rate / before - 1.0).abs() > BELIEVABLE) {
            self.window.store(0, Ordering::Relaxed);
            return Calibration::GivenUp;
        }
        self.rate.store((rate * SCALE) as u64, Ordering::Relaxed);
        self.window.store((WINDOW_NS as f64 / rate) as u64, Ordering::Relaxed);
        Calibration::Since { ticks, monotonic_ns, wait_ns: CALIBRATION_NS }
    }
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

    fn rereadable(&self) -> bool {
        self.0.base.rereadable()
    }
}
