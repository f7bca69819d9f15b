//! Taking events out.

use std::time::{Duration, Instant};

use super::bell::Sight;
use super::{Empty, EventBuffer, NoMemory, Order};
use crate::slot_ring::{Taken, Untaken};
use crate::sync::Ordering;
use crate::{TimeSource, Timestamp};

impl<T, S: TimeSource> EventBuffer<T, S> {
    /// The oldest event, without waiting.
    ///
    /// # Errors
    ///
    /// [`Empty`], and what it waits for.
    pub fn try_pop(&self) -> Result<(Timestamp, T), Empty> {
        loop {
            let mut taken = self.take(1)?;
            let event = taken.next();
            self.taken(taken);
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// The oldest event; waits until there is one, at most for `timeout`.
    ///
    /// # Errors
    ///
    /// [`Empty::Closed`], or the others when the time is over.
    pub fn pop(&self, timeout: Option<Duration>) -> Result<(Timestamp, T), Empty> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match self.try_pop() {
                Err(empty @ (Empty::Nothing | Empty::Unwritten { .. })) => {
                    if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                        return Err(empty);
                    }
                }
                done => return done,
            }
            self.items.wait(deadline, || self.sight());
        }
    }

    /// Up to `most` events, all that can be taken at once; none is no error. In the order of their timestamps, by which batches
    /// follow each other too where the buffer stamps.
    ///
    /// # Panics
    ///
    /// There is no memory for them; they stay inside.
    pub fn drain(&self, most: usize) -> Vec<(Timestamp, T)> {
        self.try_drain(most, |_| Ok(())).unwrap_or_else(|NoMemory { events }| panic!("no memory for {events} events"))
    }

    /// As [`drain`](Self::drain), for callers who have to go on where memory is short: nothing is taken before there is a place for it.
    /// `prepare` is told how many will be taken at most, once or more often; the last time counts.
    ///
    /// # Errors
    ///
    /// [`NoMemory`], also where `prepare` says so. All events are inside then.
    pub fn try_drain(
        &self,
        most: usize,
        mut prepare: impl FnMut(usize) -> Result<(), NoMemory>,
    ) -> Result<Vec<(Timestamp, T)>, NoMemory> {
        let mut events = Vec::new();
        // Once, but where all of them were given up by unwound producers.
        while events.is_empty() {
            let taken = self.ring.take_any(
                most as u64,
                || self.is_ordered(),
                |count| {
                    events.try_reserve_exact(count).map_err(|_| NoMemory { events: count })?;
                    prepare(count)
                },
            )?;
            let Some(mut taken) = taken else { break };
            events.extend(taken.by_ref());
            self.taken(taken);
        }
        if !self.is_ordered() {
            events.sort_by_key(|&(stamp, _)| stamp);
        }
        Ok(events)
    }

    /// Shows every event that could be taken out now, oldest first, and leaves it inside. Consumers wait meanwhile; `look` must
    /// not use this buffer.
    pub fn visit(&self, look: impl FnMut(Timestamp, &T)) {
        self.ring.visit(look);
    }

    fn take(&self, most: u64) -> Result<Taken<'_, T>, Empty> {
        self.ring.take(most, || self.is_ordered()).map_err(|why| match why {
            Untaken::Nothing => Empty::Nothing,
            Untaken::Unwritten { ticket } => Empty::Unwritten { ticket },
            Untaken::Closed => Empty::Closed,
        })
    }

    /// Counts what was passed over, and tells those who wait for room.
    fn taken(&self, taken: Taken<'_, T>) {
        let abandoned = taken.abandoned;
        drop(taken);
        if abandoned > 0 {
            self.account.0.dropped.fetch_add(abandoned, Ordering::Relaxed);
        }
        self.room.ring(true);
    }

    /// Whether the order of tickets is that of stamps. Asked after an event was seen, whose producer had settled it.
    pub(super) fn is_ordered(&self) -> bool {
        self.order() == Order::Stamped
    }

    /// Judged by the cursors: between the two looks an event may have been written by somebody who saw nobody waiting.
    fn sight(&self) -> Sight {
        match (self.ring.can_take(), self.ring.length() > 0, self.is_closed()) {
            (true, ..) | (false, false, true) => Sight::There,
            (false, true, _) => Sight::Soon,
            (false, false, false) => Sight::Nothing,
        }
    }
}
