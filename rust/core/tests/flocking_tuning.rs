//! The bounds of the control loop's numbers.

use flocktime_core::flocking::{Own, Tuning, Vote, step, utc_step};
use proptest::prelude::*;

/// The usual numbers are within their bounds; one that is not is named, with what it may be at most.
#[test]
fn offenders_are_named() {
    assert_eq!(Tuning::default().offender(), None);
    let named = |tuning: Tuning| tuning.offender().map(|(name, _, most)| (name, most));
    assert_eq!(named(Tuning { slew_joined: -1e-9, ..Tuning::default() }), Some(("slew_joined", 0.06)));
    assert_eq!(named(Tuning { rate_max: 0.0011, ..Tuning::default() }), Some(("rate_max", 0.001)));
    assert_eq!(named(Tuning { utc_max: f64::NAN, ..Tuning::default() }), Some(("utc_max", 0.001)));
    assert_eq!(named(Tuning { max_drift_ns: f64::INFINITY, ..Tuning::default() }), Some(("max_drift_ns", f64::MAX)));
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(-1.0), -1.0_f64..1.0]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever numbers are given, brought within their bounds they offend no more, good ones stay as they are, and a round with
    /// them neither panics nor steers by anything but numbers.
    #[test]
    fn any_numbers_can_be_brought_within_bounds(
        given in prop::collection::vec(any_number(), 8),
        leads in prop::collection::vec(-1e12_f64..1e12, 0..8),
        joined in any::<bool>(),
    ) {
        let tuning = Tuning {
            slew_joining: given[0],
            slew_joined: given[1],
            rate_max: given[2],
            utc_max: given[3],
            utc_share: given[4],
            max_drift_ns: given[5],
            gate_max_ns: given[6],
            gain: given[7],
            round_ns: 0,
            ..Tuning::default()
        };
        let bounded = tuning.bounded();
        prop_assert_eq!(bounded.offender(), None);
        prop_assert_eq!(bounded.bounded(), bounded);
        prop_assert_eq!(bounded.gate_min_ns.to_bits(), Tuning::default().gate_min_ns.to_bits());
        let own = Own {
            rate: 0.0,
            joined,
            rate_settled: false,
            degraded: false,
            rejoining: false,
            os_lead_ns: 0.0,
        };
        let votes: Vec<Vote> =
            leads.iter().map(|&lead_ns| Vote { lead_ns, error_ns: 1e4, rate: Some(lead_ns * 1e-18) }).collect();
        let outcome = step(&votes, &own, &bounded);
        prop_assert!(outcome.slew.abs() <= 0.06 && outcome.rate.abs() <= 0.001, "{:?}", outcome);
        prop_assert!(utc_step(&[], &leads, 0.0, &bounded).slew.abs() <= 0.001);
    }
}
