//! [`SlotRing`]: storage for events between the moment they are claimed and the moment they are taken. The one file of this
//! crate with `unsafe`.
//!
//! A bounded ring after Vyukov's, with two differences. Both ends are a [`Cursor`]: a stamp moves in the same swap as the
//! ticket, so the order of tickets is the order of stamps. And room is counted, not deduced from the slots, so that the
//! capacity may be any number while the storage is a power of two.
//!
//! # Who may touch a slot
//!
//! Its `turn` says so: the number of the event that it waits for or holds, and which of both.
//!
//! ```text
//!        claim: back moves on                    take: front moves on
//!  Free(t) ───────────────▶ Free(t) ── write ──▶ Written(t) ──────────▶ Written(t) ── read ──▶ Free(t + slots)
//!  nobody's                 the producer's       readers may look       the consumer's         nobody's
//! ```
//!
//! Only the swap of `back` that passes `t` makes a [`Claim`] of ticket `t`, and only the swap of `front` that passes it
//! makes a [`Taken`]; a ticket is passed once (2⁴⁸ of them later the slot itself says that it is another lap). So each slot has
//! one owner at a time, and `turn`, stored with release and loaded with acquire, hands it on.
//!
//! # Progress
//!
//! A swap fails only because another one succeeded. But a producer that is stopped between claim and write holds up the
//! consumers at its slot, though not other producers; a consumer that is stopped between take and read holds up the producer
//! that comes by a lap later. That is not lock-free, and nothing here says so.
#![allow(unsafe_code, reason = "see above")]

use std::mem::MaybeUninit;

use crate::Timestamp;
use crate::cursor::{Cursor, CursorWord, after, distance, lap, reached};
use crate::failpoint::{self, Step};
use crate::sync::{Apart, AtomicU64, Ordering, UnsafeCell, snooze};

pub(crate) struct SlotRing<T> {
    back: Apart<Back>,
    front: Apart<Front>,
    /// A power of two of them, at least `capacity`.
    slots: Box<[Slot<T>]>,
    /// The most events that are inside at once, `1..=slots.len()`.
    capacity: u64,
}

struct Back {
    /// The last stamp, and the ticket of the next event.
    cursor: CursorWord,
    /// Claims up to here need not look at `front`: they neither fill the ring nor make a new high water mark.
    room_until: AtomicU64,
    /// The most events that were inside at once.
    high_water: AtomicU64,
    /// How often the tickets started over.
    laps: AtomicU64,
}

struct Front {
    /// A stamp that every event still inside lies above, and the ticket of the oldest. Sealed while somebody looks.
    cursor: CursorWord,
    laps: AtomicU64,
}

// At 32 bytes, which it has around an event of 8, none lies across two cache lines.
#[repr(align(32))]
struct Slot<T> {
    /// See [`free`] and [`written`].
    turn: AtomicU64,
    /// The timestamp in two halves, high first. Atomic because a consumer looks before it knows that the event is its own.
    stamp: [AtomicU64; 2],
    event: UnsafeCell<MaybeUninit<T>>,
}

/// Waits for the event of this ticket.
#[inline]
const fn free(ticket: u64) -> u64 {
    ticket << 2
}

/// Holds it.
#[inline]
const fn written(ticket: u64) -> u64 {
    ticket << 2 | 1
}

/// Its producer was unwound and left nothing.
const fn abandoned(ticket: u64) -> u64 {
    ticket << 2 | 2
}

/// Why there is nothing to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclaimed {
    Closed,
    /// The ticket of the oldest event that is in the way, and the stamp that `back` has.
    Full {
        oldest: u64,
        stamp: u128,
    },
}

/// Why there is nothing to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    Nothing,
    /// The event of this ticket was claimed and is not written yet.
    Unwritten {
        ticket: u64,
    },
    Closed,
}

// SAFETY: an event is moved in by one thread and out by another, and `visit` lends it to one thread at a time, while nobody
// else may touch it (see the head of this file): what a `Mutex<T>` asks for. All other fields are atomics.
unsafe impl<T: Send> Sync for SlotRing<T> {}

