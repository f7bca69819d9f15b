//! Eight producers, a slow consumer or two, and an onlooker: every event has one fate, the order is strict, the watermark is never
//! wrong. The long campaign runs with `-- --ignored`.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use flocktime_core::{
    BufferConfig, BufferStats, Clock, Config, Empty, EventBuffer, Latest, OsSource, Overflow, Refused, Timestamp,
};

const PRODUCERS: u32 = 8;
const CAPACITY: usize = 256;

/// What became of an event.
const OUT: u8 = 1;
const DROPPED: u8 = 16;
const REFUSED: u8 = 64;

/// Every event by producer and number. Relaxed throughout: it must not order what the buffer has to order.
struct Ledger {
    each: u32,
    fates: Vec<AtomicU8>,
}

impl Ledger {
    fn note(&self, event: &Event<'_>, fate: u8) {
        self.fates[(event.producer * self.each + event.number) as usize].fetch_add(fate, Ordering::Relaxed);
    }

    fn count(&self, fate: u8) -> u64 {
        self.fates.iter().filter(|found| found.load(Ordering::Relaxed) == fate).count() as u64
    }
}

/// Says to the ledger where it ends. Its fields are plain memory: whoever reads them too early races.
struct Event<'a> {
    ledger: &'a Ledger,
    producer: u32,
    number: u32,
    fate: u8,
}

impl Event<'_> {
    fn end_as(mut self, fate: u8) {
        self.fate = fate;
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        self.ledger.note(self, self.fate);
    }
}

type Buffer<'a> = EventBuffer<Event<'a>, OsSource>;

/// Lets the others come to an end where this thread fails: nobody waits for it.
struct Alarm<'a, 'b>(&'a Buffer<'b>);

impl Drop for Alarm<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

/// Pushes them all, mostly one by one. Every stamp lies above the last one and above what was promised before.
fn produce<'a>(buffer: &Buffer<'a>, ledger: &'a Ledger, producer: u32) {
    let _alarm = Alarm(buffer);
    let event = |number| Event { ledger, producer, number, fate: DROPPED };
    let refuse = |event: Event<'_>, why: Refused| {
        assert!(matches!(why, Refused::Full { capacity: CAPACITY, .. }), "{why:?}");
        event.end_as(REFUSED);
    };
    let mut last = Timestamp::MIN;
    let mut number = 0;
    while number < ledger.each {
        if number % 64 == 63 {
            let many: Vec<_> = (number..ledger.each.min(number + 5)).map(event).collect();
            number += many.len() as u32;
            if let Err(error) = buffer.push_many(many) {
                error.events.into_iter().for_each(|event| refuse(event, error.why.clone()));
            }
            continue;
        }
        if number % 256 == 0 {
            last = last.max(watermark(buffer));
        }
        match buffer.push(event(number)) {
            Ok(stamp) => {
                assert!(stamp > last, "{stamp} does not follow {last}");
                last = stamp;
            }
            Err(error) => {
                refuse(error.event, error.why);
                thread::yield_now();
            }
        }
        number += 1;
    }
}

fn watermark(buffer: &Buffer<'_>) -> Timestamp {
    buffer.watermark().expect("the clock stamps").expect("the buffer stamps")
}

/// The first and the last stamp of each batch.
type Batches = Vec<(Timestamp, Timestamp)>;

/// Takes out until the end, now a batch and now, waiting, one. No batch reaches down to a watermark that was read before it,
/// by this thread or by the onlooker.
fn consume(buffer: &Buffer<'_>, seen: &Latest<2>) -> Batches {
    let _alarm = Alarm(buffer);
    let mut batches = Batches::new();
    let mut batch = Vec::new();
    loop {
        let promised = watermark(buffer).max(read(seen));
        assert!(batches.last().is_none_or(|last| last.1 <= promised), "it went back");
        batch.extend(buffer.drain(1 + batches.len() % 100));
        if batch.is_empty() {
            match buffer.pop(None) {
                Ok(event) => batch.push(event),
                Err(_) => return batches,
            }
        }
        assert!(batch[0].0 > promised, "{} was promised not to come: {promised}", batch[0].0);
        assert!(batch.windows(2).all(|pair| pair[0].0 < pair[1].0), "a batch is out of order");
        batches.push((batch[0].0, batch[batch.len() - 1].0));
        for (_, event) in batch.drain(..) {
            event.end_as(OUT);
            (0..20).for_each(|_| std::hint::spin_loop()); // slow
        }
    }
}

fn read(seen: &Latest<2>) -> Timestamp {
    seen.read(|&[high, low]| Timestamp::from_u128(u128::from(high) << 64 | u128::from(low)))
}

/// Reads the watermark until the buffer is closed, and shows it to the consumers. It never goes back, and what is inside lies above it.
fn look_on(buffer: &Buffer<'_>, seen: &Latest<2>) -> u64 {
    let _alarm = Alarm(buffer);
    let mut last = Timestamp::MIN;
    let mut looks = 0;
    while !buffer.is_closed() {
        let shown = watermark(buffer);
        assert!(shown >= last, "it went back from {last} to {shown}");
        assert!(seen.try_write([(shown.to_u128() >> 64) as u64, shown.to_u128() as u64]), "nobody else writes");
        last = shown;
        looks += 1;
        let mut above = shown;
        buffer.visit(|stamp, event| {
            assert!(stamp > above && event.number < event.ledger.each, "{stamp} inside, {above} before");
            above = stamp;
        });
        thread::yield_now();
    }
    looks
}

