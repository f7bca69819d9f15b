//! Members that are told of themselves, and settings that are none.

mod members;

use std::net::SocketAddr;

use flocktime_agent::gossip::AnchorPolicy;
use flocktime_agent::member::{Member, MemberConfig, MemberReport};
use members::*;

/// A member that listens everywhere and is told of an address of its own asks there once and no more.
#[test]
fn it_recognises_its_own_address() {
    let everywhere = "0.0.0.0:0".parse().ok();
    let member = start(MemberConfig { listen: everywhere, ..config(1, &skewed(0, 0.0)) });
    let own: SocketAddr = ([127, 0, 0, 1], address(&member).port()).into();
    for _ in 0..2 {
        member.set_peers(&[own]).expect("peers");
        let found = |report: &MemberReport| report.flock.as_ref().map_or(0, |flock| flock.counters.own_addresses);
        until(&member, "aware of itself", |report| found(report) == 1);
        let rounds = |report: &MemberReport| report.flock.as_ref().map_or(0, |flock| flock.counters.rounds);
        let before = rounds(&member.report());
        let report = until(&member, "some rounds later", |report| rounds(report) >= before + 10);
        let flock = report.flock.expect("a report");
        assert_eq!((flock.counters.sent, flock.counters.own, flock.peers.len()), (1, 1, 0));
    }
}

/// A number of the control loop that is none, and an anchor that says nothing, are refused by name, with what they may be.
#[test]
fn settings_out_of_bounds_are_refused() {
    let base = skewed(0, 0.0);
    let refused = |change: fn(&mut MemberConfig)| {
        let mut config = config(1, &base);
        change(&mut config);
        Member::start(config).expect_err("out of bounds").to_string()
    };
    let text = refused(|config| config.settings.tuning.slew_joined = -0.5);
    assert_eq!(text, "tuning.slew_joined is -0.5, and must be between 0 and 0.06");
    let text = refused(|config| config.settings.tuning.rate_max = f64::NAN);
    assert_eq!(text, "tuning.rate_max is NaN, and must be between 0 and 0.001");
    let text = refused(|config| config.settings.anchor = AnchorPolicy::Always { error_ns: u64::MAX });
    assert_eq!(text, "anchor_error_ns is 18446744073709551615, and must be between 0 and 1000000000");
}
