//! The step: a minority cannot drag, limits hold, order is of no matter.
#![allow(clippy::unwrap_used, reason = "tests")]

use flocktime_core::flocking::{Own, Step, Tuning, Vote, step};
use proptest::prelude::*;

fn own(joined: bool) -> Own {
    Own { rate: 0.0, joined, rate_settled: joined, degraded: false, rejoining: false, os_lead_ns: 0.0 }
}

fn vote(lead_ns: f64) -> Vote {
    Vote { lead_ns, error_ns: 100e3, rate: None }
}

prop_compose! {
    /// Any vote that packets can lead to.
    fn any_vote()(
        lead_ns in prop_oneof![-1e6_f64..1e6, -1e9_f64..1e9, -1e19_f64..1e19],
        error_ns in 0.0_f64..1e11,
        rate in prop::option::of(-0.0016_f64..0.0016),
    ) -> Vote {
        Vote { lead_ns, error_ns, rate }
    }
}

prop_compose! {
    fn any_own()(
        rate in -200e-6_f64..200e-6, joined in any::<bool>(), rate_settled in any::<bool>(), rejoining in any::<bool>(),
        os_lead_ns in -1e19_f64..1e19,
    ) -> Own {
        Own { rate, joined, rate_settled, degraded: false, rejoining, os_lead_ns }
    }
}

