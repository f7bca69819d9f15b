//! The operating system's clock, read every millisecond, and the processor's counter between two readings.
//!
//! Reading the wall clock is most of what a timestamp costs: 25 ns, against 10 ns for the counter. The counter never says
//! what time it is. It says how long ago the operating system did, for a millisecond at most; a step of the clock shows
//! after that, and a slew of 500 ppm is half a microsecond by then.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use portable_atomic::AtomicU128;

use crate::sync::{AtomicU64, Ordering};
use crate::time_source::{SourceFailed, TimeSource};

/// How long an anchor is believed.
const WINDOW_NS: u64 = 1_000_000;
/// The first calibration takes so long; until then every reading is the operating system's.
const FIRST_CALIBRATION_NS: u64 = 10_000_000;
/// Later ones follow so far apart: the rate then follows a slew of the clock with this delay.
const CALIBRATION_NS: u64 = 1_000_000_000;
/// A reading that took longer was interrupted half-way: it is good as a reading, not as an anchor.
const BRACKET_NS: u64 = 2_000;
/// No slew changes the rate by more than this share from one calibration to the next. A counter that seems to is not believed
/// any more: a machine was moved, or the counter never was what it seemed.
const BELIEVABLE: f64 = 0.002;

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
    /// `ticks 64 | wall nanoseconds 64` of one instant.
    anchor: AtomicU128,
    /// Nanoseconds a tick, 32 bits before and 32 after the point.
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
    /// What the base shows, taken as the next anchor.
    #[cold]
    fn reread(&self) -> Result<i64, SourceFailed> {
        let before = self.counter.ticks();
        let wall_ns = self.base.wall_ns()?;
        let took = self.counter.ticks().wrapping_sub(before);
        self.calibrate(before);
        if self.elapsed_ns(took) <= BRACKET_NS {
            let anchor = u128::from(before.wrapping_add(took / 2)) << 64 | u128::from(wall_ns as u64);
            self.anchor.store(anchor, Ordering::Release);
        }
        Ok(wall_ns)
    }

    fn elapsed_ns(&self, ticks: u64) -> u64 {
        ((u128::from(ticks) * u128::from(self.rate.load(Ordering::Relaxed))) >> 32) as u64
    }

    /// Measures the counter against monotonic time, now and then. A thread that finds another one at it goes on without.
    fn calibrate(&self, ticks: u64) {
        let mut calibration = match self.calibration.try_lock() {
            Ok(calibration) => calibration,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return,
        };
        let monotonic_ns = self.base.monotonic_ns();
        let took = self.counter.ticks().wrapping_sub(ticks);
        *calibration = match *calibration {
            Calibration::GivenUp => Calibration::GivenUp,
            Calibration::Unbegun => Calibration::Since { ticks, monotonic_ns, wait_ns: FIRST_CALIBRATION_NS },
            Calibration::Since { ticks: begun, monotonic_ns: since, wait_ns } => {
                let stretch = monotonic_ns.saturating_sub(since);
                // An interruption between the two readings spoils the end of the stretch: end it later.
                if stretch < wait_ns || self.elapsed_ns(took) > 2 * BRACKET_NS {
                    return;
                }
                self.measured(stretch as f64 / ticks.wrapping_sub(begun) as f64, ticks, monotonic_ns)
            }
        };
    }

    /// A stretch has given this rate, in nanoseconds a tick.
    fn measured(&self, rate: f64, ticks: u64, monotonic_ns: u64) -> Calibration {
        const POINT: f64 = (1_u64 << 32) as f64;
        let before = self.rate.load(Ordering::Relaxed) as f64 / POINT;
        let plausible = (0.01..100.0).contains(&rate); // 10 MHz to 100 GHz
        if !plausible || (before > 0.0 && (rate / before - 1.0).abs() > BELIEVABLE) {
            self.window.store(0, Ordering::Relaxed);
            return Calibration::GivenUp;
        }
        self.rate.store((rate * POINT) as u64, Ordering::Relaxed);
        self.window.store((WINDOW_NS as f64 / rate) as u64, Ordering::Relaxed);
        Calibration::Since { ticks, monotonic_ns, wait_ns: CALIBRATION_NS }
    }
}

impl<S: TimeSource, C: Counter> TimeSource for CountedSource<S, C> {
    #[inline]
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        let shared = &*self.0;
        let anchor = shared.anchor.load(Ordering::Acquire);
        let since = shared.counter.ticks().wrapping_sub((anchor >> 64) as u64);
        if since < shared.window.load(Ordering::Relaxed) {
            // At most 2^27 ticks of at most 2^39: no overflow.
            let elapsed_ns = since.wrapping_mul(shared.rate.load(Ordering::Relaxed)) >> 32;
            return Ok((anchor as i64).wrapping_add(elapsed_ns as i64));
        }
        shared.reread()
    }

    fn monotonic_ns(&self) -> u64 {
        self.0.base.monotonic_ns()
    }

    fn rereadable(&self) -> bool {
        self.0.base.rereadable()
    }
}
