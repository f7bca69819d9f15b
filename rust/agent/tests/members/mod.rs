//! Members on real sockets of this machine, with rounds of 20 ms and skewed clocks.

#![allow(dead_code, reason = "each test file uses its part")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flocktime_agent::gossip::keyring::{Key, Keyring};
use flocktime_agent::gossip::{AnchorPolicy, Settings};
use flocktime_agent::member::{Member, MemberConfig, MemberReport, Transition};
use flocktime_core::flocking::State;
use flocktime_core::{OsSource, SkewedSource, TimeSource};

pub(crate) type Skewed = SkewedSource<OsSource>;

/// No test waits longer than this for anything; all expect it much earlier.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn keyring(id: u16) -> Keyring {
    let secret = [id as u8; 32];
    Keyring::new(id, &[Key::new(id, &secret).expect("a key")]).expect("a keyring")
}

pub(crate) fn skewed(offset_ms: i64, ppm: f64) -> Skewed {
    SkewedSource::new(OsSource, offset_ms * 1_000_000, ppm).expect("the OS clock")
}

pub(crate) fn settings(node: u64) -> Settings {
    let mut settings = Settings::new(node, node + 1000, node);
    settings.tuning.round_ns = 20_000_000;
    settings.keyring = keyring(1);
    settings.anchor = AnchorPolicy::Never;
    settings
}

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

pub(crate) fn config(node: u64, base: &Skewed) -> MemberConfig {
    let base: Arc<dyn TimeSource> = Arc::new(base.clone());
    MemberConfig { listen: Some(loopback()), base: Some(base), ..MemberConfig::new(settings(node)) }
}

pub(crate) fn start(config: MemberConfig) -> Member {
    Member::start(config).expect("it starts")
}

pub(crate) fn address(member: &Member) -> SocketAddr {
    member.local_address().expect("it listens")
}

/// So many members that know each other, with clocks that are wrong by different amounts.
pub(crate) fn flock(count: u64, listen: SocketAddr) -> Vec<(Member, Skewed)> {
    let members: Vec<(Member, Skewed)> = (0..count)
        .map(|at| {
            let base = skewed(at as i64 * 40 - 60, at as f64 * 20.0 - 30.0);
            (start(MemberConfig { listen: Some(listen), ..config(at + 1, &base) }), base)
        })
        .collect();
    let addresses: Vec<SocketAddr> = members.iter().map(|(member, _)| address(member)).collect();
    for (member, _) in &members {
        member.set_peers(&addresses).expect("peers");
    }
    members
}

/// Waits for the state, through the log of transitions and nothing else.
pub(crate) fn reach(member: &Member, state: State) -> Transition {
    let (mut seen, deadline) = (0, Instant::now() + PATIENCE);
    loop {
        let found = member.wait_state(seen, deadline.saturating_duration_since(Instant::now()));
        if let Some(last) = found.last().filter(|last| last.state == state) {
            return last.clone();
        }
        seen = found.last().map_or(seen, |last| last.serial);
        let report = member.report();
        assert!(Instant::now() < deadline, "no {state:?} in {PATIENCE:?}: {report:#?}");
    }
}

/// Waits until the report says so. What is waited for has no event of its own, so it is looked at again and again.
pub(crate) fn until(member: &Member, what: &str, holds: impl Fn(&MemberReport) -> bool) -> MemberReport {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = member.report();
        if holds(&report) {
            return report;
        }
        assert!(Instant::now() < deadline, "not {what} in {PATIENCE:?}: {report:#?}");
        // At most for a round; a transition may come earlier.
        let _ = member.wait_state(u64::MAX - 1, Duration::from_millis(5));
    }
}

/// What the members take the time to be at one instant of the one oscillator that they all share, largest difference,
/// nanoseconds. Judged from outside: each says what its clock showed at one H of its own.
pub(crate) fn spread_ns(members: &[(Member, Skewed)]) -> i64 {
    // A member's H is the real one, stretched; the wall of its steered source at one real instant needs no conversion, if
    // all are read so close together that their order does not matter.
    let start = OsSource.raw_ns();
    let shown: Vec<i64> = members
        .iter()
        .map(|(member, base)| {
            let before = OsSource.raw_ns();
            let h_ns = base.raw_ns();
            let after = OsSource.raw_ns();
            let at = before + (after - before) / 2;
            member.steering().guidance().discipline.at(h_ns) - (at - start) as i64
        })
        .collect();
    shown.iter().max().expect("members") - shown.iter().min().expect("members")
}

/// A socket that says what it likes.
pub(crate) fn stranger() -> UdpSocket {
    let socket = UdpSocket::bind(loopback()).expect("a port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}
