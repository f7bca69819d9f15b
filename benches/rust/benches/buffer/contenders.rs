//! Who is timed, and how each is called: the way its own documentation has people do it.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use flocktime_agent::random::fresh_node;
use flocktime_agent::sys::Tsc;
use flocktime_core::{BufferConfig, Clock, Config, CountedSource, EventBuffer, OsSource, Timestamp};
use thingbuf::ThingBuf;

use crate::blocks::Contender;
use crate::latency::{self, Beside};
use crate::throughput::{
    BARE, BATCH, CAPACITY, GIVEN, MANY, RTRB, STAMPED, THEIRS_GIVEN, THEIRS_STAMPED, THINGBUF, measure,
};

const NEVER: &str = "the operating system's clock does not fail, and the processor's counter is trusted here";

type Source = CountedSource<OsSource, Tsc>;
type Buffer = EventBuffer<u64, Source>;

/// The clock as the Python package has it, one for all of them. It learns the rate of the processor's counter in its first
/// hundredth of a second, and reads the system's clock until then.
fn clock() -> Arc<Clock<Source>> {
    static CLOCK: LazyLock<Arc<Clock<Source>>> = LazyLock::new(|| {
        let source = CountedSource::new(OsSource, Tsc::trusted().expect(NEVER));
        let clock = Clock::new(source, Config::new(fresh_node));
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(100) {
            clock.now().expect(NEVER);
        }
        Arc::new(clock)
    });
    Arc::clone(&CLOCK)
}

pub(crate) fn buffer(capacity: usize) -> Buffer {
    EventBuffer::new(clock(), BufferConfig::new(capacity)).expect("a capacity that there is")
}

/// A timestamp that costs nothing to make.
fn stamp(number: u64) -> u128 {
    u128::from(number + 1) << 64
}

fn contender(name: &'static str, run: impl Fn(u64) -> f64 + 'static) -> Contender {
    Contender { name, run: Box::new(run) }
}

/// How many there were, and their sum.
fn total(events: impl Iterator<Item = u64>) -> (u64, u64) {
    events.fold((0, 0), |(count, sum), event| (count + 1, sum + event))
}

pub(crate) fn one_by_one() -> Vec<Contender> {
    fn take<T>(buffer: &ArrayQueue<T>, number: impl Fn(T) -> u64) -> (u64, u64) {
        total(buffer.pop().map(number).into_iter())
    }
    let ours = |buffer: &Buffer| total(buffer.try_pop().ok().map(|(_, event)| event).into_iter());
    contenders(
        ours,
        |queue| take(queue, |(_, event)| event),
        |queue| take(queue, |(_, event)| event),
        |queue| take(queue, |event| event),
    )
}

/// Some microseconds, which a consumer of batches spends on the last one: without them it takes one or two events at a time.
fn linger() {
    (0..64).for_each(|_| std::hint::spin_loop());
}

pub(crate) fn in_batches() -> Vec<Contender> {
    /// Into a vector that is there already: a choice in its favour.
    fn taker<T>(number: impl Fn(T) -> u64) -> impl Fn(&ArrayQueue<T>) -> (u64, u64) {
        let batch = RefCell::new(Vec::with_capacity(BATCH));
        move |queue| {
            linger();
            let mut batch = batch.borrow_mut();
            batch.extend(std::iter::from_fn(|| queue.pop()).take(BATCH));
            total(batch.drain(..).map(&number))
        }
    }
    let ours = |buffer: &Buffer| {
        linger();
        total(buffer.drain(BATCH).into_iter().map(|(_, event)| event))
    };
    contenders(ours, taker(|(_, event)| event), taker(|(_, event)| event), taker(|event| event))
}

type Taken = (u64, u64);

