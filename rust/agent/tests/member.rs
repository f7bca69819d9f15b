//! Members of a flock on real sockets.

mod members;

use std::collections::BTreeSet;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flocktime_agent::gossip::packet::{Kind, SIZE};
use flocktime_agent::member::{MemberConfig, Stamps, Status};
use flocktime_core::flocking::State;
use flocktime_core::{OsSource, SteeredSource, TimeSource, Timestamp};
use members::*;

/// Four members with wrong clocks agree to well within a millisecond, on one thread each, and their steered sources show what
/// they agreed on. The kernel says when datagrams came.
#[test]
fn four_members_agree() {
    let members = flock(4, loopback());
    for (member, _) in &members {
        reach(member, State::Synchronised);
    }
    let spread = spread_ns(&members);
    assert!(spread < 1_000_000, "{spread} ns apart");
    let sources: Vec<_> =
        members.iter().map(|(member, base)| SteeredSource::new(base.clone(), member.steering().clone())).collect();
    let shown: Vec<i64> = sources.iter().map(|source| source.wall_ns().expect("a time")).collect();
    let apart = shown.iter().max().expect("four") - shown.iter().min().expect("four");
    assert!(apart < 20_000_000, "the sources are {apart} ns apart, where the bases are 120 ms");
    for (member, _) in &members {
        let report = until(member, "counting all", |report| report.flock.as_ref().is_some_and(|f| f.voters == 3));
        let flock = report.flock.expect("it runs");
        assert_eq!(report.status, Status::Running);
        assert_eq!(flock.peers.len(), 3, "{flock:#?}");
        assert_eq!(flock.counters.received, report.io.datagrams_received);
        assert_eq!(flock.counters.sent, report.io.datagrams_sent);
        assert_eq!(report.io.bytes_sent, report.io.datagrams_sent * SIZE as u64);
        assert_eq!((report.io.send_errors, report.io.receive_errors, report.io.last_error), (0, 0, None));
        #[cfg(target_os = "linux")]
        assert!(report.io.kernel_stamped > 10 * (1 + report.io.unstamped), "{:?}", report.io.kernel_stamped);
    }
}

/// Serial numbers of transitions count from one without a gap, each begins where the one before ended, and who has seen all
/// waits.
#[test]
fn transitions_are_numbered() {
    let members = flock(4, loopback());
    for (member, _) in &members {
        let last = reach(member, State::Synchronised);
        let all = member.wait_state(0, Duration::ZERO);
        let serials: Vec<u64> = all.iter().map(|transition| transition.serial).collect();
        assert_eq!(serials, (1..=all.len() as u64).collect::<Vec<_>>());
        assert!(all.windows(2).all(|two| two[0].state == two[1].before && two[0].raw_ns <= two[1].raw_ns));
        assert_eq!((all[0].before, all[0].state), (State::Alone, State::Alone));
        assert!(member.latest().is_some_and(|latest| latest.serial >= last.serial));
        assert_eq!(member.wait_state(last.serial + 100, Duration::from_millis(1)), []);
    }
}

/// The same over IPv6; and a member that listens on both speaks IPv4 with those that have nothing else, and knows them by their
/// IPv4 address.
#[test]
fn both_families_flock() {
    let ipv6 = flock(4, "[::1]:0".parse().expect("an address"));
    for (member, _) in &ipv6 {
        reach(member, State::Synchronised);
        assert!(address(member).is_ipv6());
    }
    drop(ipv6);
    let (one, other) = (skewed(3, 0.0), skewed(-3, 0.0));
    let both = start(MemberConfig { listen: "[::]:0".parse().ok(), ..config(1, &one) });
    let ipv4 = start(config(2, &other));
    ipv4.set_peers(&[([127, 0, 0, 1], address(&both).port()).into()]).expect("peers");
    both.set_peer_names(&[format!("[::ffff:127.0.0.1]:{}", address(&ipv4).port())]).expect("peers");
    for (member, peer) in [(&both, address(&ipv4)), (&ipv4, ([127, 0, 0, 1], address(&both).port()).into())] {
        let report = until(member, "in touch", |report| {
            report.flock.as_ref().is_some_and(|flock| flock.peers.iter().any(|peer| peer.delay_ns.is_some()))
        });
        let routes: Vec<String> =
            report.flock.iter().flat_map(|f| &f.peers).map(|peer| peer.route.to_string()).collect();
        assert_eq!((routes, report.io.send_errors), (vec![peer.to_string()], 0));
    }
}

