//! The processor's counter along a disciplined clock: as cheap as along the operating system's, and never far from its line.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use flocktime_core::{
    CountedSource, Counter, Discipline, Guidance, OsSource, SourceFailed, SteeredSource, Steering, TimeSource, fork,
};
use proptest::prelude::*;

const FLOCK_NS: i64 = 1_900_000_000_000_000_000;
const SLEW_NS: u64 = 2_000_000_000;

/// The fork generation is the process's: who raises it is alone.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One oscillator, seen as the raw counter and as the processor's, of 2.9 GHz. Its wall clock stands still.
#[derive(Clone, Default)]
struct Oscillator {
    true_ns: Arc<AtomicU64>,
    readings: Arc<AtomicU64>,
}

impl TimeSource for Oscillator {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        Ok(0)
    }

    fn monotonic_ns(&self) -> u64 {
        0
    }

    fn raw_ns(&self) -> u64 {
        self.readings.fetch_add(1, Relaxed);
        self.true_ns.load(Relaxed)
    }
}

impl Counter for Oscillator {
    fn ticks(&self) -> u64 {
        self.true_ns.load(Relaxed) * 29 / 10
    }
}

struct Flock {
    oscillator: Oscillator,
    steering: Arc<Steering>,
    line: Discipline,
    source: CountedSource<SteeredSource<Oscillator>, Oscillator>,
}

impl Flock {
    /// In force, and its counter calibrated.
    fn new() -> Self {
        let (oscillator, steering) = (Oscillator::default(), Arc::new(Steering::new()));
        let steered = SteeredSource::new(oscillator.clone(), Arc::clone(&steering));
        let source = CountedSource::new(steered, oscillator.clone());
        let line = Discipline { l0_ns: FLOCK_NS, ..Discipline::default() };
        let mut flock = Self { oscillator, steering, line, source };
        flock.steer(0.0);
        for _ in 0..12 {
            flock.pass(1_000_000);
            assert_eq!(flock.source.wall_ns(), Ok(flock.due()), "until it is calibrated it is the line itself");
        }
        flock.source.wall_ns().unwrap();
        assert!(flock.source.is_counting());
        flock
    }

    fn steer(&mut self, s: f64) {
        self.line = self.line.rebased(self.oscillator.true_ns.load(Relaxed), 1e-5, s, 0.0, SLEW_NS);
        assert!(self.steering.publish(&Guidance { discipline: self.line, in_force: true, ..Guidance::default() }));
    }

    fn pass(&self, ns: u64) {
        self.oscillator.true_ns.fetch_add(ns, Relaxed);
    }

    fn due(&self) -> i64 {
        self.line.at(self.oscillator.true_ns.load(Relaxed))
    }

    /// How far the source is ahead of the line.
    fn error(&self) -> i64 {
        self.source.wall_ns().unwrap() - self.due()
    }
}

fn slews() -> impl Strategy<Value = f64> {
    prop_oneof![-0.05..=0.05, -0.0005..=0.0005, Just(0.05), Just(-0.05), Just(0.0)]
}

proptest! {
    /// Along one guidance, across the end of its slew as well, readings are the line's to a few nanoseconds, and hence never go
    /// back by more; and the base is asked about once a millisecond.
    #[test]
    fn readings_are_the_lines(s in slews(), gaps in prop::collection::vec(0..150_000_u64, 400)) {
        let _alone = alone();
        let mut flock = Flock::new();
        flock.steer(s);
        flock.pass(SLEW_NS - 15_000_000); // half of the readings before the slew ends
        let (begun, asked) = (flock.due(), flock.oscillator.readings.load(Relaxed));
        let mut last = begun;
        for gap in gaps {
            flock.pass(gap);
            let error = flock.error();
            prop_assert!(error.abs() <= 3, "{error} ns");
            let reading = flock.source.wall_ns().unwrap();
            prop_assert!(reading >= last - 3, "back by {} ns", last - reading);
            last = reading;
        }
        let ms = (flock.due() - begun) as u64 / 1_000_000;
        let calibrations = 20;
        prop_assert!(flock.oscillator.readings.load(Relaxed) - asked <= 2 * ms + calibrations);
    }

    /// New guidance shows within a millisecond; until then a reading is off by no more than a millisecond's worth of the change
    /// of slope: 1 us from one 500 ppm to the other.
    #[test]
    fn new_guidance_shows_within_a_millisecond(old in slews(), new in slews(), at in 0..1_000_000_u64, gap in 1_000..90_000_u64) {
        let _alone = alone();
        let mut flock = Flock::new();
        flock.steer(old);
        flock.pass(2_000_000);
        flock.source.wall_ns().unwrap();
        flock.pass(at);
        flock.source.wall_ns().unwrap();
        flock.steer(new);
        let most = ((old - new).abs() * 1e6) as i64 + 3;
        let mut passed = 0;
        while passed < 3_000_000 {
            let error = flock.error();
            prop_assert!(error.abs() <= if passed < 1_000_000 { most } else { 3 }, "{error} ns after {passed}");
            flock.pass(gap);
            passed += gap;
        }
    }
}

