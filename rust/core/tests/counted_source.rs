//! A counter between readings of a clock, with both under the test's control.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use flocktime_core::{CountedSource, Counter, SkewedSource, SourceFailed, SteeredSource, Steering, TimeSource};
use proptest::prelude::*;

/// One true time, seen through a wall clock that can be stepped and a counter of any rate.
#[derive(Clone, Default)]
struct World(Arc<State>);

#[derive(Default)]
struct State {
    true_ns: AtomicU64,
    step_ns: AtomicI64,
    readings: AtomicU64,
    ticks: AtomicU64,
    /// So many readings of monotonic time from now, time passes in the middle of things.
    interrupt_in: AtomicU64,
    interrupt_ns: AtomicU64,
    /// And then again after so many; zero: once only.
    interrupt_every: AtomicU64,
}

impl World {
    /// Lets time pass, counted at so many ticks a microsecond; in steps that make whole ticks.
    fn pass(&self, ns: u64, ticks_per_us: u64) {
        self.0.true_ns.fetch_add(ns, Relaxed);
        self.0.ticks.fetch_add(ns * ticks_per_us / 1000, Relaxed);
    }

    fn wall(&self) -> i64 {
        1_800_000_000_000_000_000 + self.0.true_ns.load(Relaxed) as i64 + self.0.step_ns.load(Relaxed)
    }
}

impl TimeSource for World {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        self.0.readings.fetch_add(1, Relaxed);
        Ok(self.wall())
    }

    fn monotonic_ns(&self) -> u64 {
        let monotonic_ns = self.0.true_ns.load(Relaxed);
        match self.0.interrupt_in.load(Relaxed) {
            0 => {}
            1 => {
                self.0.interrupt_in.store(self.0.interrupt_every.load(Relaxed), Relaxed);
                self.pass(self.0.interrupt_ns.load(Relaxed), RATE);
            }
            more => self.0.interrupt_in.store(more - 1, Relaxed),
        }
        monotonic_ns
    }
}

impl Counter for World {
    fn ticks(&self) -> u64 {
        self.0.ticks.load(Relaxed)
    }
}

const RATE: u64 = 2_900; // ticks a microsecond: 2.9 GHz

fn calibrated() -> (World, CountedSource<World, World>) {
    let world = World::default();
    let source = CountedSource::new(world.clone(), world.clone());
    for _ in 0..12 {
        assert_eq!(source.wall_ns(), Ok(world.wall()), "until it is calibrated it is the clock itself");
        world.pass(1_000_000, RATE);
    }
    source.wall_ns().unwrap();
    assert!(source.is_counting());
    (world, source)
}

proptest! {
    /// While the counter keeps its rate, a reading is within a microsecond of the clock, and the clock is read rarely.
    #[test]
    fn counted_readings_are_the_clocks(gaps in prop::collection::vec((0..20_000_u64).prop_map(|tens| tens * 10), 1..400)) {
        let (world, source) = calibrated();
        let (begun, readings) = (world.monotonic_ns(), world.0.readings.load(Relaxed));
        for gap in &gaps {
            world.pass(*gap, RATE);
            let error = source.wall_ns().unwrap() - world.wall();
            prop_assert!(error.abs() <= 1_000, "{error} ns");
        }
        let elapsed_ms = (world.monotonic_ns() - begun) / 1_000_000;
        prop_assert!(world.0.readings.load(Relaxed) - readings <= elapsed_ms + 1);
    }

    /// A step of the clock shows within a millisecond, however often it is read meanwhile.
    #[test]
    fn steps_show_within_a_millisecond(step_ns in any::<i32>(), gap in (1..10_000_u64).prop_map(|tens| tens * 10)) {
        let (world, source) = calibrated();
        world.0.step_ns.store(step_ns.into(), Relaxed);
        for _ in 0..=1_000_000 / gap {
            source.wall_ns().unwrap();
            world.pass(gap, RATE);
        }
        let error = source.wall_ns().unwrap() - world.wall();
        prop_assert!(error.abs() <= 1_000, "{error} ns");
    }

    /// A clock that is slewed by 500 ppm takes the readings with it: no error beyond a microsecond, and the counter is kept.
    #[test]
    fn slewing_is_followed(rate in (RATE * 9_995 / 10_000)..=(RATE * 10_005 / 10_000)) {
        let (world, source) = calibrated();
        for _ in 0..30_000 {
            world.pass(100_000, rate);
            let error = source.wall_ns().unwrap() - world.wall();
            prop_assert!(error.abs() <= 1_000, "{error} ns");
        }
        prop_assert!(source.is_counting());
    }
}

