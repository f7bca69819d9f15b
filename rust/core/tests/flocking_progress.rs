//! Anchors, and what rounds add up to.
#![allow(clippy::unwrap_used, reason = "tests")]

use flocktime_core::flocking::{Anchor, Progress, Standing, State, Step, Tuning, utc_step};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A minority of anchors that say anything moves the estimate of UTC no further from the truth than an honest anchor may be
    /// wrong by, twice.
    #[test]
    fn wrong_anchors_do_not_move_utc(
        truth in -1e9_f64..1e9,
        honest in prop::collection::vec((1e5_f64..2e7, -1.0_f64..1.0), 1..9),
        lies in prop::collection::vec((-1.5e9_f64..1.5e9, 0.0_f64..1.2e9), 8),
    ) {
        let mut anchors: Vec<Anchor> =
            honest.iter().map(|&(error_ns, share)| Anchor { lead_ns: truth + share * error_ns, error_ns }).collect();
        let minority = (honest.len() - 1).min(lies.len());
        anchors.extend(lies[..minority].iter().map(|&(by, error_ns)| Anchor { lead_ns: truth + by, error_ns }));
        let worst = honest.iter().map(|&(error, _)| error).fold(0.0, f64::max);
        let outcome = utc_step(&anchors, &[], 0.0, &Tuning::default());
        if let Some(estimate) = outcome.estimate {
            let off = (estimate.lead_ns - truth).abs();
            prop_assert!(off <= 2.0 * worst + 1.0, "{off} off, honest ones are at most {worst}: {outcome:?}");
        }
    }

    /// Whatever anchors say, the slew towards UTC stays within its limit and every number is finite.
    #[test]
    fn the_utc_slew_is_limited(anchors in prop::collection::vec((-1e19_f64..1e19, 0.0_f64..1e19), 0..20)) {
        let anchors: Vec<Anchor> =
            anchors.into_iter().map(|(lead_ns, error_ns)| Anchor { lead_ns, error_ns }).collect();
        let outcome = utc_step(&anchors, &[], 0.0, &Tuning::default());
        prop_assert!(outcome.slew.abs() <= 50e-6, "{outcome:?}");
        let can_be = |e: Anchor| e.lead_ns.is_finite() && (0.0..=1e9).contains(&e.error_ns);
        prop_assert!(outcome.estimate.is_none_or(can_be), "{outcome:?}");
    }

    /// Whatever rounds come, a state is one that the round allows: nobody is synchronised without having been close for ten
    /// rounds, undecided rounds give undecided, having joined is never taken back.
    #[test]
    fn states_follow_from_rounds(
        rounds in prop::collection::vec((0_usize..4, -4_i32..4, any::<bool>(), any::<bool>()), 1..200),
    ) {
        let tuning = Tuning::default();
        let (mut progress, mut close_run, mut joined) = (Progress::default(), 0, false);
        for (voters, size, undecided, quorum) in rounds {
            let offset = f64::from(size.signum()) * 10_f64.powi(4 + size.abs() * 2);
            let s = round(offset, undecided && voters > 0, quorum && voters >= 3);
            let before = progress.state();
            let state = progress.advance(&s, Standing { heard: voters, voters, limit_ns: 500e6 }, &tuning);
            let close = voters > 0 && !s.undecided && offset.abs() < tuning.close_ns;
            close_run = if close { close_run + 1 } else { 0 };
            prop_assert_eq!(state == State::Undecided, s.undecided);
            prop_assert!(state != State::Synchronised || before == State::Synchronised || close_run >= 10);
            prop_assert!(state != State::Degraded || progress.joined());
            prop_assert!(state != State::Alone || voters == 0);
            prop_assert!(!joined || progress.joined());
            joined = progress.joined();
        }
    }
}

fn round(median_ns: f64, undecided: bool, quorum: bool) -> Step {
    Step {
        median_ns,
        gate_ns: 50e3,
        offset_ns: if undecided { 0.0 } else { median_ns },
        jump_ns: 0.0,
        slew: 0.0,
        rate: 0.0,
        quorum,
        majority: quorum,
        rated: 4,
        undecided,
        outside: vec![false; 4],
        error_ns: 1e5,
    }
}

fn advance(progress: &mut Progress, times: u32, step: &Step, voters: usize) -> State {
    for _ in 0..times {
        progress.advance(step, Standing { heard: voters, voters, limit_ns: 500e6 }, &Tuning::default());
    }
    progress.state()
}