fn contenders(
    ours: impl Fn(&Buffer) -> Taken + Copy + 'static,
    given: impl Fn(&ArrayQueue<(u128, u64)>) -> Taken + 'static,
    stamped: impl Fn(&ArrayQueue<(Timestamp, u64)>) -> Taken + 'static,
    bare: impl Fn(&ArrayQueue<u64>) -> Taken + 'static,
) -> Vec<Contender> {
    vec![
        contender(GIVEN, move |items| {
            let buffer = buffer(CAPACITY);
            let push = |event| buffer.push_at(Timestamp::from_u128(stamp(event)), event).is_ok().into();
            measure(items, push, || ours(&buffer))
        }),
        contender(STAMPED, move |items| {
            let buffer = buffer(CAPACITY);
            measure(items, |event| buffer.push(event).is_ok().into(), || ours(&buffer))
        }),
        contender(MANY, move |items| {
            let buffer = buffer(CAPACITY);
            let push = |event| {
                let run: Vec<u64> = (event..items.min(event + BATCH as u64)).collect();
                let count = run.len() as u64;
                buffer.push_many(run).map_or_else(|error| error.pushed as u64, |()| count)
            };
            measure(items, push, || ours(&buffer))
        }),
        contender(THEIRS_GIVEN, move |items| {
            let queue = ArrayQueue::new(CAPACITY);
            measure(items, |event| queue.push((stamp(event), event)).is_ok().into(), || given(&queue))
        }),
        contender(THEIRS_STAMPED, move |items| {
            let (queue, clock) = (ArrayQueue::new(CAPACITY), clock());
            let push = |event| queue.push((clock.now().expect(NEVER), event)).is_ok().into();
            measure(items, push, || stamped(&queue))
        }),
        contender(BARE, move |items| {
            let queue = ArrayQueue::new(CAPACITY);
            measure(items, |event| queue.push(event).is_ok().into(), || bare(&queue))
        }),
        contender(THINGBUF, |items| {
            let queue = ThingBuf::new(CAPACITY);
            let take = || total(queue.pop().map(|(_, event): (u128, u64)| event).into_iter());
            measure(items, |event| queue.push((stamp(event), event)).is_ok().into(), take)
        }),
        contender(RTRB, |items| {
            let (mut producer, mut consumer) = rtrb::RingBuffer::new(CAPACITY);
            let push = |event| producer.push((stamp(event), event)).is_ok().into();
            measure(items, push, || total(consumer.pop().ok().map(|(_, event)| event).into_iter()))
        }),
    ]
}

/// A producer beside another one or beside a consumer, which takes batches.
pub(crate) fn pushes(beside: Beside) -> Vec<Contender> {
    fn empty<T>(queue: &ArrayQueue<T>) -> u64 {
        std::iter::from_fn(|| queue.pop()).take(BATCH).count() as u64
    }
    vec![
        contender(GIVEN, move |items| {
            let buffer = buffer(latency::CAPACITY);
            let push = |event| buffer.push_at(Timestamp::from_u128(stamp(event)), event).is_ok();
            latency::measure(items, beside, push, || buffer.drain(BATCH).len() as u64)
        }),
        contender(STAMPED, move |items| {
            let buffer = buffer(latency::CAPACITY);
            latency::measure(items, beside, |event| buffer.push(event).is_ok(), || buffer.drain(BATCH).len() as u64)
        }),
        contender(THEIRS_GIVEN, move |items| {
            let queue = ArrayQueue::new(latency::CAPACITY);
            latency::measure(items, beside, |event| queue.push((stamp(event), event)).is_ok(), || empty(&queue))
        }),
        contender(THEIRS_STAMPED, move |items| {
            let (queue, clock) = (ArrayQueue::new(latency::CAPACITY), clock());
            latency::measure(
                items,
                beside,
                |event| queue.push((clock.now().expect(NEVER), event)).is_ok(),
                || empty(&queue),
            )
        }),
        contender(BARE, move |items| {
            let queue = ArrayQueue::new(latency::CAPACITY);
            latency::measure(items, beside, |event| queue.push(event).is_ok(), || empty(&queue))
        }),
    ]
}
