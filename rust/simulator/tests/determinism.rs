//! One scenario and one seed are one run; runs of one seed differ in nothing but what was changed.

use flocktime_simulator::outcome::Sample;
use flocktime_simulator::{Error, Outcome, Scenario, run};

fn simulate(json: &str, seed: u64) -> Outcome {
    let scenario = Scenario::from_json(json).expect("a scenario");
    run(&scenario, seed, &mut |_| true).expect("runs to the end")
}

/// Everything at once: churn, a partition, a liar, a jumping counter, a lossy network.
const BUSY: &str = r#"{
    "nodes": 12, "seconds": 90, "traffic": {"messages_per_s": 5},
    "network": {"asymmetry_us": 50, "faults": {"loss": 0.05, "duplication": 0.05, "damage": 0.02}},
    "churn": {"every_s": 20, "share": 0.1},
    "partitions": [{"from_s": 40, "to_s": 60, "members": {"share": 0.5}}],
    "faults": [
        {"members": {"last": 1}, "kind": {"split": {}}},
        {"members": {"list": [3]}, "from_s": 30, "kind": {"step": {"by_s": 3600, "every_s": 10}}}
    ]
}"#;

/// The same seed gives the same outcome, to the bit; another seed gives another one.
#[test]
fn seed_is_the_run() {
    let (first, again, other) = (simulate(BUSY, 42), simulate(BUSY, 42), simulate(BUSY, 43));
    assert_eq!(first, again);
    assert_ne!(first.trace, other.trace);
    assert_ne!(first.series, other.series);
}

/// How often a run is looked at, and whether anybody hears of its progress, changes nothing in it.
#[test]
fn looking_changes_nothing() {
    let often = BUSY.replacen('{', r#"{"sample_every_s": 0.25, "#, 1);
    // Liars know what was seen last, so this one is without.
    let honest = |json: &str| json.replace(r#"{"split": {}}"#, r#"{"rate": {"ppm": 10}}"#);
    assert_eq!(simulate(&honest(BUSY), 42).trace, simulate(&honest(&often), 42).trace);
}

/// Two runs of one seed, of which one has a liar in stamps and the other one an idle liar: the honest members' L are the same at every
/// instant, and only their stamps differ.
#[test]
fn seeds_are_paired() {
    let json = |kind: &str| {
        format!(r#"{{"nodes": 8, "seconds": 90, "faults": [{{"members": {{"last": 1}}, "kind": {kind}}}]}}"#)
    };
    let idle = simulate(&json(r#"{"constant": {"offset_ms": 0}}"#), 9);
    let ratchet = simulate(&json(r#"{"ratchet": {}}"#), 9);
    let clocks = |sample: &Sample| (sample.skew_ns, sample.all_skew_ns, sample.all_sd_ns, sample.lead_ns);
    for (a, b) in idle.series.iter().zip(&ratchet.series) {
        assert_eq!(clocks(a), clocks(b), "at {} s", a.t_s);
    }
    assert_ne!(idle.summary.stamp_lead_max_us, ratchet.summary.stamp_lead_max_us);
}

/// A run that is told to stop stops there.
#[test]
fn stops_when_told() {
    let scenario = Scenario::from_json(BUSY).expect("a scenario");
    let mut looks = 0;
    let mut third = |share: f64| {
        looks += 1;
        assert!((share - f64::from(looks) / 90.0).abs() < 1e-9);
        looks < 3
    };
    assert_eq!(run(&scenario, 1, &mut third), Err(Error::Stopped { at_s: 3.0 }));
}
