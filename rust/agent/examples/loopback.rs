//! What members cost and how close they come, on the loopback of one machine:
//!
//! ```text
//! cargo run --release -p flocktime-agent --example loopback -- [MEMBERS] [SECONDS] [BUSY] [JUNK]
//! ```
//!
//! MEMBERS (16) in one process, one thread each, with offsets of ±200 ms and ±100 ppm, rounds of a second, for SECONDS (60); BUSY (0)
//! threads compute meanwhile, and JUNK (0) datagrams a second go to each of the first two, and to a bare loop that only receives, for
//! comparison. All clocks derive from one oscillator,
//! so the truth is known: each member's disciplined clock is evaluated at one instant. The second half counts.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use flocktime_agent::gossip::keyring::{Key, Keyring};
use flocktime_agent::gossip::packet::SIZE;
use flocktime_agent::gossip::{AnchorPolicy, Settings};
use flocktime_agent::member::{Member, MemberConfig, MemberReport};
use flocktime_core::flocking::State;
use flocktime_core::{OsSource, SkewedSource, TimeSource};

const MEMBER: &str = "flocktime-flock";
const BARE: &str = "bare";

type Skewed = SkewedSource<OsSource>;

fn main() {
    let numbers: Vec<u64> = env::args().skip(1).map(|text| text.parse().expect("a number")).collect();
    let argument = |place: usize, default: u64| numbers.get(place).copied().unwrap_or(default);
    let (count, seconds, busy, junk) = (argument(0, 16), argument(1, 60), argument(2, 0), argument(3, 0));
    let members: Vec<(Member, Skewed)> = (0..count).map(|at| start(at, count)).collect();
    let addresses: Vec<SocketAddr> = members.iter().filter_map(|(member, _)| member.local_address()).collect();
    for (member, _) in &members {
        member.set_peers(&addresses).expect("peers");
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..busy {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        for &to in addresses.iter().take(if junk > 0 { 2 } else { 0 }) {
            let done = &done;
            scope.spawn(move || pour(to, junk, done));
        }
        if junk > 0 {
            let bare = UdpSocket::bind("127.0.0.1:0").expect("a port");
            bare.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
            let (to, done) = (bare.local_addr().expect("an address"), &done);
            scope.spawn(move || pour(to, junk, done));
            thread::Builder::new()
                .name(BARE.to_owned())
                .spawn_scoped(scope, move || swallow(&bare, done))
                .expect("a thread");
        }
        measure(&members, Duration::from_secs(seconds));
        done.store(true, Ordering::Relaxed);
    });
}

fn start(at: u64, count: u64) -> (Member, Skewed) {
    let place = at as f64 / (count.max(2) - 1) as f64 * 2.0 - 1.0;
    let ppm = if at.is_multiple_of(2) { -100.0 * place } else { 100.0 * place };
    let base = SkewedSource::new(OsSource, (place * 200e6) as i64, ppm).expect("the OS clock");
    let mut settings = Settings::new(at + 1, at + 1, at + 1);
    settings.anchor = AnchorPolicy::Never;
    settings.keyring = Keyring::new(1, &[Key::new(1, &[7; 32]).expect("a key")]).expect("a keyring");
    let listen = Some(([127, 0, 0, 1], 0).into());
    let source: Arc<dyn TimeSource> = Arc::new(base.clone());
    let member = Member::start(MemberConfig { listen, base: Some(source), ..MemberConfig::new(settings) });
    (member.expect("it starts"), base)
}

