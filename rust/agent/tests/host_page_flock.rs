//! The host's flock member and the clocks that follow it over the page: whoever publishes, stops, comes back or writes damage.
#![cfg(unix)]

mod host_page_world;
mod members;

use std::fs::OpenOptions;
use std::mem;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flocktime_agent::gossip::Settings;
use flocktime_agent::host_page::{
    Fault, Following, Helm, HostPage, OnExpiry, PageConfig, PageError, PagePlace, PageSource, Replaced,
};
use flocktime_agent::member::{Member, MemberConfig};
use flocktime_agent::random::fresh_node;
use flocktime_core::flocking::State;
use flocktime_core::{
    Clock, Config, Discipline, Guidance, ManualSource, OsSource, SourceFailed, TimeSource, Timestamp, Voucher,
};
use host_page_world::{Directory, LIVE_AT};
use members::{PATIENCE, Skewed, address, config, loopback, reach, skewed};

/// What clocks show that follow nobody.
const BASE_NS: i64 = 1_795_399_074_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;
/// Where five rounds have to pass.
const ROUND_NS: u64 = 10_000_000;
/// Where none may, however slow the machine is.
const LONG_ROUND_NS: u64 = 3_600 * SECOND_NS as u64;
/// Where the member's record lies in the live block, and how long it is.
const RUDDER: std::ops::Range<usize> = 256..512;

fn open(path: &Path) -> Arc<HostPage> {
    let mut config = PageConfig::new(|| Some((BASE_NS / 1000) as u64));
    config.follows = true;
    HostPage::open(path, config).expect("it is opened")
}

fn take(page: &Arc<HostPage>, round_ns: u64) -> Helm {
    Helm::take(page, round_ns, || false).expect("nobody publishes")
}

/// Why a second member does not get the role from one that publishes.
fn refused(page: &Arc<HostPage>) -> PageError {
    let begun = Instant::now();
    Helm::take(page, LONG_ROUND_NS, || begun.elapsed() > PATIENCE).err().expect("it is taken")
}

fn source(page: &HostPage) -> PageSource<ManualSource> {
    PageSource::new(ManualSource::new(BASE_NS / 1000).expect("a time"), page)
}

/// A flock's time that is so far ahead of the base now.
fn ahead(by_ns: i64) -> Guidance {
    let discipline = Discipline { h0_ns: OsSource.raw_ns(), l0_ns: BASE_NS + by_ns, ..Discipline::default() };
    let base = Guidance { discipline, in_force: true, limit_us: Some(7_000), ..Guidance::default() };
    Guidance { error_ns: Some(42_000), ..base }
}

/// Whether a source shows this line, and not its base, which stands still.
fn shows(source: &impl TimeSource, line: &Discipline) -> bool {
    let (before, wall_ns, after) = (OsSource.raw_ns(), source.wall_ns().expect("a time"), OsSource.raw_ns());
    (line.at(before)..=line.at(after)).contains(&wall_ns)
}

/// Every clock of the page follows what is published, in every process that has it open: line, slope and drift limit. After a
/// goodbye all of them show their base at once.
#[test]
fn clocks_follow_the_member_until_it_leaves() {
    let directory = Directory::new();
    let (page, other) = (open(&directory.path().join("page")), open(&directory.path().join("page")));
    let source = source(&other);
    assert_eq!((other.status().following, source.wall_ns()), (Following::Nobody, Ok(BASE_NS)));
    let mut helm = take(&page, LONG_ROUND_NS);
    assert_eq!((other.status().following, source.wall_ns()), (Following::Waiting, Ok(BASE_NS)));
    let begun = Instant::now();
    let guidance = ahead(SECOND_NS);
    helm.publish(&guidance, State::Synchronised).expect("it has the role");
    assert!(shows(&source, &guidance.discipline));
    assert_eq!(
        [source.max_drift_us(Some(500_000)), source.max_drift_us(Some(5)), source.max_drift_us(None)],
        [Some(7_000), Some(5), None]
    );
    let status = other.status();
    assert_eq!((status.following, status.steersman), (Following::Synchronised, Some(process::id())));
    let most_ns = begun.elapsed().as_nanos() as u64 * 11 / 10 + 1_000_000; // by another counter
    let grown = 42_000..=42_000 + most_ns / 5_000;
    assert!(status.error_ns.is_some_and(|ns| grown.contains(&ns)), "it grows by 200 ppm: {status:?}, {grown:?}");
    assert!(status.steered_ago_ns.is_some_and(|ns| ns <= most_ns));
    let vouched = source.vouched().expect("a reading");
    assert!(vouched.bound.is_some_and(|bound| bound.by == Voucher::Flock && bound.error_ns >= 42_000));
    drop(helm);
    assert_eq!((other.status().following, source.wall_ns()), (Following::Detached, Ok(BASE_NS)));
    assert_eq!((source.vouched().map(|vouched| vouched.bound), other.status().error_ns), (Ok(None), None));
    assert_eq!(source.max_drift_us(Some(500_000)), Some(500_000));
    let refusing = Guidance { refuse: true, ..Guidance::default() };
    let mut helm = take(&page, LONG_ROUND_NS);
    helm.publish(&refusing, State::Joining).expect("it has the role");
    assert_eq!(source.wall_ns(), Err(SourceFailed::NotReady), "as the member was told");
    drop(helm);
    assert_eq!(source.wall_ns(), Ok(BASE_NS));
}