impl<T> SlotRing<T> {
    /// `capacity` lies in `1..=2^24`; tickets begin with `first`. `None`: there is no memory for the slots.
    pub(crate) fn new(capacity: u32, first: Cursor) -> Option<Self> {
        let count = u64::from(capacity).next_power_of_two();
        let ticket_of = |index: u64| after(first.ticket(), distance(first.ticket() & (count - 1), index) & (count - 1));
        let mut slots = Vec::new();
        slots.try_reserve_exact(count as usize).ok()?;
        slots.extend((0..count).map(|index| Slot {
            turn: AtomicU64::new(free(ticket_of(index))),
            stamp: [AtomicU64::new(0), AtomicU64::new(0)],
            event: UnsafeCell::new(MaybeUninit::uninit()),
        }));
        let cursor = || CursorWord::new(first);
        Some(Self {
            back: Apart(Back {
                cursor: cursor(),
                room_until: AtomicU64::new(first.ticket()),
                high_water: AtomicU64::new(0),
                laps: AtomicU64::new(0),
            }),
            front: Apart(Front { cursor: cursor(), laps: AtomicU64::new(0) }),
            slots: slots.into_boxed_slice(),
            capacity: capacity.into(),
        })
    }

    pub(crate) const fn capacity(&self) -> u64 {
        self.capacity
    }

    #[inline]
    pub(crate) fn back(&self) -> Cursor {
        self.back.0.cursor.load()
    }

    /// Never sealed: waits while somebody looks.
    #[inline]
    pub(crate) fn front(&self) -> Cursor {
        let mut turns = 0;
        loop {
            let found = self.front.0.cursor.load();
            if !found.is_sealed() {
                return found;
            }
            snooze(&mut turns);
        }
    }

    /// Raises the stamp of `back` to `stamp`, if it still is where it was found. Every later claim follows it.
    pub(crate) fn raise_back(&self, found: Cursor, stamp: u128) -> bool {
        self.back.0.cursor.swap_if(found, Cursor::new(stamp, found.ticket())).is_ok()
    }

    /// Raises the stamp of `front` to at least `stamp`, which every event still inside lies above.
    pub(crate) fn raise_front(&self, stamp: u128) {
        loop {
            let found = self.front();
            let raised = Cursor::new(stamp, found.ticket());
            if found.stamp() >= stamp || self.front.0.cursor.swap_if(found, raised).is_ok() {
                return;
            }
        }
    }

    /// No claim succeeds any more. Those made before are written and taken as ever.
    pub(crate) fn close(&self) {
        loop {
            let found = self.back();
            if found.is_sealed() || self.back.0.cursor.swap_if(found, found.sealed()).is_ok() {
                return;
            }
        }
    }