/// A counter that changes its rate once, as after a machine slept, is calibrated anew; one that goes on changing is given up
/// for good, and every reading is the clock's own from then on.
#[test]
fn a_counter_that_changes_is_calibrated_anew_and_then_given_up() {
    let (world, source) = calibrated();
    let run = |ms: u64, rate| {
        for _ in 0..ms {
            world.pass(1_000_000, rate);
            source.wall_ns().unwrap();
        }
    };
    run(1_200, RATE * 2);
    world.pass(100_000, RATE * 2);
    assert!(source.is_counting());
    assert!((source.wall_ns().unwrap() - world.wall()).abs() <= 1_000);
    for change in 0..20 {
        run(1_200, RATE * (2 + change % 2));
    }
    assert!(!source.is_counting());
    for _ in 0..5_000 {
        world.pass(1_000_000, RATE);
        assert_eq!(source.wall_ns(), Ok(world.wall()));
    }
    assert!(!source.is_counting());
}

/// A counter that was given up for a moment now and then, by a suspension a day say, is not given up for good.
#[test]
fn setbacks_are_forgotten() {
    let (world, source) = calibrated();
    let run = |times: u64, ns, rate| {
        for _ in 0..times {
            world.pass(ns, rate);
            source.wall_ns().unwrap();
        }
    };
    for change in 0..50 {
        let rate = RATE * (1 + change % 2);
        run(3, 1_000_000_000, rate);
        assert!(source.is_counting(), "after {change} changes");
        run(62, 60_000_000_000, rate);
    }
}

/// An interruption of any length, at any reading, during the first calibration or a later one, spoils none of them.
#[test]
fn interruptions_do_not_spoil_a_calibration() {
    for (at, ns) in (1..40).flat_map(|at| [600, 50_000, 3_000_000].map(|ns| (at, ns))) {
        let world = World::default();
        world.0.interrupt_in.store(at, Relaxed);
        world.0.interrupt_ns.store(ns, Relaxed);
        let source = CountedSource::new(world.clone(), world.clone());
        for _ in 0..40_000 {
            world.pass(100_000, RATE);
            let before = world.wall();
            let reading = source.wall_ns().unwrap();
            assert!((before - 1_000..=world.wall() + 1_000).contains(&reading), "interrupted for {ns} ns at {at}");
        }
        assert!(source.is_counting(), "interrupted for {ns} ns at {at}");
    }
}

/// Where every reading of the clock takes long, the counter is given up after a few tries, and the clock is read once a call.
#[test]
fn a_slow_clock_ends_the_tries() {
    let world = World::default();
    world.0.interrupt_in.store(1, Relaxed);
    world.0.interrupt_every.store(1, Relaxed);
    world.0.interrupt_ns.store(600, Relaxed);
    let source = CountedSource::new(world.clone(), world.clone());
    for _ in 0..1_000 {
        world.pass(1_000_000, RATE);
        source.wall_ns().unwrap();
    }
    let (readings, time) = (world.0.readings.load(Relaxed), world.monotonic_ns());
    for _ in 0..100 {
        source.wall_ns().unwrap();
    }
    assert!(!source.is_counting());
    assert_eq!(world.0.readings.load(Relaxed) - readings, 100);
    assert!(world.monotonic_ns() - time < 2_000, "monotonic time was read no more");
}

/// An oscillator that is set back, as a broken one may be, costs the counter a calibration and no more; nor does one that jumps
/// ahead or stands still for a while.
#[test]
fn an_oscillator_that_jumps_is_calibrated_anew() {
    let world = World::default();
    world.pass(7_200_000_000_000, RATE);
    let skewed = SkewedSource::new(world.clone(), 0, 0.0).unwrap();
    let steering = Arc::new(Steering::new());
    let source = CountedSource::new(SteeredSource::new(skewed.clone(), steering), world.clone());
    let run = |ms: u64| {
        for _ in 0..ms {
            world.pass(1_000_000, RATE);
            let error = source.wall_ns().unwrap() - skewed.wall_ns().unwrap();
            assert!(error.abs() <= 1_000, "{error} ns");
        }
    };
    run(1_200);
    for step_ns in [-3_600_000_000_000, 3_600_000_000_000] {
        skewed.step(step_ns);
        run(1_200);
        assert!(source.is_counting(), "{step_ns}");
    }
    skewed.freeze().unwrap();
    run(300);
    skewed.thaw().unwrap();
    run(1_200);
    assert!(source.is_counting());
}

/// A counter that goes back is no reason to go back: the clock is asked instead.
#[test]
fn a_counter_that_goes_back_is_not_followed() {
    let (world, source) = calibrated();
    world.0.ticks.fetch_sub(1_000, Relaxed);
    assert_eq!(source.wall_ns(), Ok(world.wall()));
}

/// A counter that stands still from the start is never used.
#[test]
fn a_counter_that_stands_still_is_never_used() {
    let world = World::default();
    let source = CountedSource::new(world.clone(), world.clone());
    for _ in 0..3_000 {
        world.pass(1_000_000, 0);
        assert_eq!(source.wall_ns(), Ok(world.wall()));
    }
    assert!(!source.is_counting());
}
