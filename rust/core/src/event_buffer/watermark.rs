//! How far the stream is complete.

use super::{EventBuffer, Order, Refused};
use crate::cursor::{Cursor, distance};
use crate::layout::{MAX_NODE, UNIT};
use crate::{TimeSource, Timestamp};

impl<T, S: TimeSource> EventBuffer<T, S> {
    /// No event that is taken out later is stamped at or below this. It never goes back. `None`: nothing can be promised,
    /// because timestamps are given and there is no `max_delay_us`. Of a closed buffer with nothing inside it is
    /// [`Timestamp::MAX`].
    ///
    /// Where the buffer stamps, it is the last event that was taken out; of an empty buffer it is the time: asking raises the
    /// stamp that later events follow, in one swap with the proof that none is inside. Where timestamps are given it trails the
    /// clock by `max_delay_us`, and by the events that were inside when that was last asked.
    ///
    /// # Errors
    ///
    /// [`Refused::Clock`] or [`Refused::ClockReset`] from an empty buffer.
    pub fn watermark(&self) -> Result<Option<Timestamp>, Refused> {
        if self.ring.back().is_sealed() && self.ring.length() == 0 {
            return Ok(Some(Timestamp::MAX));
        }
        match self.settle(Order::Stamped) {
            Order::Given => self.max_delay_us.map_or(Ok(None), |delay| self.trailing(delay)),
            Order::Stamped | Order::Open => self.idle().map(Some),
        }
    }

    /// Of a buffer that stamps.
    fn idle(&self) -> Result<Timestamp, Refused> {
        loop {
            let back = self.ring.back();
            let front = self.ring.front();
            if back.ticket() != front.ticket() || back.is_sealed() {
                return Ok(front.timestamp(self.node));
            }
            let stamp = self.clock.now()?;
            if stamp.without_node() <= back.stamp() {
                let last = back.timestamp(self.clock.node());
                return Err(Refused::ClockReset { timestamp: stamp, last });
            }
            if self.ring.raise_back(back, stamp.without_node()) {
                self.ring.raise_front(stamp.without_node());
                return Ok(stamp.with_node(self.node));
            }
        }
    }

    /// Of a buffer whose timestamps are given. `back`'s stamp is a bound for all events from now on; once those that were
    /// inside when it was raised are out, it is a watermark.
    fn trailing(&self, delay_us: u64) -> Result<Option<Timestamp>, Refused> {
        let mark = self.mark.load();
        if self.is_behind(mark) {
            self.ring.raise_front(mark.stamp());
            let now = self.clock.now()?;
            let bound = now.at(now.physical_us().saturating_sub(delay_us)).without_node().saturating_sub(UNIT);
            if let Some(next) = self.raise_bound(bound) {
                // Where another thread was faster, its mark is as good.
                if self.mark.swap_if(mark, next).is_ok() && self.is_behind(next) {
                    self.ring.raise_front(next.stamp());
                }
            }
        }
        let shown = self.ring.front().stamp();
        Ok((shown > 0).then(|| Timestamp::from_u128(shown).with_node(MAX_NODE)))
    }

    /// Whether all events before this mark are out. One that is not lies ahead by as much as fits at most.
    fn is_behind(&self, mark: Cursor) -> bool {
        let left = distance(self.ring.front().ticket(), mark.ticket());
        left == 0 || left > self.ring.capacity()
    }

    /// Raises the bound for later events to at least `bound`; `None` of a closed buffer.
    fn raise_bound(&self, bound: u128) -> Option<Cursor> {
        loop {
            let back = self.ring.back();
            if back.is_sealed() {
                return None;
            }
            let raised = Cursor::new(bound.max(back.stamp()), back.ticket());
            if raised == back || self.ring.raise_back(back, raised.stamp()) {
                return Some(raised);
            }
        }
    }
}