/// In a forked child the line is served for a millisecond at most, and then the operating system's clock.
#[test]
fn a_forked_child_leaves_the_line() {
    let _alone = alone();
    let flock = Flock::new();
    fork::entered_child();
    flock.pass(1_000_000);
    assert_eq!(flock.source.wall_ns(), Ok(0));
    flock.pass(500_000);
    assert!(flock.source.wall_ns().unwrap() <= 500_000, "counted from the base's clock");
}

/// Before the line begins it stands still, and the counter does not run ahead of it.
#[test]
fn the_counter_waits_for_the_beginning() {
    let _alone = alone();
    let mut flock = Flock::new();
    flock.line.h0_ns = flock.oscillator.true_ns.load(Relaxed) + 5_000_000;
    assert!(flock.steering.publish(&Guidance { discipline: flock.line, in_force: true, ..Guidance::default() }));
    flock.pass(1_000_000);
    for _ in 0..100 {
        flock.pass(100_000);
        assert!(flock.error().abs() <= 3);
    }
}

/// Nanoseconds since the start, as a counter of 1 GHz.
struct Elapsed(Instant);

impl Counter for Elapsed {
    fn ticks(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// Real clocks, two threads that read and one that publishes: a reading is never further from the counter than 5 % and the
/// millisecond in which guidance may not show. Torn records would be off by years.
#[test]
fn readers_beside_a_publisher() {
    let _alone = alone();
    let steering = Arc::new(Steering::new());
    let source = CountedSource::new(SteeredSource::new(OsSource, Arc::clone(&steering)), Elapsed(Instant::now()));
    let begun = OsSource.raw_ns();
    let mut line = Discipline { h0_ns: begun, l0_ns: FLOCK_NS, ..Discipline::default() };
    let publish =
        |line| assert!(steering.publish(&Guidance { discipline: line, in_force: true, ..Guidance::default() }));
    publish(line);
    let done = AtomicBool::new(false);
    let counted = AtomicU64::new(0);
    let read = || {
        while !done.load(Relaxed) {
            let before = OsSource.raw_ns();
            let shown = source.wall_ns().unwrap() - FLOCK_NS;
            let elapsed = |raw: u64| (raw - begun) as f64;
            let slack = 0.11 * 1e6 + 20_000.0; // a millisecond from one slope to the other, and what separates the clocks
            let least = elapsed(before) * 0.94 - slack;
            let most = elapsed(OsSource.raw_ns()) * 1.06 + slack;
            assert!((least..=most).contains(&(shown as f64)), "{shown} lies outside {least}..={most}");
            counted.fetch_add(source.is_counting().into(), Relaxed);
        }
    };
    thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        let mut round = 0;
        // On a machine too busy to calibrate a counter there is an end as well.
        let goes_on = || counted.load(Relaxed) < 200_000 && OsSource.raw_ns() - begun < 5_000_000_000;
        while goes_on() && !readers.iter().any(thread::ScopedJoinHandle::is_finished) {
            round += 1;
            let s = if round % 2 == 0 { 0.05 } else { -0.05 };
            line = line.rebased(OsSource.raw_ns(), 0.0, s, 0.0, SLEW_NS);
            publish(line);
        }
        done.store(true, Relaxed);
    });
}
