//! Oscillators that jump and stop, members that come and go, networks that fall apart.
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

/// The others stay in step all the while, name nobody but member 0, and 30 s later its stamps are in step with theirs.
fn recovers(village: &mut Village, others: std::ops::Range<usize>) {
    let worst = village.worst_skew_ns(30.0, &others.clone().collect::<Vec<_>>());
    assert!(worst < 100_000, "others disturbed: {worst} ns, {}", village.told());
    for place in others.clone() {
        assert_eq!(village.state(place), State::Synchronised, "member {place}, {}", village.told());
        assert!(
            village.members[place].names().iter().all(|&node| node == 1),
            "{:?} {}",
            village.members[place].names(),
            village.told()
        );
    }
    let apart = village.stamp_skew_ns(std::iter::once(0).chain(others));
    assert!(apart < 1_000_000, "{apart} ns apart, {:?}, {}", village.states(), village.told());
}

/// One whose oscillator jumps an hour ahead: its stamps follow the flock within 30 s, without its clock ever going back.
#[test]
fn h_jumps_ahead() {
    let mut village = in_step(71, 6);
    village.members[0].host.shift_h(3600 * SECOND as i64);
    recovers(&mut village, 1..6);
    assert_eq!(village.state(0), State::Degraded, "{}", village.told());
    let shift_ns = village.shift_ns(0);
    assert!((shift_ns + 3600 * SECOND as i64).abs() < 5 * SECOND as i64, "{shift_ns} {}", village.told());
}

/// A jump of a hundred milliseconds is over within 30 s as well.
#[test]
fn h_jumps_a_little_ahead() {
    let mut village = in_step(72, 6);
    village.members[0].host.shift_h(100_000_000);
    recovers(&mut village, 1..6);
}

/// One whose oscillator stands still for a minute catches up within 30 s.
#[test]
fn h_freezes() {
    let mut village = in_step(73, 6);
    village.members[0].host.freeze();
    let worst = village.worst_skew_ns(60.0, &[1, 2, 3, 4, 5]);
    assert!(worst < 100_000, "others disturbed: {worst} ns, {}", village.told());
    village.members[0].host.thaw();
    recovers(&mut village, 1..6);
    assert_eq!(village.state(0), State::Synchronised, "{}", village.told());
}

/// One whose oscillator goes back is in step again within 30 s.
#[test]
fn h_goes_back() {
    for (seed, by_ns) in [(74, -3_600_000_000_000), (75, -300_000_000)] {
        let mut village = in_step(seed, 6);
        village.members[0].may_fall = true;
        let before = village.error_ns(0);
        village.members[0].host.shift_h(by_ns);
        village.run(0.002);
        let fell = before - village.error_ns(0);
        println!("H went back by {by_ns} ns, L by {fell} ns");
        recovers(&mut village, 1..6);
        assert_eq!(village.state(0), State::Synchronised, "{}", village.told());
    }
}

/// Degraded after a jump of a few tenths of a second, one is back to its own clock once that has been slewed or overtaken.
#[test]
fn degraded_and_back() {
    let mut village = in_step(76, 5);
    village.members[0].host.shift_h(3600 * SECOND as i64);
    village.run(20.0);
    assert_eq!(village.state(0), State::Degraded, "{}", village.told());
    assert_ne!(village.shift_ns(0), 0);
    village.members[0].may_fall = true; // its oscillator goes back to where it was
    village.members[0].host.shift_h(-3600 * SECOND as i64);
    village.run(40.0);
    let apart = village.stamp_skew_ns(0..5);
    assert!(apart < 1_000_000, "{apart} ns, {}", village.told());
}

/// A degraded member whose clock the flock catches up with drops its shift and is synchronised again.
#[test]
fn the_shift_is_dropped() {
    let mut village = in_step(77, 5);
    village.members[0].host.shift_h(300_000_000);
    village.run(5.0);
    assert_eq!(village.state(0), State::Degraded, "{}", village.told());
    village.members[0].may_fall = true;
    village.members[0].host.freeze();
    village.run(0.3);
    village.members[0].host.thaw();
    village.run(40.0);
    assert_eq!((village.state(0), village.shift_ns(0)), (State::Synchronised, 0), "{}", village.told());
    assert!(village.skew_ns(0..5) < 100_000, "{}", village.told());
}

/// A restarted member is in step again within 30 s, with its OS clock hundreds of milliseconds off; nobody else notices.
#[test]
fn restart_of_one() {
    let mut village = in_step(78, 6);
    village.members[0].running = false;
    village.run(5.0);
    village.restart(0, |_| {});
    recovers(&mut village, 1..6);
    assert_eq!(village.state(0), State::Synchronised, "{}", village.told());
}

/// All restarted at once are in step again within 30 s; so are all restarted one after the other.
#[test]
fn restart_of_all() {
    for pause in [0.0, 3.0] {
        let mut village = in_step(79, 5);
        for place in 0..5 {
            village.restart(place, |_| {});
            village.run(pause);
        }
        village.run(30.0);
        assert!(village.all(0..5, State::Synchronised), "{:?} {}", village.states(), village.told());
        assert!(village.skew_ns(0..5) < 100_000, "{} ns, {}", village.skew_ns(0..5), village.told());
    }
}

/// Halves that do not hear each other for two minutes stay synchronised, drift apart by less than 0.4 ms, and are within 100 µs
/// 30 s after they meet again.
#[test]
fn partition_and_heal() {
    let mut village = in_step(80, 8);
    village.run(60.0);
    village.cut = Some(Box::new(|from, to| (from < 4) != (to < 4)));
    village.run(120.0);
    assert!(village.all(0..8, State::Synchronised), "{:?} {}", village.states(), village.told());
    let gap = village.skew_ns(0..8);
    assert!(gap < 400_000, "{gap} ns apart, {}", village.told());
    village.cut = None;
    village.run(30.0);
    assert!(village.all(0..8, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.skew_ns(0..8) < 100_000, "{} ns, {}", village.skew_ns(0..8), village.told());
}

/// A member that nobody hears for ten minutes and then hears again is in step within 30 s.
#[test]
fn one_cut_off() {
    let mut village = in_step(81, 5);
    village.cut = Some(Box::new(|from, to| (from == 0) != (to == 0)));
    village.run(120.0);
    assert_eq!(village.state(0), State::Alone, "{}", village.told());
    village.cut = None;
    recovers(&mut village, 1..5);
    assert_eq!(village.state(0), State::Synchronised, "{}", village.told());
}
