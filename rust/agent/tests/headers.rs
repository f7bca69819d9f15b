//! The same protocol on messages that services send anyway.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_agent::gossip::keyring::{Key, Keyring};
use flocktime_agent::gossip::{HeaderRefusal, Machine, Route};
use flocktime_core::flocking::State;
use village::messages::{call, services, silent};
use village::{START_NS, Village};

/// Services that only call each other ten times a second synchronise, to less than half a millisecond.
#[test]
fn headers_alone_synchronise() {
    let mut village = services(131);
    for _ in 0..500 {
        call(&mut village, 0, 1, "server");
        village.run(0.1);
    }
    assert!(village.all(0..2, State::Synchronised), "{:?} {}", village.states(), village.told());
    for member in &village.members {
        let counters = member.machine.counters();
        assert!(counters.samples > 400, "{counters:?} {}", village.told());
        assert_eq!(counters.received, counters.accepted + counters.unproven, "{counters:?} {}", village.told());
        assert_eq!(member.host.merged.borrow().len(), 0, "the caller merges, {}", village.told());
    }
    assert!(village.skew_ns(0..2) < 500_000, "{} ns, {}", village.skew_ns(0..2), village.told());
}

/// A first header's sender has proven nothing and is not believed; its answer's has, and so has the next header's.
#[test]
fn first_contact_is_unproven() {
    let mut village = services(132);
    village.run(0.1);
    assert_eq!(call(&mut village, 0, 1, "server"), (false, true), "{}", village.told());
    assert_eq!(village.members[1].report().peers, [], "{}", village.told());
    assert_eq!(call(&mut village, 0, 1, "server"), (true, true), "{}", village.told());
    assert_eq!(village.members[1].report().peers.len(), 1, "{}", village.told());
}

/// A header that comes again is refused, by whom it was meant for, and never believed by anybody else.
#[test]
fn repeated_headers_are_refused() {
    let mut village = Village::new(&[0, 0, 0], 133, |_, _| {});
    village = silent(village);
    village.run(0.1);
    for _ in 0..3 {
        call(&mut village, 0, 1, "server");
        call(&mut village, 0, 2, "other");
    }
    let client = &mut village.members[0];
    let header = client.machine.header("server", &client.host);
    let note = client.machine.take_header(&header, 0, &client.host);
    assert_eq!(note, Err(HeaderRefusal::Own), "{}", village.told());
    let server = &mut village.members[1];
    let taken = server.machine.take_header(&header, server.host.raw(), &server.host).unwrap();
    assert!(taken.trusted, "{}", village.told());
    let before = server.machine.counters();
    for _ in 0..10_000 {
        assert_eq!(server.machine.take_header(&header, 0, &server.host), Err(HeaderRefusal::Replayed));
    }
    let after = server.machine.counters();
    assert_eq!((after.accepted, after.replayed - before.replayed), (before.accepted, 10_000), "{}", village.told());
    let other = &mut village.members[2];
    let accepted = other.machine.counters().accepted;
    let elsewhere = other.machine.take_header(&header, other.host.raw(), &other.host);
    assert!(
        elsewhere.is_err() || elsewhere.is_ok_and(|taken| !taken.trusted),
        "believed elsewhere, {}",
        village.told()
    );
    assert_eq!(village.members[2].machine.counters().accepted, accepted, "{}", village.told());
}

/// Nobody who has the key, but does not see what a member is sent, can speak in its name by a header.
#[test]
fn nobody_speaks_for_another_by_header() {
    let mut village = services(134);
    for _ in 0..50 {
        call(&mut village, 0, 1, "server");
        village.run(0.1);
    }
    let real = village.members[0].machine.settings().clone();
    let mut impostor = village::Insider::new(village::address(9), &village::keyring(), 0);
    (impostor.packet.node, impostor.packet.incarnation, impostor.packet.origin) =
        (real.node, real.incarnation, real.origin);
    (impostor.packet.sequence, impostor.packet.tx_l_ns) = (1_000_000, START_NS + 999);
    let text = flocktime_agent::gossip::packet::to_text(
        &impostor.says(flocktime_agent::gossip::packet::Kind::Note, Some(4711)),
    );
    let server = &mut village.members[1];
    let before = server.machine.counters().accepted;
    let taken = server.machine.take_header(&text, server.host.raw(), &server.host);
    assert!(!taken.is_ok_and(|taken| taken.trusted), "spoke in its name, {}", village.told());
    assert_eq!(village.members[1].machine.counters().accepted, before, "{}", village.told());
    assert_eq!(call(&mut village, 0, 1, "server"), (true, true), "silenced, {}", village.told());
}

/// Who is heard both by datagrams and by headers has one vote.
#[test]
fn both_ways_are_one_vote() {
    for headers_first in [false, true] {
        let mut village = Village::new(&[0, 100_000_000, 50_000_000], 135, |_, _| {});
        if headers_first {
            village = silent(village);
        }
        for round in 0..300 {
            call(&mut village, 0, 1, "server");
            call(&mut village, 1, 0, "client");
            village.run(0.1);
            if round == 100 {
                village.introduce();
            }
            for member in &village.members {
                let report = member.report();
                let mut voters: Vec<_> =
                    report.peers.iter().filter(|peer| peer.voted).map(|peer| peer.origin).collect();
                let all = voters.len();
                voters.sort_unstable();
                voters.dedup();
                assert!(voters.len() == all && report.voters <= 2, "{report:?} {}", village.told());
            }
        }
        assert!(village.all(0..3, State::Synchronised), "{:?} {}", village.states(), village.told());
        assert!(village.skew_ns(0..3) < 100_000, "{} ns, {}", village.skew_ns(0..3), village.told());
    }
}

/// Labels without end are bounded like everything else.
#[test]
fn labels_are_bounded() {
    let village = services(136);
    let mut machine: Machine = village.members[0].machine.clone();
    for label in 0..5_000 {
        machine.header(&format!("label {label}"), &village.members[0].host);
    }
    let report = machine.report(&village.members[0].host);
    assert_eq!((report.peers.len(), machine.counters().evicted), (4096, 5_000 - 4096), "{}", village.told());
    assert!(report.peers.iter().any(|peer| peer.route == Route::Label("label 4999".into())));
}

/// Headers signed with another key, without a key, or cut short are refused with the reason, and cannot be replied to.
#[test]
fn refusals_say_why() {
    use flocktime_agent::gossip::packet::Refusal;
    let mut village = services(137);
    let other = Keyring::new(9, &[Key::new(9, &[9; 32]).unwrap()]).unwrap();
    let mut reasons = Vec::new();
    for keyring in [Some(other), Some(Keyring::without_keys()), None] {
        let client = &mut village.members[0];
        client.machine.set_keyring(keyring.clone().unwrap_or_else(village::keyring));
        let mut text = client.machine.header("server", &client.host);
        if keyring.is_none() {
            text.truncate(100);
        }
        let server = &mut village.members[1];
        assert!(server.machine.reply_header(&text, &server.host).is_err());
        reasons.push(server.machine.take_header(&text, 0, &server.host).unwrap_err());
    }
    let wanted = [Refusal::UnknownKey { id: 9 }, Refusal::Unauthenticated, Refusal::Length];
    assert_eq!(reasons, wanted.map(HeaderRefusal::Refused), "{}", village.told());
}
