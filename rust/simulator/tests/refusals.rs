//! What is no scenario is refused, and the refusal says where.

use flocktime_simulator::{Error, Scenario};

fn refused(json: &str) -> String {
    Scenario::from_json(json).expect_err(json).to_string()
}

/// Every part has limits, and a value outside is named with its path.
#[test]
fn limits_name_the_field() {
    for (json, field) in [
        (r#"{"nodes": 0, "seconds": 9}"#, "nodes is 0, must lie in 1..=20000"),
        (r#"{"nodes": 20001, "seconds": 9}"#, "nodes is 20001"),
        (r#"{"nodes": 4, "seconds": 0.5}"#, "seconds is 0.5"),
        (r#"{"nodes": 4, "seconds": 100001}"#, "seconds is 100001"),
        (r#"{"nodes": 4, "seconds": 9, "sample_every_s": 0.00001}"#, "sample_every_s"),
        (r#"{"nodes": 4, "seconds": 9, "boot_within_s": -1}"#, "boot_within_s"),
        (r#"{"nodes": 4, "seconds": 9, "clocks": {"wander_every_s": 0}}"#, "clocks.wander_every_s"),
        (r#"{"nodes": 4, "seconds": 9, "clocks": {"ntp_members": 5}}"#, "clocks.ntp_members is 5, must lie in 0..=4"),
        (r#"{"nodes": 4, "seconds": 9, "network": {"faults": {"loss": 1.5}}}"#, "network.faults.loss"),
        (
            r#"{"nodes": 4, "seconds": 9, "network": {"delay": {"jitter": {"base_us": -1}}}}"#,
            "network.delay.jitter.base_us",
        ),
        (r#"{"nodes": 4, "seconds": 9, "gossip": {"fanout": 0}}"#, "gossip.fanout"),
        (r#"{"nodes": 4, "seconds": 9, "gossip": {"tuning": {"slew_joined": 0.07}}}"#, "gossip.tuning.slew_joined"),
        (r#"{"nodes": 4, "seconds": 9, "gossip": {"tuning": {"gate_min_ns": 2e6}}}"#, "gossip.tuning.gate_min_ns"),
        (r#"{"nodes": 4, "seconds": 9, "traffic": {"messages_per_s": 1e6}}"#, "traffic.messages_per_s"),
        (r#"{"nodes": 4, "seconds": 9, "churn": {"every_s": 0, "share": 0.1}}"#, "churn.every_s"),
        (
            r#"{"nodes": 4, "seconds": 9, "partitions": [{"from_s": 5, "to_s": 4, "members": {"share": 0.5}}]}"#,
            "partitions[0].to_s",
        ),
        (
            r#"{"nodes": 4, "seconds": 9, "faults": [{"members": {"first": 5}, "kind": {"drag": {}}}]}"#,
            "faults[0].members",
        ),
        (
            r#"{"nodes": 4, "seconds": 9, "faults": [{"members": {"list": [4]}, "kind": {"drag": {}}}]}"#,
            "faults[0].members",
        ),
        (
            r#"{"nodes": 4, "seconds": 9, "faults": [{"members": {"last": 1}, "kind": {"step": {"by_s": 1, "every_s": 0}}}]}"#,
            "faults[0].kind.every_s",
        ),
        (r#"{"nodes": 4, "seconds": 9, "faults": [{"members": {"last": 1}, "kind": "pause"}]}"#, "faults[0].to_s"),
        (
            r#"{"nodes": 4, "seconds": 9, "network": {"delay": {"matrix": {"regions": ["a"], "links": []}}}}"#,
            "network.delay.matrix.links",
        ),
    ] {
        let sentence = refused(json);
        assert!(sentence.starts_with(field), "{json}: {sentence}");
    }
}

/// Unknown fields, missing ones, wrong types and no JSON at all are refused, with line and column.
#[test]
fn text_must_be_a_scenario() {
    for (json, part) in [
        (r#"{"nodes": 4, "seconds": 9, "nodez": 1}"#, "unknown field `nodez`"),
        (
            r#"{"nodes": 4, "seconds": 9, "faults": [{"members": {"last": 1}, "kind": {"drag": {"gate": 1}}}]}"#,
            "unknown field `gate`",
        ),
        (
            r#"{"nodes": 4, "seconds": 9, "faults": [{"members": {"last": 1}, "kind": {"lie": {}}}]}"#,
            "unknown variant `lie`",
        ),
        (r#"{"nodes": 4}"#, "missing field `seconds`"),
        (r#"{"nodes": -4, "seconds": 9}"#, "-4"),
        (r#"{"nodes": 4, "seconds": NaN}"#, "line 1"),
        ("", "line 1"),
    ] {
        let sentence = refused(json);
        assert!(sentence.starts_with("not a scenario: ") && sentence.contains(part), "{json}: {sentence}");
        assert!(sentence.contains("line "), "{sentence}");
    }
}

/// What is written is read again as it was.
#[test]
fn scenarios_come_back() {
    let json = r#"{"name": "x", "nodes": 4, "seconds": 9, "network": {"delay": "wan"}, "churn": {"every_s": 5, "share": 0.5},
        "faults": [{"members": {"share": 0.5}, "kind": {"freeze": {"for_s": 1}}}, {"members": {"last": 1}, "to_s": 3, "kind": "restart"}]}"#;
    let scenario = Scenario::from_json(json).expect("a scenario");
    let text = serde_json::to_string(&scenario).expect("plain data");
    assert_eq!(Scenario::from_json(&text), Ok(scenario));
}

/// Numbers that cannot be are told by value, so that a caller can show them.
#[test]
fn limits_carry_numbers() {
    let error = Scenario::from_json(r#"{"nodes": 0, "seconds": 9}"#).expect_err("no members");
    assert_eq!(error, Error::Limit { field: "nodes".into(), value: 0.0, least: 1.0, most: 20_000.0 });
}