prop_compose! {
    /// Honest votes within 400 µs of each other, and liars, fewer than a third of all.
    fn with_liars()(honest in prop::collection::vec(-200e3_f64..200e3, 5..20))(
        liars in prop::collection::vec(any_vote(), 0..=honest.len().div_ceil(2) - 1),
        honest in Just(honest),
    ) -> (Vec<f64>, Vec<Vote>) {
        (honest, liars)
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) + 1e-3
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// With fewer than a third of the voters lying, in any way, the offset lies within the honest ones (this member among them)
    /// and a gate about them, and so does what is slewed.
    #[test]
    fn liars_move_it_a_gate_at_most((honest, liars) in with_liars(), joined in any::<bool>()) {
        let tuning = Tuning::default();
        let mut votes: Vec<Vote> = honest.iter().copied().map(vote).collect();
        votes.extend(liars);
        let outcome = step(&votes, &own(joined), &tuning);
        let (low, high) = honest.iter().fold((0.0_f64, 0.0_f64), |(low, high), &z| (low.min(z), high.max(z)));
        prop_assert!((low..=high).contains(&outcome.median_ns), "{outcome:?}");
        let hull = low - outcome.gate_ns..=high + outcome.gate_ns;
        prop_assert!(hull.contains(&outcome.offset_ns), "{outcome:?}");
        prop_assert!(outcome.gate_ns <= 3.0 * 1.4826 * (high - low) + tuning.gate_min_ns, "{outcome:?}");
        let most = tuning.gain * ((high - low) + outcome.gate_ns) / tuning.round_ns as f64;
        prop_assert!(outcome.slew.abs() <= most, "{outcome:?}");
        prop_assert!(!outcome.undecided && outcome.quorum, "{outcome:?}");
        prop_assert!(!joined || outcome.jump_ns == 0.0, "{outcome:?}");
    }

    /// What any minority says instead of the truth changes the offset by no more than the honest spread and two gates.
    #[test]
    fn a_minority_has_bounded_influence(
        honest in prop::collection::vec(-50e3_f64..50e3, 4..16),
        seed in prop::collection::vec(any_vote(), 16),
    ) {
        let minority = honest.len() / 2;
        let told = |liars: &[Vote]| {
            let mut votes: Vec<Vote> = honest.iter().copied().map(vote).collect();
            votes.extend(liars);
            step(&votes, &own(true), &Tuning::default())
        };
        let (a, b) = (told(&seed[..minority]), told(&[]));
        prop_assert!((a.offset_ns - b.offset_ns).abs() <= 100e3 + a.gate_ns + b.gate_ns, "{a:?} {b:?}");
        prop_assert!(a.slew.abs() <= Tuning::default().gain * (100e3 + a.gate_ns) / 1e9);
    }

    /// The order of votes is of no matter.
    #[test]
    fn order_is_of_no_matter(votes in prop::collection::vec(any_vote(), 0..32), own in any_own(), turn in 0_usize..32) {
        let tuning = Tuning::default();
        let a = step(&votes, &own, &tuning);
        let mut turned = votes.clone();
        turned.rotate_left(turn.min(votes.len()));
        turned.reverse();
        let b = step(&turned, &own, &tuning);
        let numbers =
            |s: &Step| [s.median_ns, s.gate_ns, s.offset_ns, s.jump_ns, s.slew * 1e9, s.rate * 1e15, s.error_ns];
        for (x, y) in numbers(&a).into_iter().zip(numbers(&b)) {
            prop_assert!(same(x, y), "{x} {y} {a:?} {b:?}");
        }
        prop_assert_eq!((a.quorum, a.undecided), (b.quorum, b.undecided));
        let outside = |s: &Step, votes: &[Vote]| {
            let named = votes.iter().zip(&s.outside).filter(|&(_, &out)| out);
            let mut out: Vec<u64> = named.map(|(vote, _)| vote.lead_ns.to_bits()).collect();
            out.sort_unstable();
            out
        };
        prop_assert_eq!(outside(&a, &votes), outside(&b, &turned));
    }

    /// Whatever is voted: the slew, the rate and the jump stay within their limits; nothing is moved by a jump without a quorum;
    /// once joined nothing jumps back, and forward only with the OS clock's consent or after a long time; undecided, nothing
    /// moves; every number is finite.
    #[test]
    fn limits_hold(votes in prop::collection::vec(any_vote(), 0..32), own in any_own()) {
        let tuning = Tuning::default();
        let s = step(&votes, &own, &tuning);
        let fastest = if own.joined { tuning.slew_joined } else { tuning.slew_joining };
        prop_assert!(s.slew.abs() <= fastest && s.rate.abs() <= tuning.rate_max, "{s:?}");
        prop_assert!(s.jump_ns == 0.0 || (s.quorum && s.slew == 0.0 && votes.len() >= 3), "{s:?}");
        if own.joined {
            prop_assert!(s.jump_ns >= 0.0, "{s:?}");
            let agrees = (own.os_lead_ns - s.median_ns).abs() <= tuning.max_drift_ns;
            prop_assert!(s.jump_ns == 0.0 || agrees || own.rejoining, "{s:?}");
            let widest = if votes.len() < 3 { tuning.max_drift_ns } else { tuning.gate_max_ns };
            prop_assert!(s.gate_ns <= widest, "{s:?}");
        }
        prop_assert!(!s.undecided || (s.slew == 0.0 && s.jump_ns == 0.0), "{s:?}");
        prop_assert!([s.median_ns, s.gate_ns, s.offset_ns, s.error_ns].iter().all(|n| n.is_finite()), "{s:?}");
        prop_assert_eq!(s.outside.len(), votes.len());
    }

    /// Undecided, not even the rate follows the votes: of two clocks nobody can tell which one is wrong, or runs wrong.
    #[test]
    fn undecided_leaves_the_rate_alone(votes in prop::collection::vec(any_vote(), 1..3), own in any_own()) {
        let s = step(&votes, &own, &Tuning::default());
        prop_assert!(!s.undecided || s.rate.to_bits() == own.rate.to_bits(), "{} to {}, {s:?}", own.rate, s.rate);
    }

    /// A minority's rates move the common rate by a tenth of the gate's 2 ppm in a round, where the honest ones agree.
    #[test]
    fn rates_of_a_minority_count_little(
        rate in -100e-6_f64..100e-6, honest in 4_usize..16, lies in prop::collection::vec(-0.0016_f64..0.0016, 8),
    ) {
        let mut votes: Vec<Vote> = (0..honest).map(|_| Vote { rate: Some(rate), ..vote(0.0) }).collect();
        votes.extend(lies[..honest.div_ceil(2) - 1].iter().map(|&lie| Vote { rate: Some(lie), ..vote(0.0) }));
        let s = step(&votes, &Own { rate, ..own(true) }, &Tuning::default());
        let leak = Tuning::default().rate_leak * rate;
        prop_assert!((s.rate - rate + leak).abs() <= 0.1 * 2e-6 / 2.0 + 1e-12, "{} to {}", rate, s.rate);
    }
}

/// What is no number at all cannot get in (rates of packets are bounded when they are read, all else is whole numbers); were
/// it to, one such vote among enough others moves nothing to where there is no way back.
#[test]
fn no_number_is_no_harm_among_many() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut votes: Vec<Vote> = [1e3, 2e3, -1e3, 0.0].map(|lead| Vote { rate: Some(1e-6), ..vote(lead) }).to_vec();
        votes.push(Vote { lead_ns: bad, error_ns: bad, rate: Some(bad) });
        let s = step(&votes, &own(true), &Tuning::default());
        assert!(s.offset_ns.abs() < 3e3 && s.slew.is_finite() && s.rate.is_finite() && s.outside[4], "{s:?}");
    }
}

/// An empty flock moves nothing.
#[test]
fn nobody_moves_nothing() {
    let s = step(&[], &Own { rate: 3e-6, ..own(true) }, &Tuning::default());
    assert_eq!((s.offset_ns, s.slew, s.jump_ns, s.rate, s.quorum, s.undecided), (0.0, 0.0, 0.0, 3e-6, false, false));
}
