//! The rules of the event buffer, one by one and on one thread. Sequences of calls at random are in `buffer_model.rs`.

use std::sync::Arc;
use std::time::Duration;

use flocktime_core::{
    BufferConfig, Clock, Config, Empty, EventBuffer, MAX_CAPACITY, ManualSource, NoBuffer, NoMemory, Overflow, Refused,
    Timestamp,
};

const START_US: i64 = 1_000_000;
const NODE: u64 = 0x2a;

type Buffer<T> = EventBuffer<T, ManualSource>;

fn source() -> ManualSource {
    ManualSource::new(START_US).expect("in range")
}

/// A buffer on a clock whose node sinks with each reset.
fn on<T>(source: &ManualSource, config: BufferConfig) -> Buffer<T> {
    let node = std::sync::atomic::AtomicU64::new(NODE);
    let fresh = move || node.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    let clock = Clock::new(source.clone(), Config::new(fresh));
    EventBuffer::new(Arc::new(clock), config).expect("a valid capacity")
}

fn with<T>(capacity: usize, overflow: Overflow) -> Buffer<T> {
    on(&source(), BufferConfig { overflow, ..BufferConfig::new(capacity) })
}

fn delayed<T>(source: &ManualSource, max_delay_us: u64) -> Buffer<T> {
    on(source, BufferConfig { max_delay_us: Some(max_delay_us), ..BufferConfig::new(8) })
}

fn at(physical_us: u64) -> Timestamp {
    Timestamp::new(physical_us, 0, NODE, 0).expect("in range")
}

fn events<T>(drained: Vec<(Timestamp, T)>) -> Vec<T> {
    drained.into_iter().map(|(_, event)| event).collect()
}

/// Pushed, drained, dropped, rejected, inside. The sum holds always.
fn account<T>(buffer: &Buffer<T>) -> [u64; 5] {
    let stats = buffer.stats();
    assert_eq!(stats.pushed, stats.drained + stats.dropped + stats.rejected + stats.inside, "{stats:?}");
    [stats.pushed, stats.drained, stats.dropped, stats.rejected, stats.inside]
}

/// Any capacity from one on, not only powers of two; none and too much are refused with the number.
#[test]
fn capacity_is_as_given() {
    for capacity in [0, MAX_CAPACITY + 1] {
        let clock = Arc::new(Clock::new(source(), Config::new(|| NODE)));
        let refused = EventBuffer::<u8, _>::new(clock, BufferConfig::new(capacity));
        assert_eq!(refused.err(), Some(NoBuffer::Capacity { capacity }));
    }
    for capacity in [1, 2, 3, 5, 1000] {
        let buffer = with(capacity, Overflow::Reject);
        (0..capacity).for_each(|event| assert!(buffer.push(event).is_ok()));
        assert!(matches!(buffer.push(capacity), Err(error) if error.event == capacity));
        assert_eq!((buffer.len(), buffer.capacity()), (capacity, capacity));
        assert_eq!(events(buffer.drain(usize::MAX)), (0..capacity).collect::<Vec<_>>());
        assert_eq!(buffer.stats().high_water, capacity as u64);
    }
}

/// What is pushed under a standing, a stepped back and a stepped on source comes out once, in strictly ascending order.
#[test]
fn batches_concatenate_to_one_strict_order() {
    let source = source();
    let buffer = on(&source, BufferConfig::new(64));
    let mut out = Vec::new();
    for round in 0..20_i64 {
        source.set(START_US + round % 3 * 1000).expect("in range");
        buffer.push(round).expect("room");
        buffer.push_many(vec![round; 2]).expect("room");
        out.extend(buffer.drain(2));
    }
    out.extend(buffer.drain(usize::MAX));
    assert_eq!(out.len(), 60);
    assert!(out.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1), "{out:?}");
}

/// Each policy when there is no room: the newest back to its owner, the oldest gone, or wait, here in vain.
#[test]
fn each_overflow_policy_does_what_it_says() {
    let full = Refused::Full { capacity: 2, unwritten: false };

    let rejecting = with(2, Overflow::Reject);
    let refused = rejecting.push_many(vec![1, 2, 3, 4]).expect_err("there is room for two");
    assert_eq!((refused.pushed, refused.events, refused.why), (2, vec![3, 4], full.clone()));
    assert_eq!((account(&rejecting), events(rejecting.drain(9))), ([4, 0, 0, 2, 2], vec![1, 2]));

    let dropping = with(2, Overflow::DropOldest);
    dropping.push(0).expect("room");
    dropping.push_many(vec![1, 2, 3, 4, 5]).expect("the oldest make room");
    dropping.push(6).expect("the oldest makes room");
    assert_eq!((account(&dropping), events(dropping.drain(9))), ([7, 0, 5, 0, 2], vec![5, 6]));

    let blocking = with(2, Overflow::Block);
    blocking.push_many(vec![1, 2]).expect("room");
    assert_eq!(blocking.try_push_with(|_| 3), Err(full.clone()), "comes again, and is not counted");
    assert_eq!(account(&blocking), [2, 0, 0, 0, 2]);
    let refused = blocking.push_timeout(3, Duration::ZERO).expect_err("nobody makes room");
    assert_eq!((refused.event, refused.why), (3, full));
    blocking.give_up(1);
    assert_eq!(account(&blocking), [4, 0, 0, 2, 2]);
}

