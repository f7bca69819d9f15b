//! Two producers and one consumer: how long the slowest pushes take.
//!
//! Producers push in bursts that fit, so that no push finds the ring full: what is asked is what a push costs that goes in at once,
//! beside another producer and a consumer.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::blocks::Bar;
use crate::throughput::{Backoff, GIVEN, STAMPED, THEIRS_GIVEN, THEIRS_STAMPED};

pub(crate) const CAPACITY: usize = 65_536;
const PRODUCERS: u64 = 2;
/// Events of one producer in one go.
const BURST: u64 = CAPACITY as u64 / 4;
const QUANTILE: f64 = 0.999;

pub(crate) const BARS: &[Bar] = &[
    Bar { ours: GIVEN, theirs: THEIRS_GIVEN, least: Some(1.0) },
    Bar { ours: STAMPED, theirs: THEIRS_STAMPED, least: Some(1.0) },
];

/// The 99.9th percentile of about `items` pushes, in nanoseconds. `push` says whether the event went in, `take` how many came out.
pub(crate) fn measure(items: u64, push: impl Fn(u64) -> bool + Sync, take: impl Fn() -> u64 + Sync) -> f64 {
    let rounds = 1 + items.div_ceil(PRODUCERS * BURST);
    let start = Barrier::new(PRODUCERS as usize + 1);
    let mut spent = thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS).map(|_| scope.spawn(|| produce(rounds, &start, &push))).collect();
        scope.spawn(|| {
            for _ in 0..rounds {
                start.wait();
                let (mut left, mut wait) = (PRODUCERS * BURST, Backoff::default());
                while left > 0 {
                    match take() {
                        0 => wait.a_moment(),
                        taken => {
                            left -= taken;
                            wait = Backoff::default();
                        }
                    }
                }
            }
        });
        producers.into_iter().flat_map(|one| one.join().expect("no panic")).collect::<Vec<u32>>()
    });
    let at = ((spent.len() - 1) as f64 * QUANTILE) as usize;
    f64::from(*spent.select_nth_unstable(at).1)
}

fn produce(rounds: u64, start: &Barrier, push: &(impl Fn(u64) -> bool + Sync)) -> Vec<u32> {
    let mut spent = vec![0; (rounds * BURST) as usize]; // written here once, so that no page is fetched later
    for burst in spent.chunks_mut(BURST as usize) {
        start.wait();
        for (number, spent) in burst.iter_mut().enumerate() {
            let begun = Instant::now();
            let is_in = push(number as u64);
            *spent = u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX);
            assert!(is_in, "a burst fits");
        }
    }
    spent.split_off(BURST as usize) // the first round warms up
}
