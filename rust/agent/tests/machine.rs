//! Properties of the machine among others of its kind: ordinary life.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_agent::gossip::{AnchorPolicy, Verdict};
use flocktime_core::flocking::State;
use village::{Village, scattered};

/// Members whose OS clocks lie hundreds of milliseconds apart agree to a fraction of one within half a minute.
#[test]
fn members_agree() {
    for (count, seed) in [(2_usize, 11), (3, 12), (4, 1), (8, 2), (24, 3)] {
        let mut village = Village::new(&scattered(count), seed, |_, _| {});
        village.run(30.0);
        assert!(village.all(0..count, State::Synchronised), "{:?} {}", village.states(), village.told());
        assert!(village.skew_ns(0..count) < 1_000_000, "{} ns, {}", village.skew_ns(0..count), village.told());
        village.run(90.0);
        let worst = village.worst_skew_ns(20.0, &(0..count).collect::<Vec<_>>());
        assert!(worst < 75_000, "{count} members: {worst} ns, {}", village.told());
        for member in &village.members {
            assert_eq!(member.names(), [], "{}", village.told());
            assert!(!member.report().suspects_itself, "{}", village.told());
        }
    }
}

/// What a member receives is counted once each: as accepted or under one reason.
#[test]
fn everything_is_counted_once() {
    let mut village = Village::new(&scattered(6), 21, |_, _| {});
    (village.lost, village.doubled) = (0.1, 0.1);
    village.run(60.0);
    for member in &village.members {
        let c = member.machine.counters();
        let refused =
            c.malformed + c.version + c.unauthenticated + c.unknown_key + c.forged + c.replayed + c.unproven + c.own;
        assert_eq!(c.received, c.accepted + refused, "{c:?} {}", village.told());
        assert!(c.replayed > 0 && c.samples > 0, "{c:?} {}", village.told());
    }
}