/// Ten close rounds make synchronised; nine bad ones are forgiven, ten are not; joined it stays.
#[test]
fn ten_rounds() {
    let mut progress = Progress::default();
    assert_eq!(advance(&mut progress, 9, &round(1e5, false, true), 4), State::Joining);
    assert_eq!(advance(&mut progress, 1, &round(1e5, false, true), 4), State::Synchronised);
    assert_eq!(advance(&mut progress, 9, &round(3e6, false, true), 4), State::Synchronised);
    assert_eq!(advance(&mut progress, 1, &round(3e6, false, true), 4), State::Joining);
    assert!(progress.joined());
    assert_eq!(advance(&mut progress, 10, &round(0.0, false, true), 4), State::Synchronised);
}

/// Three rounds far from a quorum make degraded, from either side; it ends below a quarter of the limit, not before.
#[test]
fn degraded_and_back() {
    for sign in [-1.0, 1.0] {
        let mut progress = Progress::default();
        advance(&mut progress, 10, &round(0.0, false, true), 4);
        assert_eq!(advance(&mut progress, 2, &round(sign * 3e8, false, true), 4), State::Synchronised);
        assert_eq!(advance(&mut progress, 1, &round(sign * 3e8, false, true), 4), State::Degraded);
        assert_eq!(advance(&mut progress, 5, &round(sign * 1.3e8, false, true), 4), State::Degraded);
        assert_ne!(advance(&mut progress, 1, &round(sign * 1.2e8, false, true), 4), State::Degraded);
        assert_eq!(advance(&mut progress, 10, &round(0.0, false, true), 4), State::Synchronised);
    }
}

/// Who never joined is never degraded, and without a quorum nobody becomes so.
#[test]
fn only_a_quorum_degrades() {
    let mut progress = Progress::default();
    assert_eq!(advance(&mut progress, 50, &round(-3e8, false, true), 4), State::Joining);
    let mut progress = Progress::default();
    advance(&mut progress, 10, &round(0.0, false, true), 4);
    assert_eq!(advance(&mut progress, 50, &round(-3e8, false, false), 2), State::Joining);
    assert!(!progress.rejoining());
}

/// Ten rounds far from a quorum make it believe the quorum; one without a quorum begins the count anew.
#[test]
fn rejoining_takes_ten_rounds() {
    let mut progress = Progress::default();
    advance(&mut progress, 10, &round(0.0, false, true), 4);
    advance(&mut progress, 9, &round(6e10, false, true), 4);
    assert!(!progress.rejoining());
    advance(&mut progress, 1, &round(6e10, false, false), 1);
    advance(&mut progress, 9, &round(6e10, false, true), 4);
    assert!(!progress.rejoining());
    advance(&mut progress, 1, &round(6e10, false, true), 4);
    assert!(progress.rejoining());
}

/// Nobody heard for three rounds and for the ten that a synchronised member is forgiven: alone, and joined all the same.
#[test]
fn alone() {
    let mut progress = Progress::default();
    assert_eq!(advance(&mut progress, 3, &round(0.0, false, false), 0), State::Alone);
    advance(&mut progress, 10, &round(0.0, false, true), 4);
    assert_eq!(advance(&mut progress, 3, &round(0.0, false, false), 0), State::Alone);
    assert!(progress.joined());
}

/// A degraded member whose quorum is gone is not degraded for ever: after ten rounds with fewer than three voters, any or none, it
/// is one of the few who are left. While three or more cannot tell who is right, nothing changes.
#[test]
fn who_is_left_by_its_quorum() {
    let degraded = || {
        let mut progress = Progress::default();
        advance(&mut progress, 10, &round(0.0, false, true), 4);
        advance(&mut progress, 3, &round(3e8, false, true), 4);
        progress
    };
    for voters in 0..3 {
        let mut progress = degraded();
        advance(&mut progress, 9, &round(0.0, false, false), voters);
        assert!(progress.degraded(), "{voters} voters");
        advance(&mut progress, 1, &round(0.0, false, false), voters);
        assert!(!progress.degraded(), "{voters} voters");
    }
    let mut progress = degraded();
    assert_eq!(advance(&mut progress, 100, &round(0.0, true, false), 4), State::Undecided);
    assert!(progress.degraded());
}
