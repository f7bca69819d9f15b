//! Where readings come from: the operating system, or a source that a test or a demo moves by hand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::interval::{Bound, Vouched, Voucher};

/// Why a source could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFailed {
    /// It failed, and keeps the details itself.
    Raised,
    /// It follows a flock that has not synchronised yet, and was told to refuse until then.
    NotReady,
}

/// A reading to go on from: wall time, and how it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Nanoseconds since 1970-01-01 UTC.
    pub wall_ns: i64,
    /// Nanoseconds of wall time in a nanosecond of [`TimeSource::steady_ns`].
    pub slope: f64,
    /// Nanoseconds of it for which the source foresees that slope.
    pub holds_ns: u64,
}

/// Physical time as a clock sees it. Readings may jump either way; the clock absorbs that.
pub trait TimeSource: Send + Sync {
    /// Nanoseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    ///
    /// [`SourceFailed`] when there is no reading; the clock's call then fails and changes nothing.
    fn wall_ns(&self) -> Result<i64, SourceFailed>;

    /// The same in microseconds, rounded down.
    ///
    /// # Errors
    ///
    /// As [`TimeSource::wall_ns`].
    #[inline]
    fn wall_us(&self) -> Result<i64, SourceFailed> {
        Ok(self.wall_ns()?.div_euclid(1000))
    }

    /// Nanoseconds since any fixed start; never goes back.
    fn monotonic_ns(&self) -> u64;

    /// Nanoseconds since any fixed start as the oscillator counts them: nobody slews or sets them. A source that plays a
    /// broken oscillator may go back.
    fn raw_ns(&self) -> u64 {
        self.monotonic_ns()
    }

    /// Wall time, and how it goes on.
    ///
    /// # Errors
    ///
    /// As [`TimeSource::wall_ns`].
    fn reading(&self) -> Result<Reading, SourceFailed> {
        Ok(Reading { wall_ns: self.wall_ns()?, slope: 1.0, holds_ns: u64::MAX })
    }

    /// The clock that [`Reading::slope`] refers to, nanoseconds: what a counter has to be calibrated against.
    fn steady_ns(&self) -> u64 {
        self.monotonic_ns()
    }

    /// The largest lead of a remote timestamp that a clock accepts on this source, inclusive, microseconds, where the clock
    /// was given `configured`; `None`: no limit. Asked at every received timestamp.
    #[inline]
    fn max_drift_us(&self, configured: Option<u64>) -> Option<u64> {
        configured
    }

    /// Whether the clock may read once more than it was asked for. A scripted source would notice.
    fn rereadable(&self) -> bool {
        true
    }

    /// A reading, and what it may be wrong by as far as this source knows: most do not.
    ///
    /// # Errors
    ///
    /// As [`TimeSource::wall_ns`].
    fn vouched(&self) -> Result<Vouched, SourceFailed> {
        self.wall_ns().map(Vouched::by_nobody)
    }

    /// Whether time goes on only when somebody says so: who waits for it has to look every now and then.
    fn is_moved_by_hand(&self) -> bool {
        false
    }
}

/// The operating system's wall and monotonic clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsSource;

#[cfg(unix)]
impl TimeSource for OsSource {
    #[inline]
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Ok(time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec))
    }

    #[inline]
    fn wall_us(&self) -> Result<i64, SourceFailed> {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Ok(time.tv_sec.wrapping_mul(1_000_000).wrapping_add(time.tv_nsec / 1000))
    }

    fn monotonic_ns(&self) -> u64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn raw_ns(&self) -> u64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicRaw);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
}

#[cfg(not(unix))]
impl TimeSource for OsSource {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        use std::time::SystemTime;
        let ns = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Ok(match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => ns(since),
            Err(before) => -ns(before.duration()),
        })
    }

    fn monotonic_ns(&self) -> u64 {
        use std::{sync::OnceLock, time::Instant};
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A source that moves only when told to. Clones share one time.
#[derive(Clone, Debug, Default)]
pub struct ManualSource(Arc<Mutex<Manual>>);

#[derive(Debug, Default)]
#[allow(clippy::struct_field_names, reason = "the unit stands last in every name")]
struct Manual {
    wall_ns: i64,
    monotonic_ns: u64,
    /// What a paused source goes on showing.
    held_ns: Option<i64>,
    /// What it was told to vouch for.
    error_ns: Option<u64>,
}

impl ManualSource {
    /// Starts at so many microseconds since 1970; `None` beyond 64 bits of nanoseconds.
    pub fn new(start_us: i64) -> Option<Self> {
        let wall_ns = start_us.checked_mul(1000)?;
        Some(Self(Arc::new(Mutex::new(Manual { wall_ns, ..Manual::default() }))))
    }

    fn state(&self) -> MutexGuard<'_, Manual> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the wall time, as an operator does; monotonic time stands still. `None`, and nothing set, beyond 64 bits.
    pub fn set(&self, us: i64) -> Option<()> {
        self.state().wall_ns = us.checked_mul(1000)?;
        Some(())
    }

    /// Lets both times pass. `None`, and nothing moved, beyond 64 bits of nanoseconds.
    pub fn advance(&self, us: u64) -> Option<()> {
        let step = i64::try_from(us).ok()?.checked_mul(1000)?;
        let mut state = self.state();
        let wall = state.wall_ns.checked_add(step)?;
        let monotonic = (state.monotonic_ns as i64).checked_add(step)?;
        state.wall_ns = wall;
        state.monotonic_ns = monotonic as u64;
        Some(())
    }

    /// Sets the wall time back by so much; monotonic time stands still. `None`, and nothing moved, beyond 64 bits.
    pub fn step_back(&self, us: u64) -> Option<()> {
        let step = i64::try_from(us).ok()?.checked_mul(1000)?;
        let mut state = self.state();
        state.wall_ns = state.wall_ns.checked_sub(step)?;
        Some(())
    }

    /// Readings stand still until [`ManualSource::resume`]; time passes on behind them, as in a stopped machine.
    pub fn pause(&self) {
        let mut state = self.state();
        state.held_ns = state.held_ns.or(Some(state.wall_ns));
    }

    /// Readings show the time that has passed meanwhile.
    pub fn resume(&self) {
        self.state().held_ns = None;
    }

    /// From now on readings may be wrong by so much, as it says; `None`, as at first: nobody knows.
    pub fn vouch(&self, error_ns: Option<u64>) {
        self.state().error_ns = error_ns;
    }

    /// True between pause and resume.
    pub fn is_paused(&self) -> bool {
        self.state().held_ns.is_some()
    }
}

impl TimeSource for ManualSource {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        let state = self.state();
        Ok(state.held_ns.unwrap_or(state.wall_ns))
    }

    fn monotonic_ns(&self) -> u64 {
        self.state().monotonic_ns
    }

    fn vouched(&self) -> Result<Vouched, SourceFailed> {
        let state = self.state();
        Ok(told(state.held_ns.unwrap_or(state.wall_ns), state.error_ns))
    }

    fn is_moved_by_hand(&self) -> bool {
        true
    }
}

/// A reading of a source that was told what it may be wrong by.
pub(crate) fn told(wall_ns: i64, error_ns: Option<u64>) -> Vouched {
    let bound = error_ns.map(|error_ns| Bound { error_ns, free_running: false, by: Voucher::Source });
    Vouched { wall_ns, bound }
}
