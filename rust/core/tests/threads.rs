//! One clock, four threads: nothing twice, nothing back. The long campaign runs with `-- --ignored`.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use flocktime_core::{Clock, Config, CountedSource, Counter, OsSource, TimeSource, Timestamp};

const THREADS: u64 = 4;

/// Nanoseconds since the start, as a counter of 1 GHz.
struct Elapsed(Instant);

impl Counter for Elapsed {
    fn ticks(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

fn counted() -> impl TimeSource {
    CountedSource::new(OsSource, Elapsed(Instant::now()))
}

/// Every thread mixes `now`, `update`, a few reservations and a rare `advance_epoch`; returns what each issued.
fn hammer(source: impl TimeSource, per_thread: u64) -> Vec<Vec<Timestamp>> {
    static NODE: AtomicU64 = AtomicU64::new(1);
    let clock = Clock::new(source, Config::new(|| NODE.fetch_add(1, Ordering::Relaxed)));
    let start = Barrier::new(THREADS as usize);
    let work = |thread: u64| {
        let mut issued: Vec<Timestamp> = Vec::with_capacity(per_thread as usize);
        start.wait();
        for i in 0..per_thread {
            if i % 97 == 96 {
                issued.extend(clock.now_many(3).expect("no reason to refuse"));
            }
            issued.push(match i % 4 {
                _ if i % 10_000 == thread => clock.advance_epoch("test", true).expect("epochs left"),
                0 | 2 => clock.now().expect("no reason to refuse"),
                _ => {
                    let seen: Timestamp = *issued.last().expect("the first call is not an update");
                    let ahead = Timestamp::new(seen.physical_us() + i % 3, 1, 0xFFFF_FFFF_0000 + thread, seen.epoch());
                    clock.update(ahead.expect("in range"), None, false).expect("within the drift limit")
                }
            });
        }
        issued
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn({
                    let work = &work;
                    move || work(thread)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn assert_unique_and_increasing(issued: &[Vec<Timestamp>]) {
    for one_thread in issued {
        assert!(one_thread.windows(2).all(|pair| pair[0] < pair[1]), "a thread saw time stand still or go back");
    }
    let mut all: Vec<_> = issued.concat();
    let total = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), total, "a timestamp was issued twice");
    println!("{total} timestamps of {} epochs, all different", all[total - 1].epoch() + 1);
}

/// 4 threads × 250,000, on the operating system's clock and on a counter between its readings.
#[test]
fn nothing_twice_nothing_back() {
    assert_unique_and_increasing(&hammer(OsSource, 250_000));
    assert_unique_and_increasing(&hammer(counted(), 250_000));
}

/// 4 threads × 10,000,000, the full size.
#[test]
#[ignore = "the long campaign: needs 3 GiB and two minutes; run with --release -- --ignored"]
fn nothing_twice_nothing_back_at_full_size() {
    assert_unique_and_increasing(&hammer(OsSource, 10_000_000));
    assert_unique_and_increasing(&hammer(counted(), 10_000_000));
}
