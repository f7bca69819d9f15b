//! Flocks that were in step, each for itself, and meet.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_core::flocking::State;
use village::Village;

/// Two flocks in step within themselves and so far apart, after they have met for so long.
fn meet(seed: u64, sizes: (usize, usize), apart_ns: i64, seconds: f64) -> Village {
    let count = sizes.0 + sizes.1;
    let offsets: Vec<i64> = (0..count).map(|place| if place < sizes.0 { 0 } else { apart_ns }).collect();
    let mut village = Village::new(&offsets, seed, |_, _| {});
    for member in &village.members {
        member.host.ppm.set(member.host.ppm.get() / 100.0);
    }
    let first = sizes.0;
    village.cut = Some(Box::new(move |from, to| (from < first) != (to < first)));
    village.run(60.0);
    assert!(village.all(0..count, State::Synchronised), "{:?} {}", village.states(), village.told());
    village.cut = None;
    village.run(seconds);
    village
}

/// Flocks of three and four, ten milliseconds apart, become one, at 500 ppm.
#[test]
fn unequal_flocks_merge() {
    let mut village = meet(91, (3, 4), 10_000_000, 60.0);
    assert!(village.all(0..7, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.skew_ns(0..7) < 100_000, "{} ns, {}", village.skew_ns(0..7), village.told());
    village.run(1.0);
}

/// Two flocks of three, ten milliseconds apart, become one too: nothing makes either of them right, but staying apart for ever
/// with everybody calling the other half wrong is no state to be in.
#[test]
fn equal_flocks_merge() {
    let village = meet(92, (3, 3), 10_000_000, 90.0);
    assert!(
        village.skew_ns(0..6) < 100_000,
        "{} ns, {:?}, {}",
        village.skew_ns(0..6),
        village.states(),
        village.told()
    );
    assert!(village.all(0..6, State::Synchronised), "{:?} {}", village.states(), village.told());
}

/// Two flocks of three, ten seconds apart: nobody can tell who is right, nobody's clock is moved, and on both sides somebody says
/// so.
#[test]
fn far_flocks_are_undecided() {
    let village = meet(93, (3, 3), 10_000_000_000, 60.0);
    for side in [0..3, 3..6] {
        let says = side.clone().any(|place| village.state(place) == State::Undecided);
        assert!(says, "{:?} {}", village.states(), village.told());
    }
    assert!((0..3).all(|place| village.error_ns(place).abs() < 5_000_000), "{}", village.told());
    assert!((3..6).all(|place| (village.error_ns(place) - 10_000_000_000).abs() < 5_000_000), "{}", village.told());
}

/// A flock of two that meets a flock of five ten seconds ahead follows it.
#[test]
fn a_minority_follows() {
    let village = meet(94, (2, 5), 10_000_000_000, 60.0);
    assert!(village.all(0..7, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.skew_ns(0..7) < 100_000, "{} ns, {}", village.skew_ns(0..7), village.told());
}

/// A flock of two that meets a flock of five ten seconds behind cannot go back: it is degraded, and its stamps follow the five.
#[test]
fn a_minority_ahead_is_shifted() {
    let village = meet(95, (2, 5), -10_000_000_000, 60.0);
    assert!(village.all(2..7, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.all(0..2, State::Degraded), "{:?} {}", village.states(), village.told());
    assert!(village.stamp_skew_ns(0..7) < 1_000_000, "{} ns, {}", village.stamp_skew_ns(0..7), village.told());
}

/// Three that are degraded because they met five, and are then left alone, find together again and follow their own clocks.
#[test]
fn degraded_ones_left_alone_recover() {
    let mut village = meet(96, (3, 5), -10_000_000_000, 30.0);
    assert!(village.all(0..3, State::Degraded), "{:?} {}", village.states(), village.told());
    for place in 3..8 {
        village.members[place].running = false;
    }
    for place in 0..3 {
        village.members[place].may_fall = true; // its own clock is set to what it has shown all the while
    }
    village.run(90.0);
    assert!(village.all(0..3, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.stamp_skew_ns(0..3) < 100_000, "{} ns, {}", village.stamp_skew_ns(0..3), village.told());
}

/// One that is degraded and of whose flock two others are left goes on following them.
#[test]
fn degraded_with_two_others_follows_them() {
    let mut village = Village::new(&[0; 5], 97, |_, _| {});
    village.run(40.0);
    village.members[0].host.shift_h(10_000_000_000);
    village.run(20.0);
    assert_eq!(village.state(0), State::Degraded, "{}", village.told());
    (village.members[3].running, village.members[4].running) = (false, false);
    for _ in 0..60 {
        village.run(1.0);
        assert!(
            village.stamp_skew_ns(0..3) < 1_000_000,
            "{} ns, {:?} {}",
            village.stamp_skew_ns(0..3),
            village.states(),
            village.told()
        );
    }
}