/// The same seed gives the same clocks, to the nanosecond.
#[test]
fn same_seed_same_clocks() {
    let run = || {
        let mut village = Village::new(&scattered(6), 22, |_, _| {});
        village.lost = 0.2;
        village.run(40.0);
        (0..6).map(|place| village.error_ns(place)).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

/// With three datagrams of ten lost and one of ten doubled, a flock synchronises all the same and stays together.
#[test]
fn loss_and_doubles() {
    let mut village = Village::new(&scattered(8), 23, |_, _| {});
    (village.lost, village.doubled) = (0.3, 0.1);
    village.run(40.0);
    assert!(village.all(0..8, State::Synchronised), "{:?} {}", village.states(), village.told());
    village.run(60.0);
    let worst = village.worst_skew_ns(20.0, &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(worst < 150_000, "{worst} ns, {}", village.told());
}

/// A monitoring member is measured and measures, says what it is, and moves nobody: neither its clock nor any other's is steered
/// by it.
#[test]
fn monitoring_members_never_vote() {
    let quiet = |village: &mut Village| {
        village.run(90.0);
        (0..4).map(|place| village.error_ns(place)).collect::<Vec<_>>()
    };
    let mut offsets = scattered(4);
    offsets.push(100_000_000);
    let mut village = Village::new(&offsets, 24, |place, settings| settings.steer = place != 4);
    quiet(&mut village);
    assert!(village.all(0..4, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert_eq!(village.state(4), State::Monitoring);
    assert!(!village.members[4].machine.guidance().in_force);
    let os_error = (village.error_ns(4) - 100_000_000).abs();
    assert!(os_error < 90_000 * 60, "it shows its OS clock: {os_error} ns off, {}", village.told());
    for place in 0..4 {
        let seen = village.sees(place, 4).unwrap();
        assert!(!seen.voted && seen.offset_ns.is_some(), "{seen:?} {}", village.told());
        assert_eq!(seen.state, Some(State::Monitoring), "{}", village.told());
    }
    let report = village.members[4].report();
    assert!(
        report.peers.iter().all(|peer| peer.verdict == Verdict::Good || peer.offset_ns.is_some()),
        "{}",
        village.told()
    );
}

/// A flock of which all members but one only monitor stays as it is: nobody steers the one.
#[test]
fn monitors_alone_move_nobody() {
    let mut village = Village::new(&[0, 300_000_000, 300_000_000, 300_000_000, 300_000_000], 25, |place, settings| {
        settings.steer = place == 0;
    });
    village.run(60.0);
    let rate = village.members[0].report().rate;
    assert!(rate.abs() < 1e-9 && village.members[0].machine.counters().jumps == 0, "{rate} {}", village.told());
    assert!(village.error_ns(0).abs() < 60 * 60_000, "{} ns, {}", village.error_ns(0), village.told());
}

/// An OS clock that says that it is synchronised to UTC pulls the flock towards it, at no more than 50 ppm and without pulling
/// it apart.
#[test]
fn an_anchor_pulls_slowly() {
    let offsets = [5_000_000, 4_000_000, 6_000_000, 5_000_000, 3_000_000, 7_000_000, 5_000_000, 0];
    let mut village = Village::new(&offsets, 26, |_, _| {});
    village.members[7].host.ppm.set(0.0);
    village.members[7].host.os_error_ns.set(Some(1_000_000));
    village.run(60.0);
    let before = village.error_ns(0);
    let mut worst = 0;
    for _ in 0..60 {
        let from = village.error_ns(0);
        worst = worst.max(village.worst_skew_ns(1.0, &[0, 1, 2, 3, 4, 5, 6, 7]));
        let moved = (village.error_ns(0) - from).abs();
        assert!(moved < 300_000, "{moved} ns in a second, {}", village.told());
    }
    assert!(worst < 150_000, "pulled apart by {worst} ns, {}", village.told());
    village.run(240.0);
    let after = village.error_ns(0);
    assert!(after.abs() < before.abs() / 2, "from {before} to {after}, {}", village.told());
}

/// Three lying anchors of eight do not move the flock away from UTC.
#[test]
fn lying_anchors_do_not_pull() {
    let offsets = [0, 1_000_000, -1_000_000, 500_000, -500_000, 400_000_000, 400_000_000, 400_000_000];
    let mut village =
        Village::new(&offsets, 27, |_, settings| settings.anchor = AnchorPolicy::Always { error_ns: 3_000_000 });
    for member in &village.members {
        member.host.ppm.set(member.host.ppm.get() / 50.0);
    }
    village.run(60.0);
    let before = village.error_ns(0);
    village.run(200.0);
    let after = village.error_ns(0);
    assert!(after.abs() <= before.abs().max(3_000_000), "from {before} to {after} ns, {}", village.told());
}

/// Stamps are judged by the configured limit until the flock has settled, then by 5 ms or ten times the error bound, and by the
/// configured limit again once everybody else is gone.
#[test]
fn the_drift_limit_follows_the_flock() {
    let mut village = Village::new(&scattered(5), 28, |_, _| {});
    village.run(5.0);
    assert_eq!(village.members[0].machine.guidance().limit_us, None, "{}", village.told());
    village.run(60.0);
    for member in &village.members {
        let limit = member.machine.guidance().limit_us.expect("a limit");
        let wanted = (member.report().error_ns * 10).max(5_000_000) / 1000;
        assert!((5_000..50_000).contains(&limit) && limit == wanted, "{limit} us, {}", village.told());
    }
    for place in 1..5 {
        village.members[place].running = false;
    }
    village.run(40.0);
    let guidance = village.members[0].machine.guidance();
    assert_eq!((village.state(0), guidance.limit_us), (State::Alone, None), "{}", village.told());
    assert!(guidance.in_force, "who has joined keeps its disciplined clock, {}", village.told());
}

/// A clock that is to refuse until it is ready says so from the first moment, and follows the flock once it is synchronised.
#[test]
fn refuses_until_ready() {
    let mut village = Village::new(&scattered(4), 29, |place, settings| settings.refuse_until_ready = place != 3);
    let refusing = |village: &Village| village.members.iter().map(|m| m.machine.guidance().refuse).collect::<Vec<_>>();
    assert_eq!(refusing(&village), [true, true, true, false]);
    assert!(village.members.iter().all(|member| !member.machine.guidance().in_force));
    village.run(40.0);
    assert_eq!(refusing(&village), [true, true, true, false]);
    assert!(village.members.iter().all(|member| member.machine.guidance().in_force), "{}", village.told());
}
