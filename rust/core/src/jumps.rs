//! Tells when a source moved against monotonic time. Absorbing a jump needs none of this: it is for the operator's eyes.

use std::sync::{Mutex, PoisonError, TryLockError};

use crate::counters::{Counters, count};
use crate::sync::{AtomicU64, Ordering};
use crate::time_source::TimeSource;

/// Readings within this window after the last comparison are taken as they are: comparing costs two more readings.
const WINDOW_US: u64 = 100_000;
/// Slewing is no jump: NTP slews at up to 500 ppm. What remains above that and above this is one.
const JUMP_US: i64 = 10_000;
const SLEW_DIVISOR: i64 = 2_000;
/// A comparison that took longer was interrupted half-way and says nothing.
const BRACKET_NS: u64 = 1_000_000;

/// Compares wall and monotonic time at most every 100 ms of wall time, whenever the clock is read.
#[derive(Debug)]
pub(crate) struct JumpWatch {
    /// Wall microseconds of the last comparison; no reading lies at `i64::MIN`, where it starts.
    window: AtomicU64,
    anchor: Mutex<Option<Pair>>,
}

/// Wall and monotonic time of one instant, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Pair {
    wall: i64,
    monotonic: i64,
}

impl JumpWatch {
    pub(crate) fn new() -> Self {
        Self { window: AtomicU64::new(i64::MIN as u64), anchor: Mutex::new(None) }
    }

    /// True when a reading that somebody takes anyway lies outside the window. This much is on the hot path.
    #[inline]
    pub(crate) fn is_due(&self, wall_us: i64) -> bool {
        (wall_us as u64).wrapping_sub(self.window.load(Ordering::Relaxed)) >= WINDOW_US
    }

    /// Compares now. Without a reading to use (`None`), a source that may not be read twice is left alone.
    ///
    /// A thread that finds another one comparing goes on without: nobody waits here.
    #[cold]
    pub(crate) fn compare(&self, source: &impl TimeSource, wall_us: Option<i64>, counters: &Counters) {
        let Some(pair) = measure(source, wall_us) else { return };
        let mut anchor = match self.anchor.try_lock() {
            Ok(anchor) => anchor,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(last) = *anchor {
            let elapsed = pair.monotonic - last.monotonic;
            let shift = pair.wall - last.wall - elapsed;
            let limit = JUMP_US + elapsed.div_euclid(SLEW_DIVISOR);
            if shift < -limit {
                count(&counters.backward_jumps);
            } else if shift > limit {
                count(&counters.forward_jumps);
            }
        }
        *anchor = Some(pair);
        self.window.store(pair.wall as u64, Ordering::Relaxed);
    }
}

fn measure(source: &impl TimeSource, wall_us: Option<i64>) -> Option<Pair> {
    if !source.rereadable() {
        let monotonic = (source.monotonic_ns() / 1000) as i64;
        return wall_us.map(|wall| Pair { wall, monotonic });
    }
    for _ in 0..3 {
        let before = source.monotonic_ns();
        let wall = source.wall_us().ok()?;
        if source.monotonic_ns().saturating_sub(before) <= BRACKET_NS {
            return Some(Pair { wall, monotonic: (before / 1000) as i64 });
        }
    }
    None
}
