//! What every model is about: a buffer, its clock, and a ledger of what became of each event.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use flocktime_core::{
    BufferConfig, Clock, Config, Empty, EventBuffer, Overflow, PushError, Refused, SourceFailed, TimeSource, Timestamp,
};
use loom::cell::UnsafeCell;

use crate::play::pause;

/// Where the clock stands, in microseconds: the models' stamps have 40 bits.
pub(crate) const START_US: i64 = 1000;

/// How often each event was dropped. Of `std`: no order between threads comes from it.
#[derive(Clone, Debug, Default)]
struct Ledger(Arc<[AtomicU64; 8]>);

/// An event with a number, which enters its drop into the ledger.
#[derive(Debug)]
pub(crate) struct Event {
    id: usize,
    ledger: Ledger,
    /// What the model checker watches: looked at while it lives, and written by its drop.
    life: UnsafeCell<()>,
}

impl Event {
    pub(crate) fn id(&self) -> usize {
        self.life.with(|_| self.id)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.life.with_mut(|_| ());
        self.ledger.0[self.id].fetch_add(1, Ordering::Relaxed);
    }
}

/// A time that stands still until it is set. Each reading is a step that the model checker sees: else it would not vary the order
/// in which two threads stamp, because the clock's own word is nothing that it knows.
#[derive(Clone)]
pub(crate) struct Source {
    us: Arc<AtomicI64>,
    readings: Arc<loom::sync::atomic::AtomicU64>,
}

impl Source {
    fn new() -> Self {
        Self { us: Arc::new(AtomicI64::new(START_US)), readings: Arc::default() }
    }

    pub(crate) fn advance(&self, us: i64) {
        self.us.fetch_add(us, Ordering::Relaxed);
    }
}

impl TimeSource for Source {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        self.readings.fetch_add(1, Ordering::Relaxed);
        Ok(self.us.load(Ordering::Relaxed) * 1000)
    }

    fn monotonic_ns(&self) -> u64 {
        0
    }
}

/// A buffer, shared by the parts of a model.
#[derive(Clone)]
pub(crate) struct World {
    // Of `std` too: the threads are joined before the buffer goes, and fewer steps are left to interleave.
    pub(crate) buffer: Arc<EventBuffer<Event, Source>>,
    pub(crate) source: Source,
    ledger: Ledger,
}

/// What came out: a stamp, and the number of the event.
pub(crate) type Seen = (Timestamp, usize);

impl World {
    pub(crate) fn new(config: BufferConfig) -> Self {
        let source = Source::new();
        let clock = Clock::new(source.clone(), Config::new(|| 7));
        // The first reading of a clock does more than the others, which is not what is modelled here.
        clock.now().unwrap();
        let buffer = Arc::new(EventBuffer::new(Arc::new(clock), config).unwrap());
        Self { buffer, source, ledger: Ledger::default() }
    }

    /// Whose events' numbers start over after so many.
    pub(crate) fn before_lap(self, count: u64) -> Self {
        const TICKETS: u64 = 1 << 24;
        let config = BufferConfig::new(self.buffer.capacity());
        let buffer = EventBuffer::starting_at(Arc::clone(self.buffer.clock()), config, TICKETS - count);
        Self { buffer: Arc::new(buffer.unwrap()), ..self }
    }

    /// Which refuses where it is full.
    pub(crate) fn rejecting(capacity: usize) -> Self {
        Self::new(BufferConfig::new(capacity))
    }

    pub(crate) fn with(capacity: usize, overflow: Overflow) -> Self {
        Self::new(BufferConfig { overflow, ..BufferConfig::new(capacity) })
    }

    /// With so many events inside, numbered from zero.
    pub(crate) fn holding(self, count: usize) -> Self {
        for id in 0..count {
            self.put(id);
        }
        self
    }

    pub(crate) fn event(&self, id: usize) -> Event {
        Event { id, ledger: self.ledger.clone(), life: UnsafeCell::new(()) }
    }

