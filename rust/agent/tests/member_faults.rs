//! Members of a flock on real sockets, and what goes wrong there.

mod members;

use std::sync::Arc;
use std::time::{Duration, Instant};

use flocktime_agent::gossip::Verdict;
use flocktime_agent::gossip::packet::{Kind, MAX_SIZE, SIZE, decode};
use flocktime_agent::member::{Member, MemberConfig, MemberReport, PeerError, Stamps, StartError, Status, Unavailable};
use flocktime_core::Timestamp;
use flocktime_core::flocking::State;
use members::*;

/// What is no packet, or not signed by a key of the flock, is counted for what it is and never answered. What is, is answered
/// with as many bytes.
#[test]
fn junk_gets_no_answer() {
    let member = start(config(1, &skewed(0, 0.0)));
    // What another flock says, and what one of this flock says to somebody else.
    let listener = stranger();
    let record = |keys: u16| {
        let mut other = config(9, &skewed(0, 0.0));
        other.settings.keyring = keyring(keys);
        other.peers = vec![listener.local_addr().expect("an address").to_string()];
        let other = start(other);
        let mut room = [0; 512];
        let (length, from) = listener.recv_from(&mut room).expect("a request");
        assert_eq!((from, length), (address(&other), SIZE));
        room[..length].to_vec()
    };
    let (good, foreign) = (record(1), record(2));
    let mut forged = good.clone();
    forged[40] ^= 1;
    let (mut unsigned, mut version, mut long) = (good.clone(), good.clone(), good.clone());
    unsigned[6..8].fill(0);
    unsigned[SIZE - 16..].fill(0);
    version[2] = 2;
    long.resize(MAX_SIZE + 44, 0);
    let junk = [vec![], vec![0; SIZE], good[..SIZE - 1].to_vec(), long, version, unsigned, foreign, forged];
    let sender = stranger();
    for _ in 0..10 {
        for datagram in &junk {
            sender.send_to(datagram, address(&member)).expect("it is sent");
        }
    }
    sender.send_to(&good, address(&member)).expect("it is sent");
    // The answer to the last one is the first that comes, hence the only one.
    let mut room = [0; 512];
    let (length, _) = sender.recv_from(&mut room).expect("an answer");
    let answer = decode(&room[..length]).expect("a packet");
    assert_eq!((length, answer.kind, answer.node), (SIZE, Kind::Reply, 1));
    let report = member.report();
    let counters = report.flock.expect("it runs").counters;
    let counted =
        [counters.malformed, counters.version, counters.unauthenticated, counters.unknown_key, counters.forged];
    assert_eq!((counted, counters.unproven), ([40, 10, 10, 10, 10], 1));
    assert_eq!((counters.received, counters.accepted, report.io.datagrams_sent), (81, 0, 1));
    assert_eq!(report.io.bytes_received, 10 * (SIZE * 6 - 1 + MAX_SIZE + 1) as u64 + SIZE as u64);
}

/// A member stops at once, its port is free then, whoever waits is woken, and afterwards it says that it was stopped.
#[test]
fn it_stops_at_once() {
    let mut slow = config(1, &skewed(0, 0.0));
    slow.settings.tuning.round_ns = 3_600_000_000_000;
    let member = start(slow.clone());
    let began = Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| member.wait_state(100, PATIENCE));
        member.stop();
        assert_eq!(waiting.join().expect("it waited"), []);
    });
    member.stop();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((member.status(), member.rotate(keyring(2))), (Status::Stopped, Err(Unavailable::Stopped)));
    assert!(member.header("peer").is_err());
    assert!(!member.report().io.listening);
    slow.listen = member.local_address();
    drop(start(slow));
}

/// A member whose peer vanishes and comes back under another incarnation finds it again by the same address.
#[test]
fn a_peer_that_returns_is_found_again() {
    let mut members = flock(4, loopback());
    for (member, _) in &members {
        reach(member, State::Synchronised);
    }
    let (gone, base) = members.pop().expect("four");
    let listen = gone.local_address();
    drop(gone);
    let is_silent = |report: &MemberReport| {
        let peers = report.flock.iter().flat_map(|flock| &flock.peers);
        peers.filter(|peer| peer.node == Some(4)).map(|peer| peer.verdict == Verdict::Silent).next()
    };
    until(&members[0].0, "missing it", |report| is_silent(report) == Some(true));
    let mut again = MemberConfig { listen, ..config(4, &base) };
    again.settings.incarnation += 1;
    again.peers = members.iter().map(|(member, _)| address(member).to_string()).collect();
    let again = start(again);
    reach(&again, State::Synchronised);
    until(&members[0].0, "in touch again", |report| is_silent(report) == Some(false));
    members.push((again, base));
    let spread = spread_ns(&members);
    assert!(spread < 1_000_000, "{spread} ns apart");
}

/// Where nobody listens, datagrams get lost; the member goes on with the others.
#[test]
fn a_closed_port_does_not_hurt() {
    let closed = stranger().local_addr().expect("an address");
    let members = flock(4, loopback());
    let mut addresses: Vec<_> = members.iter().map(|(member, _)| address(member)).collect();
    addresses.extend([closed, "255.255.255.255:9".parse().expect("an address")]);
    for (member, _) in &members {
        member.set_peers(&addresses).expect("peers");
    }
    for (member, _) in &members {
        reach(member, State::Synchronised);
    }
    // Who may not send to everybody is told so by the operating system.
    let report = until(&members[0].0, "refused", |report| report.io.send_errors > 0);
    let error = report.io.last_error.expect("an error");
    assert_eq!((error.doing, error.address), ("send", "255.255.255.255:9".parse().ok()));
    assert!(error.code != 0 && !error.error.is_empty());
    assert_eq!(report.status, Status::Running);
}