/// A member that listens on all addresses of its host answers from the one that it was asked at, whichever that is: who asks
/// takes an answer from nowhere else.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_comes_from_where_it_was_asked() {
    let (base, hosts) = (skewed(1, 0.0), ["127.0.0.1", "127.0.0.2", "127.1.2.3"]);
    for (listen, hosts) in [("0.0.0.0:0", &hosts[..]), ("[::]:0", &[&hosts[..], &["[::1]"]].concat())] {
        let member = start(MemberConfig { listen: listen.parse().ok(), ..config(1, &base) });
        for (node, host) in (2..).zip(hosts) {
            let wanted = format!("{host}:{}", address(&member).port());
            let nearby = if host.starts_with('[') { "[::1]:0".parse().ok() } else { Some(loopback()) };
            let asker = start(MemberConfig { listen: nearby, peers: vec![wanted.clone()], ..config(node, &base) });
            let report = until(&asker, "answered", |report| {
                report.flock.as_ref().is_some_and(|flock| flock.peers.iter().any(|peer| peer.delay_ns.is_some()))
            });
            let routes: Vec<String> = report.flock.iter().flat_map(|f| &f.peers).map(|p| p.route.to_string()).collect();
            assert_eq!(routes, [wanted]);
        }
        assert_eq!(member.report().io.send_errors, 0);
    }
}

/// Peers of a family that the socket does not speak are named, and nothing is sent to them.
#[test]
fn unreachable_families_are_reported() {
    let base = skewed(0, 0.0);
    for (listen, wrong) in [("127.0.0.1:0", "[::1]:9"), ("[::1]:0", "127.0.0.1:9")] {
        let member =
            start(MemberConfig { listen: listen.parse().ok(), peers: vec![wrong.to_owned()], ..config(1, &base) });
        let report = until(&member, "told", |report| report.unsupported_total > 0);
        assert_eq!((report.unsupported, report.unsupported_total), (vec![wrong.parse().expect("an address")], 1));
        let later = until(&member, "past some rounds", |report| report.flock.as_ref().is_some_and(|f| f.round > 5));
        assert_eq!((later.io.datagrams_sent, later.io.send_errors), (0, 0));
    }
    let silent = start(MemberConfig { listen: None, peers: vec!["127.0.0.1:9".to_owned()], ..config(1, &base) });
    assert_eq!(until(&silent, "told", |report| report.unsupported_total > 0).local_address, None);
}

/// Names among the peers are resolved, all of their addresses are used, and what cannot be resolved is reported and hurts nobody.
#[test]
fn names_are_resolved() {
    let (one, other) = (skewed(1, 0.0), skewed(2, 0.0));
    let listener = start(config(1, &one));
    let port = address(&listener).port();
    let (name, nobody) = (format!("localhost:{port}"), "nobody.invalid:7".to_owned());
    let mut caller = config(2, &other);
    caller.peers = vec![nobody.clone(), name.clone()];
    caller.resolve_every = Duration::from_millis(20);
    let caller = start(caller);
    let report = until(&caller, "in touch", |report| {
        report.flock.as_ref().is_some_and(|flock| flock.peers.iter().any(|peer| peer.node == Some(1)))
    });
    assert_eq!(report.names[0].name, nobody);
    assert!(report.names[0].resolved && report.names[0].error.is_some() && report.names[0].addresses.is_empty());
    assert!(report.names[1].error.is_none() && report.names[1].name == name);
    assert!(report.names[1].addresses.contains(&address(&listener)));
    // Another list, and the names of the former one are gone.
    caller.set_peers(&[address(&listener)]).expect("peers");
    assert_eq!(until(&caller, "told", |report| report.names.is_empty()).status, Status::Running);
    caller.set_peer_names(&[name]).expect("peers");
    until(&caller, "told", |report| report.names.iter().any(|name| name.resolved));
}