    /// How many events were claimed and taken so far, in this order; exact while nobody is at it.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let total = |laps: &AtomicU64, cursor: Cursor| laps.load(Ordering::Acquire) * lap() + cursor.ticket();
        let taken = total(&self.front.0.laps, self.front());
        (total(&self.back.0.laps, self.back()), taken)
    }

    /// The most events that were inside at once, as far as producers saw it.
    pub(crate) fn high_water(&self) -> u64 {
        self.back.0.high_water.load(Ordering::Relaxed)
    }

    /// A place for `count` events, `1..=capacity`, still to be claimed.
    #[inline]
    pub(crate) fn spot(&self, count: u64) -> Result<Spot<'_, T>, Unclaimed> {
        let mut turns = 0;
        loop {
            let found = self.back();
            if found.is_sealed() {
                return Err(Unclaimed::Closed);
            }
            let until = after(found.ticket(), count);
            let mut length = 0;
            if !reached(self.back.0.room_until.load(Ordering::Relaxed), until) {
                let oldest = self.front.0.cursor.load().ticket();
                if !reached(found.ticket(), oldest) {
                    continue; // `found` is older than `oldest`: not worth a judgement
                }
                length = distance(oldest, until);
                if length > self.capacity {
                    return Err(Unclaimed::Full { oldest, stamp: found.stamp() });
                }
            }
            if self.is_free(found.ticket(), until) {
                return Ok(Spot { ring: self, found, until, length });
            }
            // The event of a lap ago is being moved out, or another producer was faster.
            snooze(&mut turns);
        }
    }

    /// How many events fit behind `back` now.
    pub(crate) fn room(&self) -> u64 {
        self.capacity - self.length()
    }

    /// How many events are inside: claimed and not taken.
    pub(crate) fn length(&self) -> u64 {
        let oldest = self.front.0.cursor.load().ticket();
        distance(oldest, self.back().ticket()).min(self.capacity)
    }

    /// Whether there is an event to take.
    pub(crate) fn can_take(&self) -> bool {
        self.count_written(self.front().ticket(), 1) > 0
    }

    #[inline]
    fn is_free(&self, from: u64, until: u64) -> bool {
        (0..distance(from, until)).map(|at| after(from, at)).all(|ticket| {
            // Acquire: the consumer has moved the event of a lap ago out before it stored this.
            self.slot(ticket).turn.load(Ordering::Acquire) == free(ticket)
        })
    }

    /// Takes up to `most` events, at least one, in the order of their tickets. `is_ordered` is asked once there are some: where
    /// the order of tickets is that of stamps, the stamp of `front` goes along.
    pub(crate) fn take(&self, most: u64, is_ordered: impl Fn() -> bool) -> Result<Taken<'_, T>, Untaken> {
        loop {
            let found = self.front();
            let count = self.count_written(found.ticket(), most);
            if count == 0 {
                match self.why_nothing(found) {
                    Some(why) => return Err(why),
                    None => continue,
                }
            }
            if let Some(taken) = self.take_from(found, count, &is_ordered) {
                return Ok(taken);
            }
        }
    }

    /// As `take`, but does not say why there is nothing. So it need not look at `back`: a consumer that asks again and again would take
    /// that word away from the producers each time. `prepare` is told how many there are before they are taken, and may refuse.
    pub(crate) fn take_any<E>(
        &self,
        most: u64,
        is_ordered: impl Fn() -> bool,
        mut prepare: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Option<Taken<'_, T>>, E> {
        loop {
            let found = self.front();
            let count = self.count_written(found.ticket(), most);
            if count == 0 {
                if most == 0 || self.is_behind(found.ticket()) {
                    return Ok(None);
                }
                continue;
            }
            prepare(count as usize)?;
            if let Some(taken) = self.take_from(found, count, &is_ordered) {
                return Ok(Some(taken));
            }
        }
    }

    /// Whether the slot of this ticket, which `front` had, has no event for it yet. Else it has one by now, or it was taken.
    fn is_behind(&self, ticket: u64) -> bool {
        let turn = self.slot(ticket).turn.load(Ordering::Acquire);
        turn == free(ticket) || !reached(turn >> 2, ticket)
    }

    /// Takes so many from where `front` was found; `None`: another consumer was faster.
    fn take_from(&self, found: Cursor, count: u64, is_ordered: impl Fn() -> bool) -> Option<Taken<'_, T>> {
        let next = after(found.ticket(), count);
        let stamp = if is_ordered() { self.stamp(after(next, lap() - 1)).without_node() } else { found.stamp() };
        self.advance(found, Cursor::new(stamp.max(found.stamp()), next))
    }

    /// Takes the event of this ticket where it is the oldest and written; `is_ordered` as for `take`.
    pub(crate) fn take_if(&self, oldest: u64, is_ordered: impl Fn() -> bool) -> Result<Taken<'_, T>, Untaken> {
        let found = self.front();
        if found.ticket() != oldest || self.count_written(oldest, 1) == 0 {
            return Err(Untaken::Unwritten { ticket: oldest });
        }
        let stamp = if is_ordered() { self.stamp(oldest).without_node() } else { found.stamp() };
        self.advance(found, Cursor::new(stamp.max(found.stamp()), after(oldest, 1)))
            .ok_or(Untaken::Unwritten { ticket: oldest })
    }

    fn advance(&self, found: Cursor, next: Cursor) -> Option<Taken<'_, T>> {
        self.front.0.cursor.swap_if(found, next).ok()?;
        if next.ticket() < found.ticket() {
            self.front.0.laps.fetch_add(1, Ordering::Release);
        }
        Some(Taken { ring: self, next: found.ticket(), until: next.ticket(), abandoned: 0 })
    }

    /// How many events from this ticket on can be taken at once.
    fn count_written(&self, from: u64, most: u64) -> u64 {
        let is_written = |&at: &u64| {
            let ticket = after(from, at);
            // Acquire: the event and its stamp were written before.
            let turn = self.slot(ticket).turn.load(Ordering::Acquire);
            turn == written(ticket) || turn == abandoned(ticket)
        };
        (0..most.min(self.capacity)).take_while(is_written).count() as u64
    }

    /// Why there was nothing at `found`; `None` where it has moved on since.
    fn why_nothing(&self, found: Cursor) -> Option<Untaken> {
        let back = self.back();
        if self.front() != found {
            return None;
        }
        Some(match (back.ticket() == found.ticket(), back.is_sealed()) {
            (true, true) => Untaken::Closed,
            (true, false) => Untaken::Nothing,
            (false, _) => Untaken::Unwritten { ticket: found.ticket() },
        })
    }

    /// What the oldest event waits for: its ticket, where it was claimed and is not written yet.
    pub(crate) fn unwritten(&self) -> Option<u64> {
        let found = self.front();
        match (self.count_written(found.ticket(), 1), self.why_nothing(found)) {
            (0, Some(Untaken::Unwritten { ticket })) => Some(ticket),
            _ => None,
        }
    }

    /// Shows every event that can be taken, oldest first. Consumers wait meanwhile; `look` must not use this ring.
    pub(crate) fn visit(&self, mut look: impl FnMut(Timestamp, &T)) {
        let seal = loop {
            let found = self.front();
            if self.front.0.cursor.swap_if(found, found.sealed()).is_ok() {
                break Seal { ring: self, found };
            }
        };
        let from = seal.found.ticket();
        for ticket in (0..self.count_written(from, self.capacity)).map(|at| after(from, at)) {
            let slot = self.slot(ticket);
            if slot.turn.load(Ordering::Acquire) == written(ticket) {
                let stamp = self.stamp(ticket);
                // SAFETY: written, and its turn acquired; nobody moves it out while `front` is sealed.
                slot.event.with(|event| look(stamp, unsafe { (*event).assume_init_ref() }));
            }
        }
    }

    /// What was stored last, in halves that belong together if the event was not taken meanwhile: whoever relies on it swaps
    /// `front` from where it was before.
    fn stamp(&self, ticket: u64) -> Timestamp {
        let [high, low] = self.slot(ticket).stamp.each_ref().map(|half| half.load(Ordering::Relaxed));
        Timestamp::from_u128(u128::from(high) << 64 | u128::from(low))
    }

    #[inline]
    fn slot(&self, ticket: u64) -> &Slot<T> {
        &self.slots[ticket as usize & (self.slots.len() - 1)]
    }
}

