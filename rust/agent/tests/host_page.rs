//! The host page on real files: what a start finds after anything that may have happened to it.
#![cfg(unix)]

mod host_page_world;

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use flocktime_agent::host_page::{Fault, Found, OnExpiry};
use flocktime_core::{ClockError, Timestamp, Unleased};
use host_page_world::{Directory, Failure, Host, LIVE_AT, RECORDS_AT};

const NOW_US: u64 = 1_795_399_074_000_000;
const HOUR_US: u64 = 3_600_000_000;

/// Two clocks on one page never issue the same timestamp, and each sees what the other has issued.
#[test]
fn clocks_on_one_page_are_one() {
    let host = Host::new(NOW_US);
    let (one, other) = (host.open(), host.open());
    let stamps: Vec<Timestamp> = (0..1000).map(|at| [&one, &other][at % 2].now().expect("a timestamp")).collect();
    assert!(stamps.is_sorted_by(|a, b| a < b));
    assert_eq!(one.node(), other.node());
    assert_eq!(host.found(), Found::Attached);
}

/// Threads of several clocks, with messages among them: every timestamp once, none back.
#[test]
fn threads_on_one_page() {
    const EACH: usize = 20_000;
    let host = Host::new(NOW_US);
    let mut all: Vec<Timestamp> = thread::scope(|scope| {
        let spawn = |index: usize| {
            let clock = host.open();
            scope.spawn(move || {
                let mut last = Timestamp::MIN;
                let mut stamps = Vec::with_capacity(EACH);
                for at in 0..EACH {
                    let stamp = if at % 3 == index % 3 { clock.update(last, None, false) } else { clock.now() };
                    let stamp = stamp.expect("a timestamp");
                    assert!(stamp > last);
                    last = stamp;
                    stamps.push(stamp);
                }
                stamps
            })
        };
        let threads: Vec<_> = (0..4).map(spawn).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("it ran")).collect()
    });
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "no two alike");
}

/// A start after a crash goes on above the last timestamp, whatever the OS clock shows; after a crash of the machine, above the
/// bound.
#[test]
fn a_start_goes_on_above_everything() {
    for reboot in [false, true] {
        let host = Host::new(NOW_US);
        let last = host.open().now_many(1000).expect("timestamps").last().expect("one");
        host.set_wall(NOW_US - HOUR_US);
        if reboot {
            host.lose_memory();
        }
        let next = host.open().now().expect("a timestamp");
        assert!(next > last && next.node() == last.node());
        assert_eq!(host.found(), if reboot { Found::Restarted } else { Found::Attached });
        let lead_us = next.physical_us() - last.physical_us();
        assert!(lead_us <= if reboot { 3_100_000 } else { 1 }, "{lead_us}");
    }
}

/// A clock that was set forward, and a raised epoch, take the lease with them; both hold after a crash of the machine.
#[test]
fn leaps_are_leased_too() {
    let host = Host::new(NOW_US);
    let clock = host.open();
    clock.now().expect("a timestamp");
    host.set_wall(NOW_US + 1000 * HOUR_US);
    let leapt = clock.now().expect("a timestamp");
    assert!(leapt.physical_us() >= NOW_US + 1000 * HOUR_US);
    host.set_wall(NOW_US);
    let raised = clock.advance_epoch("drill", true).expect("a timestamp");
    assert!(raised > leapt && raised.physical_us() == NOW_US);
    drop(clock);
    host.lose_memory();
    let next = host.open().now().expect("a timestamp");
    assert!(next > raised && next.epoch() == 1 && next.physical_us() < NOW_US + HOUR_US);
}

/// Whichever bit of the file somebody changes: opening it says so, or nothing that was issued is repeated.
#[test]
fn flipped_bits_are_never_silent() {
    flip_each_byte(false);
}

/// The same after the machine has started anew.
#[test]
fn flipped_bits_are_never_silent_after_a_reboot() {
    flip_each_byte(true);
}

fn flip_each_byte(reboot: bool) {
    let host = Host::new(NOW_US);
    let last = host.open().now().expect("a timestamp");
    host.set_wall(NOW_US - HOUR_US);
    if reboot {
        host.lose_memory();
    }
    let whole = fs::read(host.path()).expect("the page");
    let changed_us = host.changed_us();
    let mut refused = 0;
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        host.overwrite(&bytes);
        host.touch(changed_us); // a bit that flips by itself leaves no trace there
        match host.try_open() {
            Ok(clock) => {
                let next = clock.now().expect("a timestamp");
                assert!(next > last && next.node() == last.node(), "byte {at}: {next} after {last}");
                let status = host.status();
                for leads in [next, status.leased_until] {
                    let lead_us = leads.physical_us().saturating_sub(last.physical_us());
                    assert!(leads.epoch() == last.epoch() && lead_us < 20_000_000, "byte {at}: {leads} after {last}");
                }
                let durable = (RECORDS_AT[0]..LIVE_AT).contains(&at);
                assert_eq!(status.damaged_record.is_some(), durable, "byte {at}");
            }
            Err(error) => {
                refused += 1;
                assert!(at < RECORDS_AT[0] || at >= LIVE_AT, "byte {at}: {error}");
                let named = matches!(error.fault, Fault::Foreign | Fault::Damaged { .. } | Fault::Unsupported { .. });
                assert!(named, "byte {at}: {error}");
            }
        }
        host.close();
    }
    assert!(refused >= RECORDS_AT[0], "every byte of the header, not {refused}");
}