/// As long as a member publishes, a second one is refused, with the first one's process.
#[test]
fn a_second_member_is_refused() {
    let directory = Directory::new();
    let page = open(&directory.path().join("page"));
    let mut helm = take(&page, LONG_ROUND_NS);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            while !done.load(Ordering::Relaxed) && begun.elapsed() < PATIENCE {
                helm.publish(&ahead(0), State::Synchronised).expect("it has the role");
                thread::yield_now();
            }
        });
        let error = refused(&page);
        done.store(true, Ordering::Relaxed);
        assert!(matches!(error.fault, Fault::Taken { holder } if holder == process::id()), "{error}");
    });
}

/// Whoever waits for the role may be interrupted.
#[test]
fn waiting_for_the_role_can_be_interrupted() {
    let directory = Directory::new();
    let page = open(&directory.path().join("page"));
    let _helm = take(&page, LONG_ROUND_NS);
    let error = Helm::take(&page, ROUND_NS, || true).err().expect("interrupted");
    assert!(matches!(error.fault, Fault::Os { .. }), "{error}");
}

/// A member that was killed is followed on along its line, and after five rounds another one takes its place: the line goes on
/// until the new one's flock has synchronised.
#[test]
fn a_killed_member_is_replaced() {
    let directory = Directory::new();
    let page = open(&directory.path().join("page"));
    let source = source(&page);
    let mut killed = take(&page, ROUND_NS);
    let line = ahead(SECOND_NS);
    let begun = Instant::now();
    killed.publish(&line, State::Synchronised).expect("it has the role");
    mem::forget(killed); // without a goodbye
    let mut heir = take(&page, ROUND_NS);
    assert!(begun.elapsed() >= Duration::from_nanos(4 * ROUND_NS), "it is given time to publish");
    assert_eq!(page.status().following, Following::Stale);
    assert!(shows(&source, &line.discipline));
    heir.publish(&Guidance::default(), State::Joining).expect("it has the role");
    assert!(shows(&source, &line.discipline), "its own flock is not together yet");
    assert_eq!(source.max_drift_us(Some(500_000)), Some(7_000));
    let own = ahead(2 * SECOND_NS);
    let begun = Instant::now();
    loop {
        heir.publish(&own, State::Synchronised).expect("it has the role");
        if page.status().following == Following::Synchronised {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", page.status()); // five rounds had passed since, each time
    }
    assert!(shows(&source, &own.discipline));
    heir.publish(&Guidance::default(), State::Joining).expect("it has the role");
    assert_eq!(source.wall_ns(), Ok(BASE_NS), "nothing is inherited any more");
}

/// A member that was stopped for long and goes on finds that it was replaced, stops publishing for good, and takes nothing with
/// it.
#[test]
fn a_stopped_member_notices_that_it_was_replaced() {
    let directory = Directory::new();
    let page = open(&directory.path().join("page"));
    let source = source(&page);
    let mut stopped = take(&page, ROUND_NS);
    stopped.publish(&ahead(SECOND_NS), State::Synchronised).expect("it has the role");
    let mut heir = take(&page, ROUND_NS);
    let line = ahead(3 * SECOND_NS);
    heir.publish(&line, State::Synchronised).expect("it has the role");
    for _ in 0..2 {
        let refused = stopped.publish(&ahead(-SECOND_NS), State::Synchronised);
        assert_eq!(refused, Err(Replaced { by: process::id() }));
        assert!(shows(&source, &line.discipline));
    }
    drop(stopped);
    assert!(shows(&source, &line.discipline), "it does not say goodbye for another");
    heir.publish(&line, State::Synchronised).expect("it still has the role");
}

/// What a member publishes makes the file younger. So a record is written from time to time, though nobody stamps: else the next start
/// would take the page for one that was restored.
#[test]
fn a_member_that_publishes_keeps_the_record_young() {
    let directory = Directory::new();
    let page = open(&directory.path().join("page"));
    let mut helm = take(&page, LONG_ROUND_NS);
    let (before, begun) = (page.status().sequence, Instant::now());
    while page.status().sequence < before + 2 {
        helm.publish(&Guidance::default(), State::Alone).expect("nobody else publishes");
        assert!(begun.elapsed() < PATIENCE, "nobody writes a record");
        thread::yield_now();
    }
}

/// Whichever bit of the member's records somebody changes: clocks show one of the lines that were published, or their base, and
/// damage that was found is counted. The next round mends it.
#[test]
fn flipped_bits_bend_no_clock() {
    let directory = Directory::new();
    let path = directory.path().join("page");
    let page = open(&path);
    let source = source(&page);
    let mut helm = take(&page, LONG_ROUND_NS);
    let file = OpenOptions::new().read(true).write(true).open(&path).expect("the page");
    let (mut shown, mut fell_back) = (0, 0);
    for at in RUDDER {
        for bit in 0..8 {
            let lines = [ahead(SECOND_NS), ahead(2 * SECOND_NS)];
            for line in &lines {
                helm.publish(line, State::Synchronised).expect("it has the role");
            }
            assert!(shows(&source, &lines[1].discipline), "the round before has mended everything");
            let place = (LIVE_AT + at) as u64;
            let mut byte = [0];
            file.read_exact_at(&mut byte, place).expect("a byte");
            file.write_all_at(&[byte[0] ^ 1 << bit], place).expect("it is written");
            let before = page.status().damaged_guidance;
            if source.wall_ns() == Ok(BASE_NS) {
                fell_back += 1;
                assert!(page.status().damaged_guidance > before, "{at}");
            } else {
                shown += 1;
                assert!(lines.iter().any(|line| shows(&source, &line.discipline)), "byte {at}, bit {bit}");
            }
            file.write_all_at(&byte, place).expect("it is written");
        }
    }
    let bits = 8 * RUDDER.len();
    assert!(shown > bits / 2 && shown + fell_back == bits, "{shown} of {bits}");
    assert!(page.status().damaged_guidance >= 8 * 15 * 8, "each word of the record that holds");
}

/// Both records damaged: clocks show their base, as if nobody were there.
#[test]
fn without_a_whole_record_clocks_are_detached() {
    let directory = Directory::new();
    let path = directory.path().join("page");
    let page = open(&path);
    let mut helm = take(&page, LONG_ROUND_NS);
    helm.publish(&ahead(SECOND_NS), State::Synchronised).expect("it has the role");
    let file = OpenOptions::new().write(true).open(&path).expect("the page");
    file.write_all_at(&[0x5a; 240], (LIVE_AT + RUDDER.start + 8) as u64).expect("it is written");
    assert_eq!((page.status().following, source(&page).wall_ns()), (Following::Detached, Ok(BASE_NS)));
    assert!(page.status().damaged_guidance > 0);
}

/// Timestamps rise through all of it: lines ahead and behind, goodbyes, takeovers, damage.
#[test]
fn no_timestamp_goes_back() {
    let directory = Directory::new();
    let path = directory.path().join("page");
    let page = open(&path);
    let file = OpenOptions::new().write(true).open(&path).expect("the page");
    let done = AtomicBool::new(false);
    let stamping = || {
        let page = open(&path);
        let place = Arc::new(PagePlace::new(Arc::clone(&page), OnExpiry::Block, || false));
        let clock = Clock::sharing(place, source(&page), Config::new(fresh_node));
        let (mut last, mut count) = (Timestamp::MIN, 0_u64);
        let begun = Instant::now();
        while (!done.load(Ordering::Relaxed) || count < 1000) && begun.elapsed() < PATIENCE {
            let stamp = clock.now().expect("a timestamp");
            assert!(stamp > last, "{stamp} after {last}");
            (last, count) = (stamp, count + 1);
        }
        last
    };
    let latest = thread::scope(|scope| {
        let threads = [scope.spawn(stamping), scope.spawn(stamping)];
        for round in 0..30 {
            let mut helm = take(&page, 1_000_000);
            for by_ns in [SECOND_NS, -SECOND_NS, 10 * SECOND_NS] {
                helm.publish(&ahead(by_ns), State::Synchronised).expect("it has the role");
                thread::yield_now();
            }
            if round % 3 == 0 {
                file.write_all_at(&[round as u8; 300], (LIVE_AT + RUDDER.start) as u64).expect("it is written");
            }
            if round % 2 == 0 { drop(helm) } else { mem::forget(helm) }
        }
        done.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().expect("it ran")).into_iter().max().expect("two")
    });
    let lead_us = latest.physical_us() as i64 - BASE_NS / 1000;
    assert!((9_900_000..20_000_000).contains(&lead_us), "the flock's time was followed: {lead_us}");
}