/// A member does not start on what cannot be, and says what that is.
#[test]
fn it_says_why_it_does_not_start() {
    let base = skewed(0, 0.0);
    let taken = start(config(1, &base));
    let refused = Member::start(MemberConfig { listen: taken.local_address(), ..config(2, &base) });
    assert!(matches!(refused, Err(StartError::Listen { address: at, .. }) if at == address(&taken)));
    let text = refused.expect_err("the port is taken").to_string();
    assert!(text.contains(&address(&taken).to_string()), "{text}");
    let refused = Member::start(MemberConfig { peers: vec!["nowhere".to_owned()], ..config(2, &base) });
    assert!(matches!(refused, Err(StartError::Peer(PeerError::Invalid { name, .. })) if name == "nowhere"));
    let mut quick = config(2, &base);
    quick.settings.tuning.round_ns = 10;
    let refused = Member::start(quick).expect_err("a round is too short").to_string();
    assert!(refused.contains("round_ns") && refused.contains("10"), "{refused}");
}

/// A frozen H neither stops the thread nor makes it spin, and one that goes back is survived.
#[test]
fn a_broken_oscillator_is_survived() {
    let base = skewed(0, 0.0);
    let member = start(config(1, &base));
    until(&member, "running", |report| report.flock.as_ref().is_some_and(|flock| flock.round > 3));
    base.freeze().expect("the OS clock");
    // It still answers while its own H stands: to bells and datagrams.
    let nobody = stranger();
    nobody.send_to(b"junk", address(&member)).expect("it is sent");
    until(&member, "awake", |report| report.io.datagrams_received == 1);
    base.thaw().expect("the OS clock");
    let round = member.report().flock.expect("it runs").round;
    until(&member, "going on", |report| report.flock.as_ref().is_some_and(|flock| flock.round > round + 3));
    base.step(-3_600_000_000_000);
    let report =
        until(&member, "going on", |report| report.flock.as_ref().is_some_and(|flock| flock.round > round + 9));
    assert_eq!(report.flock.expect("it runs").counters.backward_raw, 1);
}

/// A socket that dies is opened again, on the same port.
#[cfg(target_os = "linux")]
#[test]
fn a_dead_socket_is_opened_again() {
    use nix::sys::socket::{Shutdown, SockaddrStorage, getsockname, shutdown};
    let (one, other) = (skewed(1, 0.0), skewed(2, 0.0));
    let (member, peer) = (start(config(1, &one)), start(config(2, &other)));
    let wanted = SockaddrStorage::from(address(&member));
    let found = (0..1024).find(|&fd| getsockname::<SockaddrStorage>(fd).is_ok_and(|at| at == wanted));
    // Not connected, it says; but dead it is.
    let _ = shutdown(found.expect("its socket is open"), Shutdown::Both);
    let report = until(&member, "listening again", |report| report.io.reopened > 0);
    assert!(report.io.listening && report.local_address == Some(address(&member)));
    peer.set_peers(&[address(&member)]).expect("peers");
    until(&peer, "in touch", |report| {
        report.flock.as_ref().is_some_and(|flock| flock.peers.iter().any(|peer| peer.node == Some(1)))
    });
}

/// Datagrams with a wrong checksum are dropped where they are read, and cost the member nothing but that: its socket stays open.
#[cfg(target_os = "linux")]
#[test]
fn wrong_checksums_do_not_close_the_socket() {
    use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, sendto, socket};
    use std::os::fd::AsRawFd;
    let Ok(raw) = socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Udp) else {
        eprintln!("not tested: only an administrator may send what is wrong");
        return;
    };
    let member = start(config(1, &skewed(0, 0.0)));
    let mut wrong = [0_u8; 8 + SIZE];
    for (field, value) in wrong.chunks_mut(2).zip([9, address(&member).port(), 8 + SIZE as u16, 0xBAD]) {
        field.copy_from_slice(&value.to_be_bytes());
    }
    let round = || member.report().flock.map_or(0, |flock| flock.round);
    for _ in 0..20 {
        let to = SockaddrIn::new(127, 0, 0, 1, 0);
        sendto(raw.as_raw_fd(), &wrong, &to, MsgFlags::empty()).expect("it is sent");
        // Each by itself: the member has looked at its socket before it turns another round.
        let before = round();
        until(&member, "a round later", |report| report.flock.as_ref().is_some_and(|flock| flock.round > before + 1));
    }
    stranger().send_to(b"junk", address(&member)).expect("it is sent");
    let report = until(&member, "awake", |report| report.io.datagrams_received > 0);
    assert_eq!((report.io.datagrams_received, report.io.reopened, report.io.receive_errors), (1, 0, 0));
    assert!(report.io.listening && report.io.last_error.is_none());
}

struct Failing;

impl Stamps for Failing {
    fn node(&self) -> u64 {
        1
    }

    fn stamp(&self) -> Option<Timestamp> {
        panic!("no stamp today")
    }

    fn merge(&self, _: Timestamp, _: bool) {}
}

/// A clock that panics takes the member's thread with it, and nothing else: the member says what happened, and stops as ever.
#[test]
fn a_bad_end_is_reported() {
    let members = flock(2, loopback());
    let (member, _) = &members[0];
    // It may have failed before this returns.
    let _ = member.attach(Arc::new(Failing));
    let report = until(member, "failed", |report| report.status != Status::Running);
    assert_eq!(report.status, Status::Failed { reason: "no stamp today".to_owned() });
    assert_eq!((report.flock, report.io.listening), (None, false));
    assert_eq!(member.rotate(keyring(1)), Err(Unavailable::Failed));
    assert!(member.wait_state(1_000, PATIENCE).is_empty());
    member.stop();
}
