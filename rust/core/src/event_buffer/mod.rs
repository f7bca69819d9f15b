//! [`EventBuffer`]: many threads push, some take out, and what comes out is one sequence in the order of timestamps.

mod bell;
mod pushing;
mod refused;
mod stats;
mod taking;
mod watermark;

use std::sync::Arc;

pub use refused::{Empty, NoBuffer, NoMemory, PushError, PushManyError, Refused};
pub use stats::BufferStats;

use crate::cursor::{Cursor, CursorWord, after};
use crate::slot_ring::SlotRing;
use crate::sync::{Apart, AtomicU8, AtomicU64, Ordering};
use crate::{Clock, TimeSource};
use bell::Bell;

/// The most events that a buffer holds, 2²⁴: half a gigabyte of slots.
pub const MAX_CAPACITY: usize = 1 << 24;

/// What a push does when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Refuse the event with [`Refused::Full`].
    #[default]
    Reject,
    /// Drop the oldest event, and count it.
    DropOldest,
    /// Wait for a consumer.
    Block,
}

/// How a buffer is to be.
#[derive(Clone, Copy, Debug)]
pub struct BufferConfig {
    /// The most events that are inside at once, `1..=`[`MAX_CAPACITY`]. The memory is taken at once, for the next power of two: 24 bytes
    /// each and the event, in multiples of 32.
    pub capacity: usize,
    /// What a push does when there is no room.
    pub overflow: Overflow,
    /// How late an event may come whose timestamp is given: microseconds behind this buffer's clock. `None`: any time, and there
    /// is no watermark as soon as a timestamp was given.
    pub max_delay_us: Option<u64>,
}

impl BufferConfig {
    /// Of this capacity, everything else by default.
    pub const fn new(capacity: usize) -> Self {
        Self { capacity, overflow: Overflow::Reject, max_delay_us: None }
    }
}

/// Between the threads where events happen and the one that orders them: a bounded buffer that stamps.
///
/// # What holds
///
/// 1. Where the buffer stamps, what is taken out is one sequence in strictly ascending order of timestamps, over all batches and
///    all consumers.
/// 2. [`watermark`](Self::watermark) is exact: no event that is taken out later is stamped at or below it, also while a producer
///    is stopped between claiming its place and writing the event.
/// 3. Every event is accounted for: pushed = drained + dropped + rejected + inside, whenever nobody is in the middle of a call.
///
/// Any thread may call any method at any time.
///
/// # Progress
///
/// Claiming and taking are swaps that fail only because another one succeeded. But it is *not* lock-free as a whole: an event
/// that was claimed and not written yet holds up those behind it ([`Empty::Unwritten`] says which), and a consumer that is
/// stopped while it moves an event out holds up the producer that comes by one lap later. [`Overflow::Block`] waits, of course.
///
/// ```
/// use std::sync::Arc;
/// use flocktime_core::{BufferConfig, Clock, Config, Empty, EventBuffer, OsSource};
/// let clock = Arc::new(Clock::new(OsSource, Config::new(|| 0x2a)));
/// let buffer = EventBuffer::new(clock, BufferConfig::new(1024))?;
/// let stamped = buffer.push("hello")?;
/// assert_eq!(buffer.try_pop()?, (stamped, "hello"));
/// assert_eq!(buffer.try_pop(), Err(Empty::Nothing));
/// assert!(buffer.watermark()? > Some(stamped));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventBuffer<T, S> {
    ring: SlotRing<T>,
    clock: Arc<Clock<S>>,
    /// That of all watermarks, so that they do not go back where the clock is reset to a lower one.
    node: u64,
    overflow: Overflow,
    max_delay_us: Option<u64>,
    /// An [`Order`]. Set before the first event is claimed.
    order: AtomicU8,
    /// Where timestamps are given: a promise for later, which holds once the events before its ticket are taken out.
    mark: CursorWord,
    account: Apart<Account>,
    items: Bell,
    room: Bell,
}

/// What the cursors do not count. Apart, because a producer that tries a full buffer again and again writes here, and every
/// call reads what stands beside it.
struct Account {
    rejected: AtomicU64,
    /// Events that left without a consumer: dropped as the oldest, or given up by an unwound producer.
    dropped: AtomicU64,
}

/// Whose order the events have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Order {
    /// Nothing was pushed and no watermark shown: it may become either.
    Open = 0,
    /// The buffer stamps, and the order of tickets is that of stamps.
    Stamped = 1,
    /// Timestamps are given, in any order.
    Given = 2,
}

impl<T, S: TimeSource> EventBuffer<T, S> {
    /// A buffer that stamps with this clock, which others may use as well.
    ///
    /// # Errors
    ///
    /// [`NoBuffer`].
    pub fn new(clock: Arc<Clock<S>>, config: BufferConfig) -> Result<Self, NoBuffer> {
        Self::starting_at(clock, config, 0)
    }

    /// As [`new`](Self::new), but the first event's number is this one, below 2⁴⁸: for tests of what happens when they start over.
    /// Numbers and totals go on from there.
    ///
    /// # Errors
    ///
    /// [`NoBuffer`].
    #[doc(hidden)]
    pub fn starting_at(clock: Arc<Clock<S>>, config: BufferConfig, ticket: u64) -> Result<Self, NoBuffer> {
        let capacity = config.capacity;
        if capacity == 0 || capacity > MAX_CAPACITY {
            return Err(NoBuffer::Capacity { capacity });
        }
        let order = if config.max_delay_us.is_some() { Order::Given } else { Order::Open };
        let first = Cursor::new(0, after(ticket, 0));
        let ring = SlotRing::new(capacity as u32, first).ok_or(NoBuffer::Memory(NoMemory { events: capacity }))?;
        Ok(Self {
            ring,
            node: clock.node(),
            clock,
            overflow: config.overflow,
            max_delay_us: config.max_delay_us,
            order: AtomicU8::new(order as u8),
            mark: CursorWord::new(first),
            account: Apart(Account { rejected: AtomicU64::new(0), dropped: AtomicU64::new(0) }),
            items: Bell::new(),
            room: Bell::new(),
        })
    }

    /// No event is taken in any more, those inside can be taken out, and everybody who waits is woken. Once more does nothing.
    pub fn close(&self) {
        self.ring.close();
        self.items.ring(true);
        self.room.ring(true);
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.ring.back().is_sealed()
    }

    /// The clock that stamps.
    pub const fn clock(&self) -> &Arc<Clock<S>> {
        &self.clock
    }

    /// How many events are inside, claimed ones included. Other threads may change it meanwhile.
    pub fn len(&self) -> usize {
        self.ring.length() as usize
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most events that are inside at once.
    pub const fn capacity(&self) -> usize {
        self.ring.capacity() as usize
    }

    fn order(&self) -> Order {
        match self.order.load(Ordering::Acquire) {
            1 => Order::Stamped,
            2 => Order::Given,
            _ => Order::Open,
        }
    }

    /// The order from now on: `wanted`, where it was still open.
    #[inline]
    fn settle(&self, wanted: Order) -> Order {
        match self.order() {
            Order::Open => {
                let found = self.order.compare_exchange(0, wanted as u8, Ordering::AcqRel, Ordering::Acquire);
                if found.is_ok() { wanted } else { self.order() }
            }
            order => order,
        }
    }
}
