//! The rules, against the paper's own formulation and against properties that no implementation may lose.

use flocktime_core::layout::{HORIZON, MAX_EPOCH, MAX_LOGICAL, MAX_NODE, MAX_PHYSICAL};
use flocktime_core::merge::{EpochGate, OnCollision, OnDrift, Rules, Unusual, adopt, run, tick};
use flocktime_core::{ClockError, EpochRefusal, Timestamp};
use proptest::prelude::*;

const OWN: u64 = 0x0A;

fn stamp(physical: u64, logical: u16, node: u64, epoch: u16) -> Timestamp {
    Timestamp::new(physical, logical, node, epoch).expect("fields in range")
}

fn rules(reference: u64) -> Rules {
    Rules { reference, max_drift: None, on_drift: OnDrift::Reject, on_collision: OnCollision::Reject }
}

fn any_stamp() -> impl Strategy<Value = Timestamp> {
    (0..=HORIZON, 0..=MAX_LOGICAL, 0..=MAX_NODE, 0..=MAX_EPOCH).prop_map(|(p, l, n, e)| stamp(p, l, n, e))
}

/// Stamps close together, where ties and carries happen.
fn near_stamp() -> impl Strategy<Value = Timestamp> {
    let logical = prop_oneof![0..4_u16, (MAX_LOGICAL - 2)..=MAX_LOGICAL];
    (1_000..1_004_u64, logical, 0..4_u64, 0..3_u16).prop_map(|(p, l, n, e)| stamp(p, l, n, e))
}

/// The four cases of Kulkarni et al. 2014, figure 5, on (l, c), with the carry that a 12-bit counter needs.
fn paper_receive(own: (u64, u64), remote: (u64, u64), physical: u64) -> (u64, u64) {
    let l = own.0.max(remote.0).max(physical);
    let c = if l == own.0 && l == remote.0 {
        own.1.max(remote.1) + 1
    } else if l == own.0 {
        own.1 + 1
    } else if l == remote.0 {
        remote.1 + 1
    } else {
        0
    };
    if c > u64::from(MAX_LOGICAL) { (l + 1, 0) } else { (l, c) }
}

/// Within an epoch, "take the maximum, then tick" is the four-case receive rule of the paper: all small cases.
#[test]
fn receive_is_the_papers_rule() {
    let logicals = [0, 1, 2, MAX_LOGICAL - 1, MAX_LOGICAL];
    for (own_l, remote_l, physical) in (0..4).flat_map(|a| (0..4).flat_map(move |b| (0..4).map(move |p| (a, b, p)))) {
        for (own_c, remote_c) in logicals.iter().flat_map(|&a| logicals.iter().map(move |&b| (a, b))) {
            let (own, remote) = (stamp(own_l, own_c, OWN, 0), stamp(remote_l, remote_c, OWN + 1, 0));
            let (adopted, _) = adopt(own, remote, &rules(physical), || EpochGate::Open).expect("nothing to refuse");
            let after = tick(adopted, physical);
            let expected = paper_receive((own_l, own_c.into()), (remote_l, remote_c.into()), physical);
            assert_eq!((after.physical_us(), u64::from(after.logical())), expected, "{own:?} {remote:?} {physical}");
            assert_eq!((after.node(), after.epoch()), (OWN, 0));
        }
    }
}

/// A full counter carries into the physical part and nowhere else.
#[test]
fn full_counter_carries() {
    let full = stamp(7, MAX_LOGICAL, OWN, 3);
    assert_eq!(tick(full, 7), stamp(8, 0, OWN, 3));
    let last_day = stamp(MAX_PHYSICAL - 1, MAX_LOGICAL, MAX_NODE, 3);
    assert_eq!(tick(last_day, 0), stamp(MAX_PHYSICAL, 0, MAX_NODE, 3));
}

/// A reservation that would carry into the next epoch is none; the last one that fits is.
#[test]
fn a_reservation_ends_with_its_epoch() {
    let nearly = stamp(MAX_PHYSICAL, MAX_LOGICAL - 3, OWN, 7);
    let (first, last) = run(nearly, 0, 2).expect("three are left");
    assert_eq!((first, last), (stamp(MAX_PHYSICAL, MAX_LOGICAL - 2, OWN, 7), stamp(MAX_PHYSICAL, MAX_LOGICAL, OWN, 7)));
    assert_eq!(run(nearly, 0, 3), None);
    assert_eq!(run(stamp(MAX_PHYSICAL, MAX_LOGICAL - 3, OWN, MAX_EPOCH), 0, 3), None);
}

/// The drift limit is inclusive, and judged against the reference, never against what a stamp once brought.
#[test]
fn drift_limit_is_inclusive() {
    let limited = Rules { max_drift: Some(500), ..rules(10_000) };
    let dragged = stamp(10_500, 0, OWN, 0);
    assert!(adopt(dragged, stamp(10_500, 9, 1, 0), &limited, || EpochGate::Open).is_ok());
    let refused = adopt(dragged, stamp(10_501, 0, 1, 0), &limited, || EpochGate::Open);
    assert_eq!(refused, Err(ClockError::Drift { remote: stamp(10_501, 0, 1, 0), offset_us: 501, limit_us: 500 }));
}

/// Each policy does what its name says, and says that it did.
#[test]
fn policies_beyond_the_limit() {
    let state = stamp(10_000, 5, OWN, 0);
    let far = stamp(20_000, 3, 1, 0);
    let with =
        |on_drift| adopt(state, far, &Rules { max_drift: Some(500), on_drift, ..rules(10_000) }, || EpochGate::Open);
    assert!(matches!(with(OnDrift::Reject), Err(ClockError::Drift { .. })));
    assert_eq!(with(OnDrift::Adopt), Ok((stamp(20_000, 3, OWN, 0), Some(Unusual::AdoptedBeyondLimit))));
    assert_eq!(with(OnDrift::Ignore), Ok((state, Some(Unusual::Ignored))));
    assert_eq!(with(OnDrift::Clamp), Ok((stamp(10_500, 0, OWN, 0), Some(Unusual::Clamped))));
}