/// Members of a flock, one of which has the page: its line, over a skewed oscillator of its own, comes out on the page to within
/// microseconds, and goes when it stops.
#[test]
fn a_member_publishes_its_line() {
    let directory = Directory::new();
    let page = open(&directory.path().join("page"));
    let source = source(&page);
    let mut all: Vec<(Member, Skewed)> = Vec::new();
    for at in 0..4_u64 {
        let base = skewed(at as i64 * 40 - 60, at as f64 * 40.0 - 60.0);
        let own = MemberConfig { listen: Some(loopback()), ..config(at + 1, &base) };
        let helm = (at == 0).then(|| take(&page, LONG_ROUND_NS));
        all.push((Member::start_for_host(own, helm).expect("it starts"), base));
    }
    let addresses: Vec<_> = all.iter().map(|(member, _)| address(member)).collect();
    for (member, _) in &all {
        member.set_peers(&addresses).expect("peers");
    }
    reach(&all[0].0, State::Synchronised);
    let (member, base) = &all[0];
    let apart_ns = |_| {
        let line = member.steering().guidance().discipline;
        let (h_ns, wall_ns, again_ns) = (base.raw_ns(), source.wall_ns().expect("a time"), base.raw_ns());
        if wall_ns < line.at(h_ns) { wall_ns - line.at(h_ns) } else { (wall_ns - line.at(again_ns)).max(0) }
    };
    let mut apart: Vec<i64> = (0..1000).map(apart_ns).map(i64::abs).collect();
    apart.sort_unstable();
    assert!(apart[500] < 2_000, "half of them: {} ns, most {} ns", apart[500], apart[999]);
    assert_eq!(page.status().following, Following::Synchronised);
    let error = refused(&page);
    assert!(matches!(error.fault, Fault::Taken { .. }), "{error}");
    member.stop();
    assert_eq!((page.status().following, source.wall_ns()), (Following::Detached, Ok(BASE_NS)));
}

/// A member that is not steered by a flock yet, and one that cannot start, leave the page as they should: waiting, and free.
#[test]
fn a_member_that_cannot_start_gives_the_role_back() {
    let directory = Directory::new();
    let page = open(&directory.path().join("page"));
    let helm = take(&page, LONG_ROUND_NS);
    let wrong = MemberConfig { peers: vec!["nowhere".to_owned()], ..MemberConfig::new(Settings::new(1, 2, 3)) };
    assert!(Member::start_for_host(wrong, Some(helm)).is_err());
    assert_eq!(page.status().following, Following::Detached);
    let helm = take(&page, LONG_ROUND_NS);
    let member = Member::start_for_host(MemberConfig::new(Settings::new(1, 2, 3)), Some(helm)).expect("it starts");
    assert_eq!(page.status().following, Following::Waiting);
    assert_eq!(member.report().io.replaced_by, None);
}
