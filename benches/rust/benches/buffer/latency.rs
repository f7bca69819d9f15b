//! How long the slowest pushes take, beside another producer, beside a consumer, and beside both.
//!
//! Three threads on two cores are put aside in turn, and a tail tells of that too. So two run at a time as well, each on a core of
//! its own. They push bursts that fit, so that no push finds the ring full: what is asked is what a push costs that goes in at once.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::blocks::Bar;
use crate::throughput::{Backoff, GIVEN, STAMPED, StayOn, THEIRS_GIVEN, THEIRS_STAMPED};

pub(crate) const CAPACITY: usize = 65_536;
/// Events of one producer in one go.
const BURST: u64 = CAPACITY as u64 / 4;
const QUANTILE: f64 = 0.999;

pub(crate) const BARS: &[Bar] = &[
    Bar { ours: GIVEN, theirs: THEIRS_GIVEN, least: Some(1.0) },
    Bar { ours: STAMPED, theirs: THEIRS_STAMPED, least: Some(1.0) },
];

/// Who runs beside a producer.
#[derive(Clone, Copy)]
pub(crate) enum Beside {
    /// Another producer; what both pushed is taken out between the bursts.
    Producer,
    /// The consumer, which takes what it finds.
    Consumer,
    /// Both: where there are two cores, somebody always waits for one.
    Both,
}

/// The 99.9th percentile of about `items` pushes, in nanoseconds. `push` says whether the event went in, `take` how many came out.
pub(crate) fn measure(
    items: u64,
    beside: Beside,
    push: impl Fn(u64) -> bool + Sync,
    take: impl Fn() -> u64 + Sync,
) -> f64 {
    let (producers, threads) = match beside {
        Beside::Producer => (2, 2),
        Beside::Consumer => (1, 2),
        Beside::Both => (2, 3),
    };
    let bursts = 1 + items.div_ceil(producers * BURST); // the first one warms up
    let gate = Barrier::new(threads);
    let (push, take) = (&push, &take);
    let mut spent = thread::scope(|scope| {
        let first = scope.spawn(|| {
            let _here = StayOn::core(0);
            produce(bursts, &gate, push, || ())
        });
        let second = scope.spawn(|| {
            let _here = StayOn::core(1);
            match beside {
                Beside::Producer => produce(bursts, &gate, push, || consume(2 * BURST, take)),
                Beside::Both => produce(bursts, &gate, push, || ()),
                Beside::Consumer => attend(bursts, BURST, &gate, take),
            }
        });
        if matches!(beside, Beside::Both) {
            attend(bursts, 2 * BURST, &gate, take);
        }
        [first, second].map(|thread| thread.join().expect("no panic")).concat()
    });
    let at = ((spent.len() - 1) as f64 * QUANTILE) as usize;
    f64::from(*spent.select_nth_unstable(at).1)
}

/// Pushes bursts, each begun and ended together with the other thread, and after each does what is to be done between them.
fn produce(bursts: u64, gate: &Barrier, push: &impl Fn(u64) -> bool, between: impl Fn()) -> Vec<u32> {
    let mut spent = vec![0; (bursts * BURST) as usize]; // written here once, so that no page is fetched later
    for burst in spent.chunks_mut(BURST as usize) {
        gate.wait();
        for (number, spent) in burst.iter_mut().enumerate() {
            let begun = Instant::now();
            let is_in = push(number as u64);
            *spent = u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX);
            assert!(is_in, "a burst fits");
        }
        gate.wait();
        between();
        gate.wait();
    }
    spent.split_off(BURST as usize)
}

/// Takes so many in each burst.
fn attend(bursts: u64, count: u64, gate: &Barrier, take: &impl Fn() -> u64) -> Vec<u32> {
    for _ in 0..bursts {
        gate.wait();
        consume(count, take);
        gate.wait();
        gate.wait();
    }
    Vec::new()
}

fn consume(count: u64, take: &impl Fn() -> u64) {
    let (mut left, mut wait) = (count, Backoff::default());
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
