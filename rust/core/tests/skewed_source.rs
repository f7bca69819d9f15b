//! A wrong clock, and what is done to it while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use flocktime_core::{ManualSource, SkewedSource, SourceFailed, TimeSource};
use proptest::prelude::*;

const SECOND_US: u64 = 1_000_000;
const SECOND_NS: i64 = 1_000_000_000;
const START_NS: i64 = 1_800_000_000 * SECOND_NS;

/// A base whose raw counter has been running for an hour.
fn skewed(offset_ns: i64, ppm: f64) -> (ManualSource, SkewedSource<ManualSource>) {
    let base = ManualSource::new(START_NS / 1000 - 3_600_000_000).unwrap();
    base.advance(3_600_000_000).unwrap();
    (base.clone(), SkewedSource::new(base, offset_ns, ppm).unwrap())
}

/// Wall and raw against the base's, nanoseconds.
fn errors(base: &ManualSource, source: &impl TimeSource) -> (i64, i64) {
    let wall = source.wall_ns().unwrap() - base.wall_ns().unwrap();
    (wall, source.raw_ns() as i64 - base.raw_ns() as i64)
}

/// Its oscillator is wrong: the raw counter has the rate error as the wall has, but no offset. Monotonic time has neither.
#[test]
fn the_rate_error_is_the_oscillators() {
    let (base, source) = skewed(250_000_000, 100.0);
    assert_eq!(errors(&base, &source), (250_000_000, 0));
    base.advance(10 * SECOND_US).unwrap();
    assert_eq!(errors(&base, &source), (250_000_000 + 1_000_000, 1_000_000));
    assert_eq!(source.monotonic_ns(), base.monotonic_ns());
}

/// A jump of the oscillator moves both, an operator's hand the wall alone; both add up, for all clones.
#[test]
fn steps_and_settings_add_up() {
    let (base, source) = skewed(0, 0.0);
    let clone = source.clone();
    source.step(-3 * SECOND_NS);
    clone.set_wall(5 * SECOND_NS);
    clone.set_wall(-SECOND_NS);
    source.step(SECOND_NS);
    assert_eq!(errors(&base, &source), (2 * SECOND_NS, -2 * SECOND_NS));
    assert_eq!(errors(&base, &clone), (2 * SECOND_NS, -2 * SECOND_NS));
}

/// Frozen, wall and raw stand still while monotonic time goes on; thawed, they go on from there and stay behind. Freezing
/// twice is freezing once, and so is thawing.
#[test]
fn a_frozen_source_stays_behind() {
    let (base, source) = skewed(7, 0.0);
    source.freeze().unwrap();
    let (wall, raw, monotonic) = (source.wall_ns(), source.raw_ns(), source.monotonic_ns());
    base.advance(2 * SECOND_US).unwrap();
    source.freeze().unwrap();
    assert!(source.is_frozen());
    assert_eq!((source.wall_ns(), source.raw_ns()), (wall, raw));
    assert_eq!(source.monotonic_ns(), monotonic + 2_000_000_000);
    source.thaw().unwrap();
    source.thaw().unwrap();
    assert_eq!((source.wall_ns(), source.raw_ns(), source.is_frozen()), (wall, raw, false));
    base.advance(SECOND_US).unwrap();
    assert_eq!(errors(&base, &source), (7 - 2 * SECOND_NS, -2 * SECOND_NS));
}

/// What is done to a frozen source shows at once and stays.
#[test]
fn a_frozen_source_can_be_moved() {
    let (base, source) = skewed(0, 0.0);
    source.freeze().unwrap();
    base.advance(SECOND_US).unwrap();
    source.step(10);
    source.set_wall(100);
    assert_eq!(errors(&base, &source), (110 - SECOND_NS, 10 - SECOND_NS));
    source.thaw().unwrap();
    base.advance(SECOND_US).unwrap();
    assert_eq!(errors(&base, &source), (110 - SECOND_NS, 10 - SECOND_NS));
}

/// A base that can be made to fail.
#[derive(Clone, Default)]
struct Failing(Arc<AtomicU64>);

impl TimeSource for Failing {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        if self.0.load(Relaxed) > 0 { Err(SourceFailed::Raised) } else { Ok(START_NS) }
    }

    fn monotonic_ns(&self) -> u64 {
        0
    }
}

/// Where the base cannot be read, nothing is frozen and nothing thawed.
#[test]
fn a_base_that_fails_changes_nothing() {
    let base = Failing::default();
    let source = SkewedSource::new(base.clone(), 0, 0.0).unwrap();
    base.0.store(1, Relaxed);
    assert_eq!((source.freeze(), source.is_frozen()), (Err(SourceFailed::Raised), false));
    base.0.store(0, Relaxed);
    source.freeze().unwrap();
    base.0.store(1, Relaxed);
    assert_eq!((source.thaw(), source.is_frozen()), (Err(SourceFailed::Raised), true));
    assert_eq!(source.wall_ns(), Ok(START_NS), "what is held needs no reading");
}

proptest! {
    /// Whatever the numbers, there is an answer.
    #[test]
    fn any_number_has_an_answer(offset in any::<i64>(), ppm in any::<f64>(), steps in any::<[i64; 4]>(), us in 0..1_u64 << 50) {
        let (base, source) = skewed(offset, ppm);
        base.advance(us).unwrap();
        source.step(steps[0]);
        source.set_wall(steps[1]);
        source.freeze().unwrap();
        source.step(steps[2]);
        source.set_wall(steps[3]);
        source.thaw().unwrap();
        let _answers = (source.wall_ns().unwrap(), source.raw_ns());
    }
}

/// Readers beside a thread that moves the source see each move whole: here wall and raw are always moved together.
#[test]
fn readers_see_each_move_whole() {
    let (base, source) = skewed(0, 0.0);
    let raw0 = base.raw_ns() as i64;
    thread::scope(|scope| {
        let hand = scope.spawn(|| {
            for round in 0..20_000 {
                source.freeze().unwrap();
                source.step(if round % 2 == 0 { 1_000 } else { -1_000 });
                source.thaw().unwrap();
            }
        });
        while !hand.is_finished() {
            let moved = source.wall_ns().unwrap() - START_NS;
            assert!(moved == 0 || moved == 1_000, "{moved}");
            let moved = source.raw_ns() as i64 - raw0;
            assert!(moved == 0 || moved == 1_000, "{moved}");
        }
    });
}
