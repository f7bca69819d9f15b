//! [`Cursor`]: a stamp and a ticket, which change together; and the word that holds one.
//!
//! A ticket is the number of an event, counted from zero and modulo 2⁴⁸; the stamp is a timestamp without its node. Together
//! they fill one 128-bit word: it is a timestamp with the ticket where the node was.
//!
//! Under the model checker, which has no such word, the stamp is cut to 40 bits and the ticket to 24. Nothing else differs.

use crate::Timestamp;
use crate::layout::{NODE_BITS, NODE_MASK};
use crate::sync::Ordering;

#[cfg(loom)]
const TICKET_BITS: u32 = 24;
#[cfg(not(loom))]
const TICKET_BITS: u32 = NODE_BITS;

const TICKETS: u64 = 1 << TICKET_BITS;

/// How many tickets lie from `from` up to `to`, which is not more than half of all of them ahead.
#[inline]
pub(crate) const fn distance(from: u64, to: u64) -> u64 {
    to.wrapping_sub(from) & (TICKETS - 1)
}

/// Whether `ticket` is `other` or comes after it.
#[inline]
pub(crate) const fn reached(ticket: u64, other: u64) -> bool {
    distance(other, ticket) < TICKETS / 2
}

/// The ticket `count` after this one.
#[inline]
pub(crate) const fn after(ticket: u64, count: u64) -> u64 {
    ticket.wrapping_add(count) & (TICKETS - 1)
}

/// How many tickets there are before they start over, for totals.
pub(crate) const fn lap() -> u64 {
    TICKETS
}

/// A stamp and a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor(u128);

impl Cursor {
    /// The stamp that no clock issues: whoever finds it may not move this cursor.
    const SEAL: u128 = !NODE_MASK;

    /// `stamp` has no node: [`Timestamp::without_node`].
    #[inline]
    pub(crate) const fn new(stamp: u128, ticket: u64) -> Self {
        Self(stamp | ticket as u128)
    }

    /// Sealed at this ticket.
    pub(crate) const fn sealed(self) -> Self {
        Self(Self::SEAL | self.0 & NODE_MASK)
    }

    #[inline]
    pub(crate) const fn is_sealed(self) -> bool {
        self.0 >= Self::SEAL
    }

    #[inline]
    pub(crate) const fn ticket(self) -> u64 {
        (self.0 & NODE_MASK) as u64
    }

    /// The stamp, in the place where a timestamp has it.
    #[inline]
    pub(crate) const fn stamp(self) -> u128 {
        self.0 & !NODE_MASK
    }

    /// The stamp as a timestamp of this node.
    pub(crate) const fn timestamp(self, node: u64) -> Timestamp {
        Timestamp::from_u128(self.stamp()).with_node(node)
    }
}

/// A cursor that threads move by compare-and-swap. All operations are sequentially consistent: what a thread that falls
/// asleep and one that wakes it rely on (see `event_buffer::bell`).
#[derive(Debug)]
pub(crate) struct CursorWord(Inner);

#[cfg(not(loom))]
type Inner = portable_atomic::AtomicU128;
#[cfg(loom)]
type Inner = crate::sync::AtomicU64;

impl CursorWord {
    pub(crate) fn new(cursor: Cursor) -> Self {
        let word = Self(Inner::new(pack(cursor)));
        // To the model checker a first value is not sequentially consistent, and may be found after it was replaced.
        #[cfg(loom)]
        word.store(cursor);
        word
    }

    #[inline]
    pub(crate) fn load(&self) -> Cursor {
        unpack(self.0.load(Ordering::SeqCst))
    }

    /// Replaces `found` by `new`, or says what is there instead.
    #[inline]
    pub(crate) fn swap_if(&self, found: Cursor, new: Cursor) -> Result<(), Cursor> {
        self.0
            .compare_exchange(pack(found), pack(new), Ordering::SeqCst, Ordering::SeqCst)
            .map_or_else(|other| Err(unpack(other)), |_| Ok(()))
    }

    /// For whoever has sealed it and is the only one who may move it.
    pub(crate) fn store(&self, cursor: Cursor) {
        self.0.store(pack(cursor), Ordering::SeqCst);
    }
}

#[cfg(not(loom))]
#[inline]
const fn pack(cursor: Cursor) -> u128 {
    cursor.0
}

#[cfg(not(loom))]
#[inline]
const fn unpack(word: u128) -> Cursor {
    Cursor(word)
}

#[cfg(loom)]
fn pack(cursor: Cursor) -> u64 {
    let stamp = (cursor.0 >> NODE_BITS) as u64;
    assert!(cursor.is_sealed() || stamp < (1 << 40) - 1, "the model's stamps have 40 bits");
    stamp << TICKET_BITS | cursor.ticket()
}

#[cfg(loom)]
fn unpack(word: u64) -> Cursor {
    let (stamp, ticket) = (word >> TICKET_BITS, word & (TICKETS - 1));
    let cursor = Cursor::new(u128::from(stamp) << NODE_BITS, ticket);
    if stamp == (1 << 40) - 1 { cursor.sealed() } else { cursor }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// The seal is above every stamp that a clock issues, and keeps the ticket.
    #[test]
    fn the_seal_keeps_the_ticket() {
        let highest = Timestamp::from_parts(crate::layout::HORIZON, u16::MAX, 0, u16::MAX);
        let cursor = Cursor::new(highest.without_node(), 7);
        assert!(!cursor.is_sealed());
        assert!(cursor.sealed().is_sealed());
        assert_eq!(cursor.sealed().ticket(), 7);
    }

    /// Tickets compare across their end.
    #[test]
    fn tickets_start_over() {
        let last = TICKETS - 1;
        assert_eq!(after(last, 1), 0);
        assert_eq!(distance(last, 1), 2);
        assert!(reached(0, last) && !reached(last, 0) && reached(5, 5));
    }
}