fn measure(members: &[(Member, Skewed)], total: Duration) {
    let began = Instant::now();
    let (mut close_s, mut skews) = (None, Vec::new());
    let mut half: Option<(Instant, [Vec<u64>; 2], Vec<MemberReport>)> = None;
    while began.elapsed() < total {
        thread::sleep(Duration::from_millis(100));
        let shown = shown_ns(members);
        let apart = shown.iter().max().expect("members") - shown.iter().min().expect("members");
        if apart < 1_000_000 && close_s.is_none() {
            close_s = Some(began.elapsed().as_secs_f64());
        }
        if began.elapsed() > total / 2 {
            half.get_or_insert_with(|| {
                (
                    Instant::now(),
                    [MEMBER, BARE].map(cpu_ns),
                    members.iter().map(|(member, _)| member.report()).collect(),
                )
            });
            skews.extend(
                shown.iter().enumerate().flat_map(|(at, one)| shown[..at].iter().map(move |b| one.abs_diff(*b))),
            );
        }
    }
    let (since, cpu_before, before) = half.expect("the second half");
    let elapsed = since.elapsed().as_secs_f64();
    let cpu = [MEMBER, BARE].map(cpu_ns);
    let percent = |kind: usize| -> Vec<f64> {
        cpu[kind].iter().zip(&cpu_before[kind]).map(|(after, before)| (after - before) as f64 / elapsed / 1e7).collect()
    };
    let after: Vec<MemberReport> = members.iter().map(|(member, _)| member.report()).collect();
    let mut delays: Vec<u64> = after
        .iter()
        .filter_map(|r| r.flock.as_ref())
        .flat_map(|f| &f.peers)
        .filter_map(|p| p.delay_ns)
        .map(|d| d as u64)
        .collect();
    let sum = |count: fn(&MemberReport) -> u64| {
        let total = |reports: &[MemberReport]| reports.iter().map(count).sum::<u64>();
        (total(&after) - total(&before)) as f64 / elapsed / members.len() as f64
    };
    let synchronised =
        after.iter().filter(|r| r.flock.as_ref().is_some_and(|f| f.state == State::Synchronised)).count();
    println!("{synchronised} of {} synchronised; within 1 ms after {close_s:?} s", members.len());
    let [p50, p99, most] = [50, 99, 100].map(|percent| at_percent(&mut skews, percent));
    println!("pairwise skew, ns: p50 {p50}, p99 {p99}, max {most}");
    println!(
        "half the least delays, ns: p50 {}, p99 {}",
        at_percent(&mut delays, 50) / 2,
        at_percent(&mut delays, 99) / 2
    );
    println!("each member, % of a core: {:.3?}", percent(0));
    println!("the bare loop, % of a core: {:.3?}", percent(1));
    println!("  sent {:.0} B/s, {:.1} datagrams/s", sum(|r| r.io.bytes_sent), sum(|r| r.io.datagrams_sent));
    println!(
        "  received {:.1} datagrams/s, dropped by the kernel {:.1}/s",
        sum(|r| r.io.datagrams_received),
        sum(|r| r.io.overflowed)
    );
    println!(
        "  without the kernel's stamp {:.3}/s, errors {:.3}/s",
        sum(|r| r.io.unstamped),
        sum(|r| r.io.send_errors + r.io.receive_errors)
    );
}

/// What each clock shows, less what has passed since the first was looked at.
fn shown_ns(members: &[(Member, Skewed)]) -> Vec<i64> {
    let start_ns = OsSource.raw_ns();
    let shown = |(member, base): &(Member, Skewed)| {
        let discipline = member.steering().guidance().discipline;
        let before_ns = OsSource.raw_ns();
        let h_ns = base.raw_ns();
        let at_ns = before_ns.midpoint(OsSource.raw_ns());
        discipline.at(h_ns) - (at_ns - start_ns) as i64
    };
    members.iter().map(shown).collect()
}

fn at_percent(numbers: &mut [u64], percent: usize) -> u64 {
    numbers.sort_unstable();
    numbers.len().checked_sub(1).map_or(0, |last| numbers[last * percent / 100])
}

/// Of each thread of that name, in the order they were started.
fn cpu_ns(name: &str) -> Vec<u64> {
    let mut tasks: Vec<_> = fs::read_dir("/proc/self/task").expect("Linux").flatten().map(|task| task.path()).collect();
    tasks.sort();
    let named = tasks.iter().filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name));
    let spent = named.filter_map(|task| fs::read_to_string(task.join("schedstat")).ok());
    spent.filter_map(|text| text.split(' ').next()?.parse().ok()).collect()
}

fn swallow(socket: &UdpSocket, done: &AtomicBool) {
    let mut room = [0; 512];
    while !done.load(Ordering::Relaxed) {
        let _ = socket.recv_from(&mut room);
    }
}

/// Packets that are refused as late as can be, by their signature.
fn pour(to: SocketAddr, a_second: u64, done: &AtomicBool) {
    let mut forged = [0; SIZE];
    forged[..8].copy_from_slice(b"ft\x01\x00\x01\x03\x00\x01");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let began = Instant::now();
    let mut sent = 0_u64;
    while !done.load(Ordering::Relaxed) {
        while (sent as f64) < began.elapsed().as_secs_f64() * a_second as f64 {
            let _ = socket.send_to(&forged, to);
            sent += 1;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
