//! Waiting until a timestamp has passed for certain: `TrueTime`'s commit wait (Corbett et al., *Spanner*, 2012).
//!
//! Each look says how far the reading has to go on. The thread sleeps nearly to that moment of the operating system's monotonic
//! clock, looks again, and sleeps for what is left, as precisely as the system wakes threads: by then the two clocks differ by next to
//! nothing, so that three looks are enough however long it was. It never looks without having slept.

use std::time::{Duration, Instant};

use flocktime_core::{EpochsDiffer, Interval, SourceFailed, Timestamp};

/// The longest sleep: the bound may have shrunk meanwhile, or somebody has set the clock.
const LONGEST: Duration = Duration::from_secs(1);
/// A source that is moved by hand is looked at so often.
const BY_HAND: Duration = Duration::from_millis(1);
/// Before shorter sleeps nobody asks whether to go on: that may take longer than the sleep.
const SHORT: Duration = Duration::from_millis(10);

/// A processor that has idled for milliseconds takes some 50 us longer to wake than one that has just been woken, and has forgotten
/// what a look needs. So a sleep ends this much before the moment,
const EARLY: Duration = Duration::from_micros(150);
/// and a second one, which is short, by what even the quickest waking takes. It rarely ends too early; then there is a third.
const WAKING: Duration = Duration::from_micros(20);
/// There is no look without a sleep before it.
const LEAST: Duration = Duration::from_micros(1);

/// Why a wait ended otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAwaited {
    /// The timeout is over; the reading had this left to go, nanoseconds.
    TimedOut(u64),
    /// Nobody vouches for the clock: it could never be certain.
    Unknown,
    /// The clock has another epoch.
    Epochs(EpochsDiffer),
    /// The source cannot be read.
    Source(SourceFailed),
    /// `interrupted` said so.
    Interrupted,
}

