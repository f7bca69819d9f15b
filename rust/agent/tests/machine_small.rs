//! Flocks too small to tell who is right.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_core::flocking::State;
use village::{TO_2051_NS, Village};

const FAR_NS: i64 = 10_000_000_000;

/// Two, three and two times two members within the drift limit agree, by slewing where they are fewer than four.
#[test]
fn close_ones_agree() {
    let cases: [&[i64]; 3] =
        [&[-200_000_000, 200_000_000], &[-200_000_000, 0, 250_000_000], &[0, 1_000_000, 300_000_000, 301_000_000]];
    for (seed, offsets) in (31..).zip(cases) {
        let mut village = Village::new(offsets, seed, |_, _| {});
        village.run(60.0);
        let places = 0..offsets.len();
        assert!(village.all(places.clone(), State::Synchronised), "{:?} {}", village.states(), village.told());
        assert!(village.skew_ns(places.clone()) < 75_000, "{} ns, {}", village.skew_ns(places.clone()), village.told());
        for place in places {
            let jumps = village.members[place].machine.counters().jumps;
            assert!(jumps == 0 || offsets.len() > 3, "{jumps} jumps of {} members, {}", offsets.len(), village.told());
        }
    }
}

/// Two, three and two times two members further apart than the drift limit leave their clocks alone, say that they are
/// undecided, and show who is how far away.
#[test]
fn far_ones_are_undecided() {
    let cases: [&[i64]; 4] = [&[0, FAR_NS], &[0, 0, FAR_NS], &[0, 0, FAR_NS, FAR_NS], &[0, TO_2051_NS]];
    for (seed, offsets) in (41..).zip(cases) {
        let mut village = Village::new(offsets, seed, |_, _| {});
        village.run(40.0);
        for (place, offset) in offsets.iter().enumerate() {
            let member = &village.members[place];
            let report = member.report();
            assert_eq!(report.state, State::Undecided, "member {place} of {offsets:?}, {}", village.told());
            assert!(!member.machine.guidance().in_force, "its OS clock stays in force, {}", village.told());
            let d = member.machine.discipline();
            assert!(
                d.s == 0.0 && d.u == 0.0 && d.y == 0.0,
                "moved by votes: {d:?}, member {place} of {offsets:?}, {}",
                village.told()
            );
            assert_eq!(member.machine.counters().jumps, 0, "{}", village.told());
            let far = (0..offsets.len()).find(|&other| (offsets[other] - offset).abs() > 500_000_000).unwrap();
            let seen = village.sees(place, far).unwrap();
            let apart = (offsets[far] - offset) as f64;
            assert!((seen.offset_ns.unwrap() - apart).abs() < 20e6, "{seen:?} {}", village.told());
        }
    }
}

/// Two that were in step and of which one leaves for 2051 stay where they are, each on its own, and find together again once it
/// is restarted with a good clock.
#[test]
fn a_pair_survives_a_runaway() {
    let mut village = Village::new(&[0, 50_000_000], 51, |_, _| {});
    village.run(40.0);
    assert!(village.all(0..2, State::Synchronised), "{:?} {}", village.states(), village.told());
    let before = village.error_ns(0);
    village.members[1].bend = Some(Box::new(|packet, _, _| packet.tx_l_ns += TO_2051_NS));
    village.run(40.0);
    assert_eq!(village.state(0), State::Undecided, "{}", village.told());
    let moved = (village.error_ns(0) - before).abs();
    assert!(moved < 40 * 60_000, "it moved by {moved} ns, {}", village.told());
    village.members[1].bend = None;
    village.restart(1, |_| {});
    village.run(40.0);
    assert!(village.all(0..2, State::Synchronised), "{:?} {}", village.states(), village.told());
}

/// Of three in step two stay in step when one leaves, and when one goes to 2051.
#[test]
fn three_survive_one() {
    for runaway in [false, true] {
        let mut village = Village::new(&[0, 50_000_000, -50_000_000], 52, |_, _| {});
        village.run(40.0);
        assert!(village.all(0..3, State::Synchronised), "{:?} {}", village.states(), village.told());
        village.members[2].running = runaway;
        village.members[2].bend = Some(Box::new(|packet, _, _| packet.tx_l_ns += TO_2051_NS));
        for _ in 0..60 {
            village.run(1.0);
            assert!(village.all(0..2, State::Synchronised), "{:?} {}", village.states(), village.told());
        }
        assert!(village.skew_ns(0..2) < 75_000, "{} ns, {}", village.skew_ns(0..2), village.told());
    }
}

/// A member that is left alone keeps its clock, and everybody who comes back within the drift limit is in step again.
#[test]
fn alone_and_back() {
    let mut village = Village::new(&[0, 50_000_000], 53, |_, _| {});
    village.run(40.0);
    village.members[1].running = false;
    village.run(40.0);
    assert_eq!(village.state(0), State::Alone, "{}", village.told());
    assert!(village.members[0].machine.guidance().in_force, "{}", village.told());
    village.restart(1, |_| {});
    village.run(40.0);
    assert!(village.all(0..2, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.skew_ns(0..2) < 75_000, "{} ns, {}", village.skew_ns(0..2), village.told());
}

/// Of three that were in step one that always claims to be as far ahead as still counts cannot pull the other two along.
#[test]
fn one_of_three_cannot_pull() {
    let mut village = Village::new(&[0, 0, 0], 54, |_, _| {});
    village.run(40.0);
    let before = village.error_ns(0);
    village.members[2].bend = Some(Box::new(|packet, _, _| packet.tx_l_ns += 400_000_000));
    village.run(60.0);
    let moved = (village.error_ns(0) - before).abs();
    assert!(moved < 60 * 60_000, "pulled by {moved} ns in a minute, {}", village.told());
}