/// One run: checks what can be checked from outside, and prints what happened.
fn hammer(overflow: Overflow, consumers: usize, each: u32) -> BufferStats {
    static NODE: AtomicU64 = AtomicU64::new(1);
    let clock = Clock::new(OsSource, Config::new(|| NODE.fetch_add(1, Ordering::Relaxed)));
    let ledger = Ledger { each, fates: (0..PRODUCERS * each).map(|_| AtomicU8::new(0)).collect() };
    let config = BufferConfig { overflow, ..BufferConfig::new(CAPACITY) };
    let buffer = EventBuffer::new(clock.into(), config).expect("a valid capacity");
    let seen = Latest::new([0, 0]);
    let start = Instant::now();
    let (batches, looks) = thread::scope(|scope| {
        let (buffer, ledger, seen) = (&buffer, &ledger, &seen);
        let onlooker = scope.spawn(|| look_on(buffer, seen));
        let consumers: Vec<_> = (0..consumers).map(|_| scope.spawn(|| consume(buffer, seen))).collect();
        let producers: Vec<_> = (0..PRODUCERS).map(|one| scope.spawn(move || produce(buffer, ledger, one))).collect();
        for producer in producers {
            producer.join().expect("no panic");
        }
        buffer.close();
        let batches: Vec<Batches> = consumers.into_iter().map(|one| one.join().expect("no panic")).collect();
        (batches.concat(), onlooker.join().expect("no panic"))
    });
    let time = start.elapsed();

    assert_eq!(watermark(&buffer), Timestamp::MAX);
    let stats = buffer.stats();
    drop(buffer);
    assert_eq!((stats.inside, stats.unwritten, stats.closed), (0, None, true));
    assert_eq!(stats.pushed, u64::from(PRODUCERS * each));
    assert!(stats.high_water <= CAPACITY as u64);
    let fates = [OUT, DROPPED, REFUSED].map(|fate| ledger.count(fate));
    assert_eq!(fates, [stats.drained, stats.dropped, stats.rejected], "one fate each");
    assert_eq!(fates.iter().sum::<u64>(), stats.pushed);
    assert_one_sequence(batches.clone());
    println!("{overflow:?}: consumers {consumers}, looks {looks}, batches {}, {time:.2?}, {stats:?}", batches.len());
    stats
}

/// Batches of all consumers, put side by side, make one strictly ascending sequence.
fn assert_one_sequence(mut batches: Batches) {
    batches.sort_unstable();
    assert!(batches.windows(2).all(|pair| pair[0].1 < pair[1].0), "two batches overlap");
}

fn campaign(each: u32) {
    for consumers in [1, 2] {
        let rejecting = hammer(Overflow::Reject, consumers, each);
        assert_eq!(rejecting.dropped, 0);
        hammer(Overflow::DropOldest, consumers, each);
        let blocking = hammer(Overflow::Block, consumers, each);
        assert_eq!((blocking.dropped, blocking.rejected), (0, 0));
    }
}

/// 8 producers × 20,000 under each policy, with one consumer and with two.
#[test]
fn every_event_has_one_fate() {
    campaign(20_000);
}

/// 8 producers × 1,000,000, the full size.
#[test]
#[ignore = "the long campaign: run with --release -- --ignored"]
fn every_event_has_one_fate_at_full_size() {
    campaign(1_000_000);
}

/// Consumers that wait, more than there are events at a time, all come to an end: nobody sleeps beside an event.
#[test]
fn nobody_sleeps_beside_an_event() {
    const EVENTS: u32 = 2_000;
    let clock = Clock::new(OsSource, Config::new(|| 1));
    let config = BufferConfig { overflow: Overflow::Block, ..BufferConfig::new(2) };
    let buffer = EventBuffer::new(clock.into(), config).expect("a valid capacity");
    let start = Instant::now();
    // Each takes its share and goes: none is left to take what another one was woken for.
    let take = || (0..EVENTS).for_each(|_| assert!(buffer.pop(None).is_ok()));
    let give = || (0..EVENTS).for_each(|event| assert!(buffer.push(event).is_ok()));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4).flat_map(|_| [scope.spawn(take), scope.spawn(give)]).collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
    });
    println!("{} events through 2 places, {:.2?}", buffer.stats().drained, start.elapsed());
    assert!(buffer.is_empty());
}

/// Closing ends the waits of producers, with their events back, and those of consumers.
#[test]
fn closing_wakes_everybody() {
    for _ in 0..100 {
        let clock = || Clock::new(OsSource, Config::new(|| 1)).into();
        let config = BufferConfig { overflow: Overflow::Block, ..BufferConfig::new(1) };
        let full = EventBuffer::new(clock(), config).expect("a valid capacity");
        let empty = EventBuffer::<u32, _>::new(clock(), config).expect("a valid capacity");
        full.push(0).expect("room");
        thread::scope(|scope| {
            let waiting = [1, 2].map(|event| {
                (
                    event,
                    scope.spawn({
                        let full = &full;
                        move || full.push(event)
                    }),
                    scope.spawn(|| empty.pop(None)),
                )
            });
            (0..20).for_each(|_| thread::yield_now()); // they fall asleep
            full.close();
            empty.close();
            for (event, producer, consumer) in waiting {
                let refused = producer.join().expect("no panic").expect_err("nobody made room");
                assert_eq!((refused.event, refused.why), (event, Refused::Closed));
                assert_eq!(consumer.join().expect("no panic"), Err(Empty::Closed));
            }
        });
        assert_eq!(full.stats().rejected, 2);
    }
}