impl<T> Drop for SlotRing<T> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() {
            while let Ok(taken) = self.take(self.capacity, || false) {
                drop(taken);
            }
        }
    }
}

/// Lets consumers in again.
struct Seal<'a, T> {
    ring: &'a SlotRing<T>,
    found: Cursor,
}

impl<T> Drop for Seal<'_, T> {
    fn drop(&mut self) {
        self.ring.front.0.cursor.store(self.found);
    }
}

/// A place behind `back`, as it was found.
pub(crate) struct Spot<'a, T> {
    ring: &'a SlotRing<T>,
    found: Cursor,
    until: u64,
    /// Events inside with these, where it was counted; else zero.
    length: u64,
}

impl<'a, T> Spot<'a, T> {
    /// The stamp that `back` has.
    #[inline]
    pub(crate) const fn stamp(&self) -> u128 {
        self.found.stamp()
    }

    /// Makes it the caller's, and `stamp` that of `back`. `None`: somebody was faster.
    #[inline]
    pub(crate) fn claim(self, stamp: u128) -> Option<Claim<'a, T>> {
        let Self { ring, found, until, length } = self;
        let back = &ring.back.0;
        back.cursor.swap_if(found, Cursor::new(stamp, until)).ok()?;
        if until < found.ticket() {
            back.laps.fetch_add(1, Ordering::Release);
        }
        if length > 0 {
            let mut highest = back.high_water.load(Ordering::Relaxed);
            if length > highest {
                highest = back.high_water.fetch_max(length, Ordering::Relaxed).max(length);
            }
            // `length` was counted from a front that can only have moved on: still true, whoever stores last.
            back.room_until.store(after(until, highest - length), Ordering::Relaxed);
        }
        Some(Claim { ring, next: found.ticket(), until, stamp, is_filled: false })
    }
}

