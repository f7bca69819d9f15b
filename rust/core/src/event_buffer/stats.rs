//! What went in and what came out.

use super::EventBuffer;
use crate::TimeSource;
use crate::sync::Ordering;

/// A buffer's account: `pushed == drained + dropped + rejected + inside`, whenever nobody is in the middle of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferStats {
    /// Events that somebody tried to push.
    pub pushed: u64,
    /// Events that consumers have taken out.
    pub drained: u64,
    /// Events that were inside and left without a consumer: the oldest ones under `DropOldest`, and those whose producer was
    /// unwound while it wrote them.
    pub dropped: u64,
    /// Events that were refused.
    pub rejected: u64,
    /// Events that are inside, claimed ones included.
    pub inside: u64,
    /// The most that were inside at once.
    pub high_water: u64,
    /// The most that may be.
    pub capacity: u64,
    /// The number of the event that consumers wait for, where one was claimed and is not written yet.
    pub unwritten: Option<u64>,
    /// Nothing is taken in any more.
    pub closed: bool,
}

impl<T, S: TimeSource> EventBuffer<T, S> {
    /// The account so far. While others push and take, its numbers are of slightly different moments.
    pub fn stats(&self) -> BufferStats {
        let rejected = self.account.0.rejected.load(Ordering::Relaxed);
        let dropped = self.account.0.dropped.load(Ordering::Relaxed);
        let (claimed, taken) = self.ring.totals();
        BufferStats {
            pushed: claimed + rejected,
            drained: taken.saturating_sub(dropped),
            dropped,
            rejected,
            inside: claimed.saturating_sub(taken),
            high_water: self.ring.high_water(),
            capacity: self.ring.capacity(),
            unwritten: self.ring.unwritten(),
            closed: self.is_closed(),
        }
    }
}