/// The watermark of a buffer that stamps is the last event taken out, dropped ones included; of an empty one it is later than
/// all that came before, and all that comes is later than it.
#[test]
fn the_watermark_is_exact() {
    let buffer = with(2, Overflow::DropOldest);
    let shown = || buffer.watermark().expect("the clock stamps").expect("the buffer stamps");
    let start = shown();
    let stamps: Vec<_> = (0..3).map(|event| buffer.push(event).expect("the oldest makes room")).collect();
    assert!(start < stamps[0]);
    assert_eq!(shown(), stamps[0], "dropped");
    assert_eq!(buffer.try_pop(), Ok((stamps[1], 1)));
    assert_eq!((shown(), shown()), (stamps[1], stamps[1]));
    assert_eq!(buffer.drain(9), [(stamps[2], 2)]);
    let idle = shown();
    assert!(idle > stamps[2]);
    assert!(shown() > idle && buffer.push(3).expect("room") > shown());
}

/// A reset of the clock may lower its time and its node. Events are then refused, and come back, until it has caught up; the
/// watermark never goes back.
#[test]
fn a_reset_clock_does_not_break_the_order() {
    let source = source();
    let buffer = on(&source, BufferConfig::new(8));
    let last = buffer.push(0).and_then(|_| buffer.push(1)).expect("room");
    assert!(buffer.try_pop().is_ok());
    let shown = buffer.watermark().expect("not asked of the clock");
    source.step_back(1000).expect("in range");
    let timestamp = buffer.clock().reset("a test").expect("the source can be read");
    assert!(timestamp.node() < NODE && timestamp < last);
    assert!(buffer.watermark().expect("not asked of the clock") >= shown);
    let refused = buffer.push(2).expect_err("it would come before the last");
    assert!(matches!(refused.why, Refused::ClockReset { timestamp, last: found }
        if refused.event == 2 && timestamp < last && found.physical_us() == last.physical_us()));
    let refused = buffer.push_many(vec![3, 4]).expect_err("they would come before the last");
    assert_eq!((refused.pushed, refused.events), (0, vec![3, 4]));
    assert_eq!(events(buffer.drain(9)), [1]);
    assert!(matches!(buffer.watermark(), Err(Refused::ClockReset { .. })));
    source.advance(2000).expect("in range");
    assert!(buffer.push(5).expect("it has caught up") > last);
    assert_eq!(account(&buffer), [6, 2, 0, 3, 1]);
}

/// Given timestamps: order within a batch, no watermark; the buffer's own stamps go along with them.
#[test]
fn given_timestamps_are_ordered_within_a_batch() {
    let buffer = with(8, Overflow::Reject);
    for event in [3, 1, 2] {
        buffer.push_at(at(event), event).expect("room");
    }
    assert_eq!(buffer.watermark(), Ok(None));
    let own = buffer.push(9).expect("room");
    assert!(own.physical_us() >= START_US as u64);
    assert_eq!(events(buffer.drain(2)), [1, 3]);
    assert_eq!(events(buffer.drain(2)), [2, 9]);
    assert_eq!(buffer.watermark(), Ok(None));
}

/// A buffer that has stamped, or promised to by a watermark, takes no other timestamps: the event comes back.
#[test]
fn order_once_promised_is_kept() {
    let (stamped, promised) = (with(8, Overflow::Reject), with(8, Overflow::Reject));
    stamped.push(1).expect("room");
    assert!(promised.watermark().expect("the clock stamps").is_some());
    for buffer in [stamped, promised] {
        let refused = buffer.push_at(Timestamp::MAX, 2).expect_err("out of order");
        assert_eq!((refused.event, refused.why), (2, Refused::Ordered));
        assert_eq!(account(&buffer)[3], 1);
    }
}

/// With a maximal delay the watermark trails the clock by it; what comes up to it is late and comes back, the next microsecond
/// is in time. Events that were inside when it was asked for hold it until they are out.
#[test]
fn the_watermark_trails_by_the_delay() {
    let source = source();
    let buffer = delayed(&source, 1000);
    let shown = || buffer.watermark().expect("the clock stamps").map(Timestamp::physical_us);
    let now = START_US as u64;
    assert_eq!(shown(), Some(now - 1001));
    let promised = buffer.watermark().expect("the clock stamps").expect("an empty buffer");
    let late = Timestamp::from_u128(promised.to_u128() >> 48 << 48);
    let refused = buffer.push_at(late, 1).expect_err("promised not to come");
    assert_eq!((refused.event, refused.why), (1, Refused::Late { timestamp: late, watermark: promised }));
    buffer.push_at(at(now - 1000), 2).expect("in time");
    source.advance(500).expect("in range");
    assert_eq!(shown(), Some(now - 1001), "an event of then may be inside");
    assert!(matches!(buffer.push_at(at(now - 600), 3), Err(error) if matches!(error.why, Refused::Late { .. })));
    assert_eq!(events(buffer.drain(9)), [2]);
    source.advance(500).expect("in range");
    assert_eq!(shown(), Some(now - 1));
    assert_eq!(account(&buffer), [3, 1, 0, 2, 0]);
}

