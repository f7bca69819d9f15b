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
/// No slew changes the rate by more than this share from one calibration to the next. A counter that seems to has to be
/// calibrated anew: the machine slept or was moved, or the counter never was what it seemed.
const BELIEVABLE: f64 = 0.002;
/// So often does a counter get another chance, after a rate that was not believed or tries that were all interrupted (a slow
/// clock looks like that). Then it is given up for good, and with it what the trying costs.
const SETBACKS: u32 = 8;

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
/// last millisecond. Without a calibration, or with a counter that was given up, it is what `base` shows.
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

#[derive(Clone, Copy, Debug, Default)]
struct Calibration {
    /// Where the current stretch began; `None` before the first one.
    begun: Option<Instant>,
    setbacks: u32,
}

/// Ticks and monotonic time at once.
#[derive(Clone, Copy, Debug)]
struct Instant {
    ticks: u64,
    monotonic_ns: u64,
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
            calibration: Mutex::default(),
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
        let counting = self.window.load(Ordering::Relaxed) > 0;
        if counting && self.elapsed_ns(took) <= BRACKET_NS && whole_us.unsigned_abs() <= MAX_PHYSICAL {
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
        if calibration.setbacks == SETBACKS {
            return;
        }
        if let Some(begun) = calibration.begun {
            let counting = self.window.load(Ordering::Relaxed) > 0;
            let wait_ns = if counting { CALIBRATION_NS } else { FIRST_CALIBRATION_NS };
            if self.base.monotonic_ns().saturating_sub(begun.monotonic_ns) < wait_ns {
                return;
            }
        }
        let now = self.same_instant();
        let stretch = calibration.begun.zip(now);
        if now.is_none() || stretch.is_some_and(|(begun, now)| !self.believes(begun, now)) {
            // Not the rate: a thread that has just seen the window still multiplies by it.
            self.window.store(0, Ordering::Relaxed);
            calibration.setbacks += 1;
        }
        calibration.begun = now;
    }

    /// Ticks and monotonic time of one instant, or `None` where every try was interrupted.
    fn same_instant(&self) -> Option<Instant> {
        (0..TRIES).find_map(|_| {
            let before = self.base.monotonic_ns();
            let ticks = self.counter.ticks();
            let took = self.base.monotonic_ns().saturating_sub(before);
            (took <= BRACKET_NS).then_some(Instant { ticks, monotonic_ns: before + took / 2 })
        })
    }

    /// Takes over the rate of a stretch, unless it cannot be.
    fn believes(&self, begun: Instant, now: Instant) -> bool {
        const SCALE: f64 = (1_u64 << (RATE_POINT + WALL_POINT)) as f64 / 1000.0;
        let stretch_ns = now.monotonic_ns.saturating_sub(begun.monotonic_ns) as f64;
        let rate = stretch_ns / now.ticks.wrapping_sub(begun.ticks) as f64; // nanoseconds a tick
        let before = self.rate.load(Ordering::Relaxed) as f64 / SCALE;
        let counting = self.window.load(Ordering::Relaxed) > 0;
        let plausible = (0.125..100.0).contains(&rate); // 10 MHz to 8 GHz
        if !plausible || (counting && (rate / before - 1.0).abs() > BELIEVABLE) {
            return false;
        }
        self.rate.store((rate * SCALE) as u64, Ordering::Relaxed);
        self.window.store((WINDOW_NS as f64 / rate) as u64, Ordering::Relaxed);
        true
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
