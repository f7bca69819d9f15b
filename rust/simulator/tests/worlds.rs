//! What a scenario asks for happens, and the judge sees it.

use flocktime_simulator::fault::Standing;
use flocktime_simulator::outcome::{MemberOutcome, Outcome};
use flocktime_simulator::{Scenario, run};

fn simulate(json: &str) -> Outcome {
    let scenario = Scenario::from_json(json).expect("a scenario");
    run(&scenario, 20_260_701, &mut |_| true).expect("runs to the end")
}

fn with_fault(nodes: u32, seconds: u32, fault: &str) -> Outcome {
    simulate(&format!(r#"{{"nodes": {nodes}, "seconds": {seconds}, "faults": [{fault}]}}"#))
}

fn last(outcome: &Outcome) -> &MemberOutcome {
    outcome.members.last().expect("a small flock lists its members")
}

/// An undisturbed flock gets into step, and nothing that must never happen does.
#[test]
fn quiet_flock() {
    let outcome = simulate(r#"{"nodes": 8, "seconds": 90}"#);
    let last = outcome.series.last().expect("samples");
    assert_eq!((last.alive, last.synchronised), (8, 8));
    assert!(last.skew_ns.is_some_and(|skew| skew < 1_000_000));
    assert!(last.p50_ns <= last.p99_ns && last.p99_ns <= last.skew_ns && last.skew_ns <= last.all_skew_ns);
    let totals = outcome.totals;
    assert_eq!((totals.backward_ticks, totals.stamps_backward, totals.stamps_beyond_limit), (0, 0, 0));
    assert_eq!((totals.overflowed, totals.stamps_failed), (0, 0));
    assert!(totals.largest <= 256 && totals.messages > 500 && totals.stamps > totals.messages);
    assert!(outcome.named.is_empty() && outcome.summary.never_joined == 0);
}

/// Two sides of a partition from the start on know nothing of each other: each gets into step by itself, and the gap stays what the clocks
/// made it. Without the partition it closes.
#[test]
fn partition_cuts() {
    let json = |to_s: f64| {
        format!(
            r#"{{"nodes": 12, "seconds": 60, "clocks": {{"offset_sd_ms": 200}}, "traffic": {{"messages_per_s": 0}},
                "partitions": [{{"from_s": 0, "to_s": {to_s}, "members": {{"share": 0.5}}}}]}}"#
        )
    };
    let gap = |outcome: &Outcome| outcome.series.last().and_then(|sample| sample.gap_ns).expect("two sides in step");
    let (cut, whole) = (simulate(&json(60.0)), simulate(&json(0.0)));
    assert!(gap(&cut) > 5_000_000, "{} ns", gap(&cut));
    assert!(gap(&whole) < 500_000, "{} ns", gap(&whole));
}

/// Lies are told: each kind of liar is farther from the flock in what it publishes than it is by itself, which others notice
/// where it is farther than the gate; and what liars do never counts as honest.
#[test]
fn liars_lie() {
    for kind in [
        r#"{"constant": {"offset_ms": 20}}"#,
        r#"{"two_faced": {"offset_ms": 20}}"#,
        r#"{"ramp": {"ppm": 1000}}"#,
        r#"{"runaway": {}}"#,
    ] {
        let outcome = with_fault(10, 90, &format!(r#"{{"members": {{"last": 1}}, "kind": {kind}}}"#));
        let named = outcome.named.first().expect(kind);
        assert_eq!((named.member, named.standing), (9, Standing::Faulty), "{kind}");
        assert!(named.accusers_most >= 5, "{kind}: {named:?}");
        assert_eq!(outcome.series.last().map(|sample| sample.alive), Some(9), "{kind}");
        assert_eq!(outcome.totals.backward_ticks, 0, "{kind}");
    }
}

/// An OS clock that is set does not move L, and the member's machine says that its OS clock is off.
#[test]
fn set_os_clock() {
    let fault = r#"{"members": {"last": 1}, "from_s": 40, "kind": {"os_set": {"offset_s": 788918400}}}"#;
    let outcome = with_fault(8, 90, fault);
    let member = last(&outcome);
    assert_eq!((member.standing, member.state), (Standing::Troubled, "synchronised"));
    assert!(member.suspects_itself && member.lead_ns.is_some_and(|lead| lead.abs() < 1_000_000), "{member:?}");
}

/// A stopped process says nothing, and goes on from where it was; a restarted one begins anew and gets into step again.
#[test]
fn pause_and_restart() {
    for (kind, joins) in [("pause", 7), ("restart", 7)] {
        let fault = format!(r#"{{"members": {{"last": 1}}, "from_s": 40, "to_s": 50, "kind": "{kind}"}}"#);
        let outcome = with_fault(8, 120, &fault);
        assert_eq!((last(&outcome).standing, last(&outcome).state), (Standing::Troubled, "synchronised"), "{kind}");
        assert_eq!(outcome.totals.backward_ticks, 0, "{kind}");
        let counted = outcome.summary.join_max_s.is_some() && outcome.summary.never_joined == 0;
        assert!(counted && outcome.series.iter().all(|sample| sample.alive <= joins), "{kind}");
    }
}

/// A frozen or jumping counter is the member's own trouble: the others stay in step.
#[test]
fn broken_counters() {
    for kind in [r#"{"freeze": {"for_s": 3, "every_s": 20}}"#, r#"{"step": {"by_s": 3600, "every_s": 10}}"#] {
        let outcome = with_fault(8, 120, &format!(r#"{{"members": {{"last": 1}}, "from_s": 40, "kind": {kind}}}"#));
        let last = outcome.series.last().expect("samples");
        assert_eq!((last.alive, last.synchronised), (7, 7), "{kind}");
        assert!(last.skew_ns.is_some_and(|skew| skew < 1_000_000), "{kind}: {last:?}");
    }
}

/// One whose counter stands still for a moment now and then is behind its flock, and degraded for a while. What its stamps follow
/// never falls, on a network that is quick or slow; and the judge looks at that: one that jumps ahead falls.
#[test]
fn nothing_falls_after_a_freeze() {
    let frozen = |delay: &str, for_s: f64| {
        let fault = format!(
            r#"{{"members": {{"last": 1}}, "from_s": 60, "kind": {{"freeze": {{"for_s": {for_s}, "every_s": 40}}}}}}"#
        );
        let network = format!(r#""network": {{"delay": "{delay}"}}"#);
        simulate(&format!(r#"{{"nodes": 8, "seconds": 240, {network}, "faults": [{fault}]}}"#))
    };
    for (delay, for_s) in [("lan", 0.01), ("lan", 0.1), ("wan", 0.05), ("wan", 0.12)] {
        let totals = frozen(delay, for_s).totals;
        assert_eq!((totals.backward_ticks, totals.backward_ticks_faulty), (0, 0), "{delay} {for_s}");
    }
    let fault =
        r#"{"members": {"last": 1}, "from_s": 60, "kind": {"step": {"by_s": 60, "every_s": 100, "same_way": true}}}"#;
    let outcome = with_fault(8, 120, fault);
    assert_eq!((outcome.totals.backward_ticks, outcome.totals.backward_ticks_faulty), (0, 1));
}

/// As many members are replaced as asked for, and newcomers get into step.
#[test]
fn churn_replaces() {
    let outcome = simulate(r#"{"nodes": 10, "seconds": 150, "churn": {"every_s": 50, "share": 0.2}}"#);
    assert_eq!(outcome.totals.replaced, 3 * 2);
    assert!(outcome.totals.unreachable > 0, "letters to those who are gone");
    let before_last = &outcome.series[outcome.series.len() - 3];
    assert_eq!((before_last.alive, before_last.synchronised), (10, 10));
}

/// A lossy network loses what it should: arrivals are the sent datagrams less the lost and more the duplicated ones, and damaged
/// ones are turned away.
#[test]
fn lossy_network() {
    let faults = r#"{"loss": 0.1, "duplication": 0.2, "damage": 0.05}"#;
    let outcome = simulate(&format!(r#"{{"nodes": 10, "seconds": 60, "network": {{"faults": {faults}}}}}"#));
    let totals = outcome.totals;
    let arrived = totals.delivered as f64 / totals.datagrams as f64;
    assert!((arrived - 0.9 * 1.2).abs() < 0.02, "{arrived}");
    assert!(totals.rejected as f64 > 0.2 * totals.datagrams as f64, "duplicates and damage: {}", totals.rejected);
    assert_eq!(outcome.series.last().map(|sample| sample.synchronised), Some(10));
}

/// A matrix of measured round trips is a network like any other; so is a flock of one, which stays alone.
#[test]
fn odd_shapes() {
    let far = r#"{"min_ms": 20, "avg_ms": 20.5, "mdev_ms": 0.5}"#;
    let near = r#"{"min_ms": 0.2, "avg_ms": 0.3, "mdev_ms": 0.1}"#;
    let matrix = format!(r#"{{"regions": ["a", "b"], "links": [[{near}, {far}], [{far}, {near}]]}}"#);
    let outcome =
        simulate(&format!(r#"{{"nodes": 8, "seconds": 90, "network": {{"delay": {{"matrix": {matrix}}}}}}}"#));
    assert_eq!(outcome.series.last().map(|sample| sample.synchronised), Some(8));
    let alone = simulate(r#"{"nodes": 1, "seconds": 10}"#);
    assert_eq!((last(&alone).state, alone.totals.datagrams), ("alone", 0));
}

/// Without steering the clocks are the operating systems': nobody is ever in step, and all are judged.
#[test]
fn monitoring_flock() {
    let outcome = simulate(r#"{"nodes": 8, "seconds": 40, "gossip": {"steer": false}}"#);
    let last = outcome.series.last().expect("samples");
    assert_eq!((last.synchronised, last.skew_ns), (0, None));
    assert!(last.all_skew_ns.is_some_and(|skew| skew > 10_000_000));
}