/// Returns the interval that lies above `ts`, as soon as there is one. Never earlier.
///
/// `interrupted` is asked before long sleeps, when a signal has ended one, and now and then on a source that is moved by hand.
///
/// # Errors
///
/// [`NotAwaited`].
pub fn wait_until(
    ts: Timestamp,
    timeout: Option<Duration>,
    moved_by_hand: bool,
    look: impl Fn() -> Result<Interval, SourceFailed>,
    interrupted: impl Fn() -> bool,
) -> Result<Interval, NotAwaited> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut precise = None;
    let mut signalled = false;
    let mut asked = Instant::now();
    loop {
        let interval = look().map_err(NotAwaited::Source)?;
        let left_ns = match interval.left_ns(ts).map_err(NotAwaited::Epochs)? {
            None => return Err(NotAwaited::Unknown),
            Some(0) => return Ok(interval),
            Some(left_ns) => left_ns,
        };
        let longest = if moved_by_hand { BY_HAND } else { LONGEST };
        let left = Duration::from_nanos(left_ns);
        let near = left.checked_sub(EARLY).unwrap_or_else(|| left.saturating_sub(WAKING).max(LEAST));
        let sleep = near.min(longest);
        if signalled || sleep > SHORT || moved_by_hand && asked.elapsed() > SHORT {
            if interrupted() {
                return Err(NotAwaited::Interrupted);
            }
            asked = Instant::now();
        }
        let now = Instant::now();
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Err(NotAwaited::TimedOut(left_ns));
        }
        precise.get_or_insert_with(system::Precise::new);
        let wake = deadline.map_or(now + sleep, |deadline| deadline.min(now + sleep));
        signalled = system::sleep_until(wake);
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::num::NonZeroU64;
    use std::time::Instant;

    use rustix::thread::{ClockId, clock_nanosleep_absolute, current_timer_slack, set_current_timer_slack};
    use rustix::time::clock_gettime;

    /// As long as this lives, the kernel wakes this thread when it is time, and not up to 50 us later together with others.
    pub(super) struct Precise(Option<u64>);

    impl Precise {
        pub(super) fn new() -> Self {
            let before = current_timer_slack().ok().filter(|&slack_ns| slack_ns > 1);
            if before.is_some() {
                let _less_precise = set_current_timer_slack(NonZeroU64::new(1));
            }
            Self(before)
        }
    }

    impl Drop for Precise {
        fn drop(&mut self) {
            if let Some(slack_ns) = self.0 {
                let _stays_precise = set_current_timer_slack(NonZeroU64::new(slack_ns));
            }
        }
    }

    /// True: a signal came.
    pub(super) fn sleep_until(wake: Instant) -> bool {
        let mut at = clock_gettime(ClockId::Monotonic);
        let ahead = wake.saturating_duration_since(Instant::now());
        let nanoseconds = at.tv_nsec + i64::from(ahead.subsec_nanos());
        at.tv_sec += ahead.as_secs() as i64 + nanoseconds / 1_000_000_000;
        at.tv_nsec = nanoseconds % 1_000_000_000;
        clock_nanosleep_absolute(ClockId::Monotonic, &at).is_err()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::thread;
    use std::time::Instant;

    pub(super) struct Precise;

    impl Precise {
        pub(super) fn new() -> Self {
            Self
        }
    }

    pub(super) fn sleep_until(wake: Instant) -> bool {
        thread::sleep(wake.saturating_duration_since(Instant::now()));
        true // whether a signal came is not known
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use flocktime_core::{Clock, Config, ManualSource, TimeSource};

    use super::*;

    fn stamp(physical_us: u64) -> Timestamp {
        Timestamp::new(physical_us, 0, 1, 0).expect("a timestamp")
    }

    fn look(source: &ManualSource) -> Result<Interval, SourceFailed> {
        source.vouched().map(|reading| Interval::new(reading, 0))
    }

    /// It looks until it is over, and returns the first interval that says so.
    #[test]
    fn it_returns_what_proves_it() {
        let source = ManualSource::new(1_000).expect("it fits");
        source.vouch(Some(500_000));
        let looks = Cell::new(0);
        let moving = || {
            looks.set(looks.get() + 1);
            source.advance(100).ok_or(SourceFailed::Raised)?;
            look(&source)
        };
        let interval = wait_until(stamp(1_000), None, true, moving, || false).expect("it passes");
        assert_eq!((looks.get(), interval.span_us()), (6, Some((1_100, 2_100))));
    }

    /// Each way in which a wait ends otherwise.
    #[test]
    fn it_says_why_not() {
        let source = ManualSource::new(1_000).expect("it fits");
        let waited = |ts, timeout, hand| wait_until(ts, timeout, hand, || look(&source), || true);
        assert_eq!(waited(stamp(5), None, true), Err(NotAwaited::Unknown));
        source.vouch(Some(0));
        assert!(waited(stamp(999), Some(Duration::ZERO), true).is_ok());
        assert_eq!(waited(stamp(1_000), Some(Duration::ZERO), true), Err(NotAwaited::TimedOut(1_000)));
        assert_eq!(waited(stamp(1 << 40), None, false), Err(NotAwaited::Interrupted));
        let other = Timestamp::new(5, 0, 1, 3).expect("a timestamp");
        assert_eq!(waited(other, None, true), Err(NotAwaited::Epochs(EpochsDiffer { stamp: 3, clock: 0 })));
        let broken = || Err(SourceFailed::Raised);
        let failed = wait_until(stamp(5), None, true, broken, || false);
        assert_eq!(failed, Err(NotAwaited::Source(SourceFailed::Raised)));
    }

    /// On a clock that runs by itself it is never early, whatever the bound and the wait, and leaves the thread as it found it.
    #[cfg(target_os = "linux")]
    #[test]
    fn it_is_never_early() {
        use flocktime_core::{OsSource, SkewedSource};

        let before = rustix::thread::current_timer_slack();
        for (ppm, error_ns, ahead_us) in [(0.0, 0, 700), (-400.0, 300_000, 0), (400.0, 1_000_000, 3_000), (0.0, 50, 1)]
        {
            let source = SkewedSource::new(OsSource, 0, ppm).expect("it can be read");
            source.vouch(Some(error_ns));
            let clock = Clock::new(source.clone(), Config::new(|| 1));
            let issued = clock.now().expect("a stamp");
            let ts = stamp(issued.physical_us() + ahead_us);
            let look = || source.vouched().map(|reading| Interval::new(reading, 0));
            let interval = wait_until(ts, None, false, look, || false).expect("it passes");
            assert!(interval.span_us().expect("it is known").0 > ts.physical_us());
            assert!(source.wall_ns().expect("it can be read") > ts.physical_us() as i64 * 1000 + error_ns as i64);
        }
        assert_eq!(rustix::thread::current_timer_slack(), before);
    }
}
