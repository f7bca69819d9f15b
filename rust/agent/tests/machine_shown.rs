//! What stamps follow while a member is degraded, and when that ends.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_core::flocking::State;
use village::{SECOND, Village, scattered};

fn in_step(seed: u64, count: usize) -> Village {
    let mut village = Village::new(&scattered(count), seed, |_, _| {});
    village.run(60.0);
    assert!(village.all(0..count, State::Synchronised), "{:?} {}", village.states(), village.told());
    village
}

/// How far member 0's stamps are from the others', nanoseconds, at most, in so much time; and the states it was in.
fn watch(village: &mut Village, seconds: f64) -> (i64, Vec<State>) {
    let (mut worst, mut states) = (0, Vec::new());
    for _ in 0..(seconds * 100.0) as u64 {
        village.run(0.01);
        let others = village.error_ns(1);
        village.members[0].host.true_ns.set(village.now_ns);
        worst = worst.max((village.members[0].stamp_error_ns() - others).abs());
        if states.last() != Some(&village.state(0)) {
            states.push(village.state(0));
        }
    }
    (worst, states)
}

/// One whose oscillator stands still for ten milliseconds is degraded for a while, behind its flock. What its stamps follow never
/// falls, not on the way out either.
#[test]
fn nothing_falls_after_a_moments_freeze() {
    for (seed, freeze_s) in [(261, 0.010), (262, 0.010), (263, 0.004), (264, 0.100)] {
        let mut village = in_step(seed, 6);
        village.members[0].host.freeze();
        village.run(freeze_s);
        village.members[0].host.thaw();
        village.members[0].fell_ns = 0;
        let (_, states) = watch(&mut village, 60.0);
        assert!(states.contains(&State::Degraded), "{states:?} {}", village.told());
        assert_eq!(village.state(0), State::Synchronised, "{}", village.told());
        assert!(village.members[0].fell_ns <= 0, "{} ns, {}", village.members[0].fell_ns, village.told());
        assert_eq!(village.shift_ns(0), 0, "{}", village.told());
        assert!(village.skew_ns(0..6) < 100_000, "{} ns, {}", village.skew_ns(0..6), village.told());
    }
}

/// Ahead of its flock it is brought back once, and falls no more after that.
#[test]
fn one_fall_from_ahead() {
    for (seed, ahead_ns) in [(266, 10_000_000), (267, 300_000_000), (268, 3_600_000_000_000)] {
        let mut village = in_step(seed, 6);
        village.members[0].host.shift_h(ahead_ns);
        village.run(4.5);
        assert_eq!(village.state(0), State::Degraded, "{}", village.told());
        village.members[0].fell_ns = 0;
        let (worst, _) = watch(&mut village, 60.0);
        assert!(village.members[0].fell_ns <= 0, "{} ns, {}", village.members[0].fell_ns, village.told());
        assert!(worst < 200_000, "{worst} ns from the others, {}", village.told());
    }
}

/// Where the oscillator of a degraded member goes back, its stamps go on from where they were when it last looked, also where nobody
/// is left to follow: they do not stand still until it is where it was.
#[test]
fn h_goes_back_while_degraded() {
    let mut village = in_step(269, 6);
    village.members[0].host.shift_h(3600 * SECOND as i64);
    village.run(20.0);
    assert_eq!(village.state(0), State::Degraded, "{}", village.told());
    village.members[0].may_fall = true;
    village.members[0].host.shift_h(-30 * SECOND as i64);
    village.cut = Some(Box::new(|from, to| from == 0 || to == 0));
    let (worst, _) = watch(&mut village, 20.0);
    assert!(worst < 500_000_000, "{worst} ns from the others, {}", village.told());
}

/// A degraded member that loses its flock, all of it or all but one, goes on as it was, and takes what it has shown for its own.
#[test]
fn degraded_and_left() {
    for (seed, left) in [(270, 0), (271, 1), (272, 2)] {
        for by_ns in [3600 * SECOND as i64, 10_000_000] {
            let mut village = in_step(seed, 6);
            village.members[0].host.shift_h(by_ns);
            village.run(6.0);
            assert_eq!(village.state(0), State::Degraded, "{}", village.told());
            village.cut = Some(Box::new(move |from, to| (from == 0 && to > left) || (to == 0 && from > left)));
            let (worst, states) = watch(&mut village, 80.0);
            assert!(worst < 5_000_000, "{worst} ns from the others, {left} are left, {states:?} {}", village.told());
            assert_eq!(village.shift_ns(0), 0, "{left} are left, {states:?} {}", village.told());
            let last = if left == 0 { State::Alone } else { State::Synchronised };
            assert_eq!(village.state(0), last, "{left} are left, {states:?} {}", village.told());
            village.cut = None;
            village.run(30.0);
            assert_eq!(village.state(0), State::Synchronised, "{}", village.told());
        }
    }
}