/// Tickets whose slots are the caller's to write, in order. Those that it leaves unwritten are passed over by consumers.
pub(crate) struct Claim<'a, T> {
    ring: &'a SlotRing<T>,
    next: u64,
    until: u64,
    stamp: u128,
    /// The next slot holds an event that is not handed on yet.
    is_filled: bool,
}

impl<T> Claim<'_, T> {
    /// Writes the next event and hands it on. Not more often than was claimed.
    #[inline]
    pub(crate) fn write(&mut self, stamp: Timestamp, event: T) {
        assert!(self.next != self.until, "more events than were claimed");
        let slot = self.ring.slot(self.next);
        failpoint::pass(Step::Claimed);
        store_stamp(slot, stamp);
        // SAFETY: this ticket was claimed and not written, so the slot is this producer's; it holds no event: `Spot` saw it free.
        slot.event.with_mut(|place| unsafe {
            (*place).write(event);
        });
        self.is_filled = true;
        failpoint::pass(Step::Written);
        // Release: what was written above is seen by whoever sees this.
        slot.turn.store(written(self.next), Ordering::Release);
        self.is_filled = false;
        self.next = after(self.next, 1);
        failpoint::pass(Step::Published);
    }
}

impl<T> Drop for Claim<'_, T> {
    #[inline]
    fn drop(&mut self) {
        while self.next != self.until {
            let slot = self.ring.slot(self.next);
            if std::mem::take(&mut self.is_filled) {
                // SAFETY: this producer wrote it and has not handed it on.
                slot.event.with_mut(|place| unsafe { (*place).assume_init_drop() });
            }
            store_stamp(slot, Timestamp::from_u128(self.stamp));
            slot.turn.store(abandoned(self.next), Ordering::Release);
            self.next = after(self.next, 1);
        }
    }
}

#[inline]
fn store_stamp<T>(slot: &Slot<T>, stamp: Timestamp) {
    slot.stamp[0].store((stamp.to_u128() >> 64) as u64, Ordering::Relaxed);
    slot.stamp[1].store(stamp.to_u128() as u64, Ordering::Relaxed);
}

/// Events that are the caller's. Those that it leaves are dropped.
pub(crate) struct Taken<'a, T> {
    ring: &'a SlotRing<T>,
    next: u64,
    until: u64,
    /// Tickets without an event that were passed over so far.
    pub(crate) abandoned: u64,
}

impl<T> Iterator for Taken<'_, T> {
    type Item = (Timestamp, T);

    #[inline]
    fn next(&mut self) -> Option<(Timestamp, T)> {
        while self.next != self.until {
            let (ticket, slot) = (self.next, self.ring.slot(self.next));
            let stamp = self.ring.stamp(ticket);
            // The turn was acquired before the ticket was taken; it is nobody else's to change since.
            let event = (slot.turn.load(Ordering::Relaxed) == written(ticket)).then(|| {
                // SAFETY: written, taken by this consumer, and moved out once, since `next` moves on below.
                slot.event.with(|event| unsafe { (*event).assume_init_read() })
            });
            self.next = after(ticket, 1);
            // Release: the event was moved out before the producer of the next lap sees this.
            slot.turn.store(free(after(ticket, self.ring.slots.len() as u64)), Ordering::Release);
            match event {
                Some(event) => return Some((stamp, event)),
                None => self.abandoned += 1,
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(distance(self.next, self.until) as usize))
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}