/// Closed: what is inside comes out, nothing else goes in, and afterwards the watermark is the greatest there is.
#[test]
fn a_closed_buffer_gives_out_what_is_inside() {
    let buffer = with(4, Overflow::Block);
    let last = buffer.push(1).expect("room");
    buffer.close();
    buffer.close();
    assert!(buffer.is_closed() && buffer.stats().closed);
    assert!(matches!(buffer.push(2), Err(error) if (error.event, &error.why) == (2, &Refused::Closed)));
    assert!(
        matches!(buffer.push_many(vec![3, 4]), Err(error) if error.events == [3, 4] && error.why == Refused::Closed)
    );
    assert_eq!(buffer.try_push_with(|_| 5), Err(Refused::Closed));
    assert!(buffer.watermark().expect("not asked of the clock") < Some(last));
    assert_eq!(buffer.pop(None), Ok((last, 1)));
    assert_eq!((buffer.pop(None), buffer.drain(9)), (Err(Empty::Closed), vec![]));
    assert_eq!(buffer.watermark(), Ok(Some(Timestamp::MAX)));
    assert_eq!(account(&buffer), [5, 1, 0, 4, 0]);
}

/// Looking shows what can be taken out, in order, and takes nothing; also where the closure unwinds.
#[test]
fn a_visit_leaves_everything_inside() {
    let buffer = with(4, Overflow::Reject);
    buffer.push_many(vec!["a", "b", "c"]).expect("room");
    buffer.try_pop().expect("three are inside");
    let mut seen = Vec::new();
    buffer.visit(|stamp, event| seen.push((stamp, *event)));
    let unwound = std::panic::AssertUnwindSafe(|| buffer.visit(|_, _| std::panic::resume_unwind(Box::new(()))));
    assert!(std::panic::catch_unwind(unwound).is_err());
    assert_eq!(buffer.drain(9), seen);
    assert_eq!(seen.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), ["b", "c"]);
}

/// What was never taken out is dropped with the buffer, and what was dropped as the oldest at once: each exactly once.
#[test]
fn what_was_never_taken_out_is_dropped_once() {
    let token = Arc::new(());
    let buffer = with(3, Overflow::DropOldest);
    buffer.push_many(vec![Arc::clone(&token); 5]).expect("the oldest make room");
    assert_eq!(Arc::strong_count(&token), 1 + 3);
    drop(buffer.try_pop());
    assert_eq!(Arc::strong_count(&token), 1 + 2);
    drop(buffer);
    assert_eq!(Arc::strong_count(&token), 1);
}

/// Nothing is dropped for an event that the clock cannot stamp, nor for one that it stamps below the last.
#[test]
fn a_clock_that_fails_drops_nothing() {
    let source = source();
    let buffer = on(&source, BufferConfig { overflow: Overflow::DropOldest, ..BufferConfig::new(3) });
    (0..3).for_each(|event| assert!(buffer.push(event).is_ok()));
    source.step_back(500_000).expect("in range");
    buffer.clock().reset("drill").expect("a new identity");
    assert!(matches!(buffer.push(3), Err(error) if matches!(error.why, Refused::ClockReset { .. })));
    let many = buffer.push_many(vec![4, 5]).expect_err("none comes in");
    assert!(matches!(many.why, Refused::ClockReset { .. }) && many.events == [4, 5]);
    assert_eq!(account(&buffer), [6, 0, 0, 3, 3]);
    source.advance(1_000_000).expect("in range");
    buffer.push(6).expect("it follows");
    assert_eq!((account(&buffer), events(buffer.drain(9))), ([7, 0, 1, 3, 3], vec![1, 2, 6]));
}

/// Where there is no place for events outside, they stay inside; a buffer that would not fit into memory is refused.
#[test]
fn without_memory_nothing_is_taken() {
    let buffer = with(8, Overflow::Reject);
    (0..5).for_each(|event| assert!(buffer.push(event).is_ok()));
    let refused = buffer.try_drain(3, |events| Err(NoMemory { events }));
    assert_eq!((refused, account(&buffer)), (Err(NoMemory { events: 3 }), [5, 0, 0, 0, 5]));
    let mut told = Vec::new();
    let drained = buffer.try_drain(usize::MAX, |events| {
        told.push(events);
        Ok(())
    });
    assert_eq!((drained.map(events), told), (Ok(vec![0, 1, 2, 3, 4]), vec![5]));
    let clock = Arc::new(Clock::new(source(), Config::new(|| NODE)));
    let huge = EventBuffer::<[u64; 1 << 40], _>::new(clock, BufferConfig::new(MAX_CAPACITY));
    assert_eq!(huge.err(), Some(NoBuffer::Memory(NoMemory { events: MAX_CAPACITY })));
}
