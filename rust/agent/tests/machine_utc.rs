//! Who is asked about UTC.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_agent::gossip::AnchorPolicy;
use flocktime_agent::gossip::packet::Anchor;
use flocktime_core::flocking::State;
use village::{Village, scattered};

const HOUR_NS: i64 = 3_600_000_000_000;
const MILLISECOND: u64 = 1_000_000;

/// What a member takes UTC to be, less the truth, nanoseconds.
fn utc_error_ns(village: &Village, place: usize) -> Option<i64> {
    let utc = village.members[place].report().utc?;
    Some(village.error_ns(place) + utc.lead_ns as i64)
}

/// A flock of which these members' OS clocks are right and count as UTC; the others' are somewhere else and do not.
fn anchored(count: usize, anchors: &'static [usize], seed: u64) -> Village {
    let mut offsets = scattered(count);
    for &place in anchors {
        offsets[place] = 0;
    }
    let village = Village::new(&offsets, seed, |place, settings| {
        let always = AnchorPolicy::Always { error_ns: MILLISECOND };
        settings.anchor = if anchors.contains(&place) { always } else { AnchorPolicy::Never };
    });
    for &place in anchors {
        village.members[place].host.ppm.set(0.0);
    }
    village
}

/// An OS clock that may be wrong by more than a second says nothing: whoever has it believes those who know better, though they
/// have it from others, and does not pass its own on. Any bound that an operator may give does no harm.
#[test]
fn what_says_nothing_is_not_nearest() {
    for error_ns in [1_000_000_001, u64::MAX - 1024, u64::MAX] {
        let mut village = anchored(6, &[5], 251);
        let mut settings = village.members[0].machine.settings().clone();
        settings.anchor = AnchorPolicy::Always { error_ns };
        village.restart(0, |own| own.anchor = settings.anchor);
        village.cut = Some(Box::new(|from, to| (from, to) == (0, 5) || (from, to) == (5, 0)));
        village.run(60.0);
        for place in 0..6 {
            let off = utc_error_ns(&village, place).expect("an estimate of UTC");
            assert!(off.abs() < 5_000_000, "member {place} is {off} ns off, {}", village.told());
        }
    }
}

/// Nor does a peer's that says so stand before those who know better.
#[test]
fn a_peer_that_says_nothing_is_not_nearest() {
    let mut village = anchored(6, &[5], 252);
    village.cut = Some(Box::new(|from, to| (from, to) == (0, 5) || (from, to) == (5, 0)));
    village.members[4].bend = Some(Box::new(|packet, _, _| {
        packet.anchor = Some(Anchor { offset_ns: 0, error_ns: 2_000_000_000, hops: 0 });
    }));
    village.run(60.0);
    let off = utc_error_ns(&village, 0).expect("an estimate of UTC");
    assert!(off.abs() < 5_000_000, "{off} ns off, {}", village.told());
}

/// However many addresses show one origin, it has one say about UTC.
#[test]
fn one_origin_has_one_say() {
    let mut offsets = vec![0; 8];
    offsets[5..].fill(300_000_000);
    let mut village = Village::new(&offsets, 253, |place, settings| {
        let always = AnchorPolicy::Always { error_ns: MILLISECOND };
        settings.anchor = if place < 3 { AnchorPolicy::Never } else { always };
        settings.origin = settings.origin.min(105);
    });
    village.run(60.0);
    for place in 0..3 {
        let off = utc_error_ns(&village, place).expect("an estimate of UTC");
        assert!(off.abs() < 60 * 50_000 + 5_000_000, "member {place} is {off} ns off, {}", village.told());
    }
}

/// Who is called wrong is not asked: two that are an hour ahead and call it UTC do not outvote the one that is right.
#[test]
fn who_is_wrong_has_no_say() {
    let mut village = anchored(8, &[5], 254);
    for place in 6..8 {
        village.members[place].bend = Some(Box::new(|packet, _, _| {
            packet.tx_l_ns += HOUR_NS;
            packet.anchor = Some(Anchor { offset_ns: 0, error_ns: MILLISECOND, hops: 0 });
        }));
    }
    village.run(60.0);
    assert!(village.all(0..6, State::Synchronised), "{:?} {}", village.states(), village.told());
    for place in 0..5 {
        assert_eq!(village.members[place].names(), [7, 8], "{}", village.told());
        let off = utc_error_ns(&village, place).expect("an estimate of UTC");
        assert!(off.abs() < 5_000_000, "member {place} is {off} ns off, {}", village.told());
    }
}

/// Numbers of the control loop that are none are brought within their bounds: the member takes part as well as it can, and nothing
/// panics.
#[test]
fn impossible_tunings_do_no_harm() {
    for number in [f64::NAN, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
        let mut village = Village::new(&scattered(5), 255, |place, settings| {
            if place == 0 {
                let tuning = &mut settings.tuning;
                (tuning.rate_max, tuning.utc_max, tuning.slew_joined, tuning.slew_joining) =
                    (number, number, number, number);
                (tuning.max_drift_ns, tuning.gate_max_ns, tuning.gain) = (number, number, number);
            }
        });
        village.run(40.0);
        assert!(village.all(1..5, State::Synchronised), "{:?} {}", village.states(), village.told());
        assert_eq!(village.members[0].machine.settings().tuning.offender(), None, "{}", village.told());
    }
}