/// Timestamps that lead the wall clock need no more room for long. A record is written all the same from time to time: else the
/// file would be younger than its records by more than it may be, and taken for one that was restored.
#[test]
fn a_page_in_use_has_a_young_record() {
    let host = Host::new(NOW_US);
    let clock = host.open();
    clock.now().expect("a timestamp");
    host.set_wall(NOW_US - HOUR_US);
    let (before, begun) = (host.status(), Instant::now());
    while host.status().sequence < before.sequence + 2 {
        clock.now().expect("a timestamp");
        assert!(begun.elapsed() < Duration::from_mins(1), "nobody writes a record");
    }
    assert!(host.status().leased_until < Timestamp::from_u128(before.leased_until.to_u128() + (1 << 80)));
}

/// Both records gone: nobody knows what was issued, and the page says so.
#[test]
fn without_a_record_it_is_refused() {
    let host = Host::new(NOW_US);
    host.open().now().expect("a timestamp");
    host.close();
    let mut bytes = fs::read(host.path()).expect("the page");
    for at in RECORDS_AT {
        bytes[at + 20] ^= 1;
    }
    host.overwrite(&bytes);
    assert!(matches!(host.fault(), Fault::Damaged { what: "both records of the lease" }));
}

/// An empty file, a short one, one of something else, and a page that is really a copy are refused by name; none is changed.
#[test]
fn what_is_no_page_is_refused() {
    let host = Host::new(NOW_US);
    host.open().now().expect("a timestamp");
    host.close();
    let whole = fs::read(host.path()).expect("the page");
    let other = host.directory().join("other");
    for (bytes, is_named) in [
        (Vec::new(), (|fault| matches!(fault, Fault::Size { found: 0 })) as fn(&Fault) -> bool),
        (whole[..4096].to_vec(), |fault| matches!(fault, Fault::Size { found: 4096 })),
        (vec![b'x'; whole.len()], |fault| matches!(fault, Fault::Foreign)),
        (whole.clone(), |fault| matches!(fault, Fault::Copied)),
    ] {
        fs::write(&other, &bytes).expect("a file");
        let fault = host.open_at(&other).err().expect("it is refused").fault;
        assert!(is_named(&fault), "{fault:?}");
        assert_eq!(fs::read(&other).expect("the file"), bytes);
    }
    // A backup that takes the page's place is another file.
    fs::remove_file(host.path()).expect("it was there");
    fs::copy(&other, host.path()).expect("it is there");
    assert!(matches!(host.fault(), Fault::Copied));
}

/// A backup that was written over the page: what is in it is older than what was issued since, but not than the file says.
#[test]
fn a_page_that_was_restored_goes_on_from_then() {
    for reboot in [false, true] {
        let host = Host::now();
        host.open().now().expect("a timestamp");
        host.close();
        let backup = fs::read(host.path()).expect("the page");
        host.pass(HOUR_US);
        let last = host.open().now().expect("a timestamp");
        host.close();
        host.overwrite(&backup);
        host.touch(last.physical_us());
        host.pass_back(HOUR_US);
        if reboot {
            host.lose_memory();
            host.touch(last.physical_us());
        }
        let next = host.open().now().expect("a timestamp");
        assert!(next > last && next.physical_us() < last.physical_us() + 10_000_000, "{next} after {last}");
        assert_eq!(host.found(), Found::Restored);
    }
}

/// A directory that is not there, a file that may not be written: the operating system's word, with what was asked of it.
#[test]
fn what_the_operating_system_refuses_is_named() {
    let host = Host::new(NOW_US);
    let nowhere = host.directory().join("no/such/directory");
    let Err(error) = host.open_at(&nowhere) else { panic!("it was opened") };
    assert!(matches!(&error.fault, Fault::Os { error, .. } if error.kind() == std::io::ErrorKind::NotFound));
    let Err(error) = host.open_at(host.directory()) else { panic!("it was opened") };
    assert!(matches!(error.fault, Fault::Os { .. }), "{error}");
}