    pub(crate) fn push(&self, id: usize) -> Result<Timestamp, Refused> {
        self.buffer.push(self.event(id)).map_err(|PushError { why, .. }| why)
    }

    /// Pushes where there must be room.
    pub(crate) fn put(&self, id: usize) -> Seen {
        (self.push(id).unwrap(), id)
    }

    /// Pushes until there is room.
    pub(crate) fn insist(&self, id: usize) -> Seen {
        let mut event = self.event(id);
        let mut turns = 0;
        loop {
            match self.buffer.push(event) {
                Ok(stamp) => return (stamp, id),
                Err(PushError { event: again, why: Refused::Full { .. } }) => event = again,
                Err(PushError { why, .. }) => panic!("{why}"),
            }
            pause(&mut turns);
        }
    }

    pub(crate) fn try_pop(&self) -> Result<Seen, Empty> {
        self.buffer.try_pop().map(|(stamp, event)| (stamp, event.id()))
    }

    /// The oldest event, if it is there.
    pub(crate) fn pop(&self) -> Option<Seen> {
        self.try_pop().ok()
    }

    /// Waits for one.
    pub(crate) fn wait(&self) -> Result<Seen, Empty> {
        self.buffer.pop(None).map(|(stamp, event)| (stamp, event.id()))
    }

    /// Waits for one that must come.
    pub(crate) fn get(&self) -> Seen {
        self.wait().unwrap()
    }

    pub(crate) fn drain(&self, most: usize) -> Vec<Seen> {
        self.buffer.drain(most).into_iter().map(|(stamp, event)| (stamp, event.id())).collect()
    }

    /// All that is left.
    pub(crate) fn rest(&self) -> Vec<Seen> {
        self.drain(usize::MAX)
    }

    /// What `watermark` says, where there is one.
    pub(crate) fn promise(&self) -> Option<Timestamp> {
        self.buffer.watermark().unwrap()
    }

    /// Ends a model whose parts are done: the account is balanced, and of `events` events each is dropped once as soon as the
    /// buffer is. What was taken out was dropped by whoever took it.
    pub(crate) fn close_up(self, events: usize) {
        let stats = self.buffer.stats();
        let out = stats.drained + stats.dropped + stats.rejected + stats.inside;
        assert_eq!(stats.pushed, out, "the account is wrong: {stats:?}");
        assert!(stats.high_water <= stats.capacity && stats.unwritten.is_none(), "{stats:?}");
        let inside = events - self.drops().iter().sum::<u64>() as usize;
        assert_eq!(stats.inside, inside as u64, "of {events} events {inside} were not dropped: {stats:?}");
        assert_eq!(Arc::strong_count(&self.buffer), 1, "a thread was not joined");
        let ledger = self.ledger.clone();
        drop(self);
        let drops = ledger.counts();
        assert!(drops.iter().zip(0..).all(|(&count, id)| count == u64::from(id < events)), "dropped {drops:?} times");
    }

    fn drops(&self) -> [u64; 8] {
        self.ledger.counts()
    }
}

impl Ledger {
    fn counts(&self) -> [u64; 8] {
        self.0.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

/// Strictly ascending stamps.
pub(crate) fn assert_ascending(seen: &[Seen]) {
    assert!(seen.is_sorted_by(|one, next| one.0 < next.0), "out of order: {seen:?}");
}

/// A promise made before these were taken out.
pub(crate) fn assert_kept<'a>(promise: Option<Timestamp>, later: impl IntoIterator<Item = &'a Seen>) {
    for &(stamp, id) in later {
        assert!(Some(stamp) > promise, "event {id}, {stamp:?}, came after the watermark {promise:?}");
    }
}

/// The numbers of these events, ascending.
pub(crate) fn ids<'a>(seen: impl IntoIterator<Item = &'a Seen>) -> Vec<usize> {
    let mut ids: Vec<_> = seen.into_iter().map(|&(_, id)| id).collect();
    ids.sort_unstable();
    ids
}
