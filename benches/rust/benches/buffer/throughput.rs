//! One producer and one consumer, as fast as they can.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::blocks::Bar;

/// Events inside at most, and in one batch.
pub(crate) const CAPACITY: usize = 1024;
pub(crate) const BATCH: usize = 256;

pub(crate) const GIVEN: &str = "flocktime, timestamp given";
pub(crate) const STAMPED: &str = "flocktime, stamped";
pub(crate) const MANY: &str = "flocktime, stamped by push_many";
pub(crate) const THEIRS_GIVEN: &str = "ArrayQueue of (u128, u64)";
pub(crate) const THEIRS_STAMPED: &str = "ArrayQueue of (clock.now(), u64)";
pub(crate) const BARE: &str = "ArrayQueue of u64";
pub(crate) const RTRB: &str = "rtrb of (u128, u64)";
pub(crate) const THINGBUF: &str = "thingbuf of (u128, u64)";

pub(crate) const BARS: &[Bar] = &[
    Bar { ours: GIVEN, theirs: THEIRS_GIVEN, least: Some(1.0) },
    Bar { ours: STAMPED, theirs: THEIRS_STAMPED, least: Some(1.0) },
    Bar { ours: MANY, theirs: THEIRS_STAMPED, least: None },
    Bar { ours: GIVEN, theirs: BARE, least: None },
    Bar { ours: GIVEN, theirs: RTRB, least: None },
    Bar { ours: GIVEN, theirs: THINGBUF, least: None },
];

/// Nanoseconds for each event, from the moment that both are ready until the last one is out. `push` takes the event's number and
/// says how many it took in, `take` returns how many came out and the sum of their numbers: both may be none, and are called
/// again.
///
/// # Panics
///
/// Where what came out is not what went in.
pub(crate) fn measure(
    items: u64,
    mut push: impl FnMut(u64) -> u64 + Send,
    mut take: impl FnMut() -> (u64, u64),
) -> f64 {
    let start = Barrier::new(2);
    let elapsed = thread::scope(|scope| {
        scope.spawn(|| {
            let _here = StayOn::core(1);
            start.wait();
            let (mut next, mut wait) = (0, Backoff::default());
            while next < items {
                match push(next) {
                    0 => wait.a_moment(),
                    pushed => {
                        next += pushed;
                        wait = Backoff::default();
                    }
                }
            }
        });
        let _here = StayOn::core(0);
        start.wait();
        let begun = Instant::now();
        let (mut out, mut sum, mut wait) = (0, 0, Backoff::default());
        while out < items {
            match take() {
                (0, _) => wait.a_moment(),
                (count, part) => {
                    out += count;
                    sum += part;
                    wait = Backoff::default();
                }
            }
        }
        let elapsed = begun.elapsed();
        assert_eq!((out, sum), (items, items * (items - 1) / 2), "every event, once");
        elapsed
    });
    elapsed.as_nanos() as f64 / items as f64
}

/// Waits a little longer each time, and lets others run where it takes very long: the other one has a core of its own, as a rule.
#[derive(Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    pub(crate) fn a_moment(&mut self) {
        self.0 += 1;
        if self.0 < 10_000 {
            (0..1 << self.0.min(4)).for_each(|_| std::hint::spin_loop());
        } else {
            thread::yield_now();
        }
    }
}

/// Keeps this thread on one core until it is dropped, where the system allows it: two that wait for each other by spinning must
/// not share one.
#[cfg(target_os = "linux")]
pub(crate) struct StayOn(Option<rustix::thread::CpuSet>);

#[cfg(target_os = "linux")]
impl StayOn {
    pub(crate) fn core(core: usize) -> Self {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let before = sched_getaffinity(None).ok();
        let mut cores = CpuSet::new();
        cores.set(core);
        let _ = sched_setaffinity(None, &cores);
        Self(before)
    }
}

#[cfg(target_os = "linux")]
impl Drop for StayOn {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = rustix::thread::sched_setaffinity(None, before);
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) struct StayOn;

#[cfg(not(target_os = "linux"))]
impl StayOn {
    pub(crate) fn core(_: usize) -> Self {
        Self
    }
}