/// Two members that only ride on headers measure each other, and rotate their keys meanwhile.
#[test]
fn headers_need_no_socket() {
    let (one, other) = (skewed(5, 0.0), skewed(-5, 0.0));
    let client = start(MemberConfig { listen: None, ..config(1, &one) });
    let server = start(MemberConfig { listen: None, ..config(2, &other) });
    let both = {
        use flocktime_agent::gossip::keyring::{Key, Keyring};
        let key = |id: u16| Key::new(id, &[id as u8; 32]).expect("a key");
        Keyring::new(2, &[key(1), key(2)]).expect("a keyring")
    };
    server.rotate(both.clone()).expect("it runs");
    client.rotate(both).expect("it runs");
    let mut trusted = BTreeSet::new();
    for _ in 0..4 {
        let request = client.header("server").expect("a header");
        trusted.insert(server.take_header(&request, None).expect("authentic").trusted);
        let answer = server.reply_header(&request).expect("an answer");
        let taken = client.take_header(&answer, Some(client.raw_ns())).expect("authentic");
        assert_eq!((taken.packet.kind, taken.packet.node), (Kind::Reply, 2));
    }
    assert!(trusted.contains(&true));
    for (member, node) in [(&client, 2), (&server, 1)] {
        let report = until(member, "measured", |report| {
            report.flock.as_ref().is_some_and(|f| f.peers.iter().any(|peer| peer.delay_ns.is_some()))
        });
        let flock = report.flock.expect("it runs");
        assert_eq!(flock.peers.iter().map(|peer| peer.node).collect::<Vec<_>>(), [Some(node)]);
        assert_eq!((report.io.datagrams_sent, report.io.datagrams_received), (0, 0));
    }
    assert!(client.header("").is_err() && client.header(&"x".repeat(256)).is_err());
    assert!(client.take_header("junk", None).is_err());
}

/// On the OS clock itself the source of a lone member shows the OS clock.
#[test]
fn a_lone_member_shows_the_os_clock() {
    let member = start(MemberConfig { listen: Some(loopback()), ..MemberConfig::new(settings(1)) });
    until(&member, "running", |report| report.flock.as_ref().is_some_and(|flock| flock.round > 5));
    let source = SteeredSource::new(OsSource, member.steering().clone());
    let [before, shown, after] = [&OsSource as &dyn TimeSource, &source, &OsSource].map(TimeSource::wall_ns);
    let [before, shown, after] = [before, shown, after].map(|reading| reading.expect("a time"));
    assert!(before <= shown && shown <= after, "{before} {shown} {after}");
    assert_eq!(member.latest().map(|latest| latest.state), Some(State::Alone));
}

/// This process's clock, as far as a test needs one.
struct Recorded {
    node: u64,
    merged: Mutex<Sender<(Timestamp, bool)>>,
}

impl Stamps for Recorded {
    fn node(&self) -> u64 {
        self.node
    }

    fn stamp(&self) -> Option<Timestamp> {
        Timestamp::new(1_000, 1, self.node, 0).ok()
    }

    fn merge(&self, remote: Timestamp, trusted: bool) {
        let _nobody_listens = self.merged.lock().map(|merged| merged.send((remote, trusted)));
    }
}

/// What an attached clock stamps reaches the clocks of others, vouched for by the key.
#[test]
fn stamps_travel_along() {
    let (sent, merged) = channel();
    let members = flock(2, loopback());
    for (node, (member, _)) in (1..).zip(&members) {
        let clock = Recorded { node, merged: Mutex::new(sent.clone()) };
        member.attach(Arc::new(clock)).expect("it runs");
    }
    let mut nodes = BTreeSet::new();
    while nodes.len() < 2 {
        let (stamp, trusted) = merged.recv_timeout(PATIENCE).expect("a stamp");
        assert_eq!((stamp.physical_us(), stamp.logical(), trusted), (1_000, 1, true));
        nodes.insert(stamp.node());
    }
    assert_eq!(nodes, BTreeSet::from([1, 2]));
}
