//! Times a call made by several threads at once.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Wall time from the moment that all threads are ready until the last one has made `calls` calls.
///
/// # Panics
///
/// When one of the threads does.
pub fn hammer<T>(threads: usize, calls: u64, call: &(impl Fn() -> T + Sync)) -> Duration {
    let start = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..calls {
                        black_box(call());
                    }
                })
            })
            .collect();
        start.wait();
        let begun = Instant::now();
        for handle in handles {
            handle.join().expect("no panic");
        }
        begun.elapsed()
    })
}