/// A disk that refuses: timestamps go on to the end of the lease and not beyond, each policy in its way; when the disk is back, so
/// are they. What is on it then is a page.
#[test]
fn a_failing_disk_stops_timestamps_at_the_bound() {
    for failure in [Failure::Full, Failure::Unsynced, Failure::Torn] {
        for policy in [OnExpiry::Block, OnExpiry::Extend, OnExpiry::Error] {
            let host = Host::new(NOW_US);
            let clock = host.open_on(policy);
            let last = clock.now().expect("a timestamp");
            let bound = host.status().leased_until;
            host.fail(Some(failure));
            host.set_wall(bound.physical_us() - 1);
            let within = clock.now().expect("it is leased");
            assert!(last < within && within < bound);
            host.set_wall(bound.physical_us() + 1000);
            match clock.now() {
                Err(ClockError::Unleased { stamp, why, .. }) => {
                    assert!(stamp >= bound);
                    let named = matches!((policy, why), (OnExpiry::Error, Unleased::Late) | (_, Unleased::Failed(_)));
                    assert!(named, "{policy:?} {why:?}");
                }
                other => panic!("{failure:?} {policy:?}: {other:?}"),
            }
            host.set_wall(NOW_US);
            let within = clock.now().expect("time was set back: it is leased again");
            assert!(within < bound);
            host.fail(None);
            host.set_wall(bound.physical_us() + 1000);
            let beyond = loop {
                match clock.now() {
                    Ok(stamp) => break stamp,
                    Err(ClockError::Unleased { why: Unleased::Late, .. }) => thread::yield_now(),
                    Err(ClockError::Unleased { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            };
            assert!(beyond >= bound);
            drop(clock);
            host.lose_memory();
            host.set_wall(NOW_US - HOUR_US);
            assert!(host.open().now().expect("a timestamp") > beyond, "{failure:?} {policy:?}");
        }
    }
}

/// Starts that fail one after the other, as those of a service do that is restarted until the disk is back, do not add up to a lead:
/// the next one goes on from memory, or, after a crash of the machine, from the same bound as the first.
#[test]
fn starts_that_fail_do_not_add_up() {
    for failure in [Failure::Full, Failure::Unsynced, Failure::Torn] {
        for reboot in [false, true] {
            let host = Host::new(NOW_US);
            let last = host.open().now().expect("a timestamp");
            if reboot {
                host.lose_memory();
            }
            host.close();
            host.set_wall(NOW_US + 60_000_000); // so that the lease is due
            host.fail(Some(failure));
            for _ in 0..20 {
                assert!(matches!(host.fault(), Fault::Os { .. }));
            }
            host.fail(None);
            host.set_wall(NOW_US);
            let next = host.open().now().expect("a timestamp");
            let leases_us = 3_100_000 * if failure == Failure::Torn { 3 } else { u64::from(reboot) };
            let lead_us = next.physical_us() - last.physical_us();
            assert!(next > last && lead_us <= leases_us, "{failure:?} {reboot}: {lead_us}");
            assert_ne!(host.found(), Found::Restored);
        }
    }
}

/// The power fails in the middle of each write, or right after it, before it was confirmed: a start lies above everything.
#[test]
fn a_torn_write_loses_nothing() {
    for lands in [0, 1, 100, 2048, 4095, 4096] {
        let host = Host::new(NOW_US);
        let clock = host.open_on(OnExpiry::Block);
        host.tear_next_write(lands);
        let bound = host.status().leased_until;
        host.set_wall(bound.physical_us() - 100_000);
        let last = loop {
            let stamp = clock.now().expect("a timestamp");
            if host.is_torn() {
                break stamp;
            }
        };
        drop(clock);
        host.lose_memory();
        host.set_wall(NOW_US - HOUR_US);
        let next = host.open().now().expect("a timestamp");
        assert!(next > last, "{lands}: {next} after {last}");
        assert!(next.physical_us() < last.physical_us() + 10_000_000, "no further than three leases");
    }
}

/// An identity that many share is nobody's to give up.
#[test]
fn a_shared_clock_is_not_reset() {
    let host = Host::new(NOW_US);
    let clock = host.open();
    let last = clock.now().expect("a timestamp");
    assert_eq!(clock.reset("drill"), Err(ClockError::Shared { node: last.node() }));
    assert!(clock.now().expect("a timestamp") > last);
}

/// A page whose file somebody removes goes on for those who have it open; the next one to open it makes another, of another node.
#[test]
fn a_removed_page_goes_on() {
    let host = Host::new(NOW_US);
    let clock = host.open();
    let first = clock.now().expect("a timestamp");
    fs::remove_file(host.path()).expect("it was there");
    host.set_wall(NOW_US + 60_000_000);
    assert!(clock.now().expect("a timestamp") > first);
    let other = host.open();
    assert_ne!(other.node(), clock.node());
    assert_eq!(host.found(), Found::Made);
}

/// Many that make the page at once make one.
#[test]
fn it_is_made_once() {
    for _ in 0..20 {
        let directory = Arc::new(Directory::new());
        let host = Host::in_directory(directory, NOW_US);
        let nodes: Vec<u64> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| host.open().node())).collect();
            threads.into_iter().map(|thread| thread.join().expect("it ran")).collect()
        });
        assert!(nodes.iter().all(|&node| node == nodes[0]), "{nodes:?}");
        assert_eq!(fs::read_dir(host.directory()).expect("the directory").count(), 1, "nothing else is left");
    }
}