/// The last day is refused under every policy, so that no carry can reach the epoch.
#[test]
fn last_day_is_refused_under_every_policy() {
    for on_drift in [OnDrift::Reject, OnDrift::Adopt, OnDrift::Ignore, OnDrift::Clamp] {
        for max_drift in [None, Some(0), Some(u64::MAX)] {
            let lax = Rules { reference: HORIZON, max_drift, on_drift, on_collision: OnCollision::Adopt };
            let state = stamp(5, 0, OWN, 0);
            let refused = adopt(state, stamp(HORIZON + 1, 0, 1, 0), &lax, || EpochGate::Open);
            assert!(matches!(refused, Err(ClockError::Drift { .. })), "{on_drift:?} {max_drift:?}");
            assert!(adopt(state, stamp(HORIZON, 0, 1, 0), &lax, || EpochGate::Open).is_ok());
        }
    }
}

/// A timestamp of a lower epoch is passed over, whatever it says: the answer carries the newer epoch.
#[test]
fn lower_epoch_is_passed_over() {
    let state = stamp(10, 0, OWN, 4);
    let poisoned = stamp(MAX_PHYSICAL, MAX_LOGICAL, OWN, 3);
    assert_eq!(adopt(state, poisoned, &rules(10), || unreachable!("no step up")), Ok((state, None)));
}

/// A higher epoch replaces the time, even by an earlier one, where the gate lets it pass.
#[test]
fn higher_epoch_needs_the_gate() {
    let state = stamp(1_000, 0, OWN, 4);
    let next = stamp(10, 0, 1, 5);
    let ask = |remote, gate| adopt(state, remote, &rules(2_000), || gate);
    let step = EpochGate::Step { from: 4 };
    let shut = EpochGate::Shut { from: 4, wait_us: 7 };
    assert_eq!(ask(next, step), Ok((stamp(10, 0, OWN, 5), None)));
    assert_eq!(ask(stamp(10, 0, 1, 9), EpochGate::Open), Ok((stamp(10, 0, OWN, 9), None)));
    let why = |result: Result<_, ClockError>| match result {
        Err(ClockError::Epoch { why, epoch: 4, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(ask(next, shut)), EpochRefusal::TooSoon { wait_us: 7 });
    assert_eq!(why(ask(stamp(10, 0, 1, 6), step)), EpochRefusal::Jump);
    assert_eq!(why(ask(stamp(10, 0, 1, 6), shut)), EpochRefusal::Jump);
}

/// My own node from above is a collision; my own timestamp coming back is not.
#[test]
fn own_node_from_above_collides() {
    let state = stamp(1_000, 3, OWN, 0);
    assert_eq!(adopt(state, state, &rules(1_000), || EpochGate::Open), Ok((state, None)));
    let above = stamp(1_000, 4, OWN, 0);
    let refused = adopt(state, above, &rules(1_000), || EpochGate::Open);
    assert_eq!(refused, Err(ClockError::Collision { remote: above, last: state }));
    let lax = Rules { on_collision: OnCollision::Adopt, ..rules(1_000) };
    assert_eq!(adopt(state, above, &lax, || EpochGate::Open), Ok((above, Some(Unusual::CollisionAdopted))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// A tick is strictly later, keeps node and epoch, and never exceeds the larger of state and reading by more than a carry.
    #[test]
    fn tick_is_strictly_later(state in any_stamp(), physical in 0..=HORIZON) {
        let after = tick(state, physical);
        prop_assert!(after > state);
        prop_assert_eq!((after.node(), after.epoch()), (state.node(), state.epoch()));
        let largest = state.physical_us().max(physical);
        prop_assert!((largest..=largest + 1).contains(&after.physical_us()));
    }

    /// What is adopted is exceeded: happened-before is kept across any message that is taken as it is.
    #[test]
    fn receive_exceeds_both(state in near_stamp(), remote in near_stamp(), physical in 998..1_006_u64, drift in 0..4_u64) {
        let held = Rules { max_drift: Some(drift), on_collision: OnCollision::Adopt, ..rules(physical) };
        match adopt(state, remote, &held, || EpochGate::Open) {
            Ok((adopted, _)) => {
                let after = tick(adopted, physical);
                prop_assert!(after > state);
                prop_assert!(remote.epoch() < state.epoch() || after > remote);
                prop_assert_eq!(after.node(), state.node());
                prop_assert!(after.physical_us() <= state.physical_us().max(remote.physical_us()).max(physical) + 1);
            }
            Err(ClockError::Drift { offset_us, limit_us, .. }) => {
                prop_assert!(remote.epoch() >= state.epoch());
                prop_assert!(offset_us > limit_us);
                prop_assert_eq!(limit_us, drift as i64);
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }

    /// Adopting is idempotent, commutative in what it reaches, and never lowers the state.
    #[test]
    fn adopt_is_a_join(state in near_stamp(), a in near_stamp(), b in near_stamp()) {
        let lax = Rules { on_collision: OnCollision::Adopt, ..rules(2_000) };
        let join = |s, r| adopt(s, r, &lax, || EpochGate::Open).expect("nothing to refuse").0;
        prop_assert_eq!(join(join(state, a), b), join(join(state, b), a));
        prop_assert_eq!(join(join(state, a), a), join(state, a));
        prop_assert!(join(state, a) >= state);
    }
}
