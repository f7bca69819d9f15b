//! Taking events in.

use std::time::{Duration, Instant};

use super::bell::Sight;
use super::{EventBuffer, Order, Overflow, PushError, PushManyError, Refused};
use crate::failpoint::{self, Step};
use crate::layout::{MAX_BATCH, MAX_NODE};
use crate::slot_ring::{Claim, Spot, Unclaimed};
use crate::sync::Ordering;
use crate::{ClockError, Run, TimeSource, Timestamp};

/// How long a push under [`Overflow::Block`] waits.
#[derive(Clone, Copy)]
enum Patience {
    /// Not at all, and a full buffer is not counted: the caller tries again.
    None,
    Until(Instant),
    Endless,
}

/// What a clock has issued at once.
trait Issued {
    fn first(&self) -> Timestamp;
}

impl Issued for Timestamp {
    #[inline]
    fn first(&self) -> Timestamp {
        *self
    }
}

impl Issued for Run {
    fn first(&self) -> Timestamp {
        self.ends().map_or(Timestamp::MIN, |ends| ends.0)
    }
}

/// What was issued ahead, where nobody has overtaken it, or what is issued now.
#[inline]
fn issued<A: Issued, T>(
    ahead: Option<A>,
    spot: &Spot<'_, T>,
    ask: impl Fn() -> Result<A, ClockError>,
) -> Result<A, ClockError> {
    match ahead {
        Some(issued) if issued.first().without_node() > spot.stamp() => Ok(issued),
        _ => ask(),
    }
}

impl<T, S: TimeSource> EventBuffer<T, S> {
    /// Stamps an event with the clock and takes it in.
    ///
    /// # Errors
    ///
    /// [`PushError`] with the event: [`Refused::Full`] where there is no room, [`Refused::Closed`], [`Refused::Clock`],
    /// [`Refused::ClockReset`].
    #[inline]
    pub fn push(&self, event: T) -> Result<Timestamp, PushError<T>> {
        self.push_patiently(event, Patience::Endless)
    }

    /// As [`push`](Self::push), but waits no longer than `timeout` under [`Overflow::Block`]; [`Refused::Full`] then.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_timeout(&self, event: T, timeout: Duration) -> Result<Timestamp, PushError<T>> {
        let patience = Instant::now().checked_add(timeout).map_or(Patience::Endless, Patience::Until);
        self.push_patiently(event, patience)
    }

    #[inline]
    fn push_patiently(&self, event: T, patience: Patience) -> Result<Timestamp, PushError<T>> {
        match self.claim_stamped(patience, |_| ()) {
            Ok((claim, stamp)) => {
                self.hand_on(claim, stamp, event);
                Ok(stamp)
            }
            Err(why) => Err(PushError { event, why: self.refused(why, 1, patience) }),
        }
    }

    /// Takes in what `make` makes of the event's timestamp, without waiting: under [`Overflow::Block`] a full buffer is
    /// [`Refused::Full`] and not counted. `make` runs before a place is claimed, and again where another producer was faster: it
    /// holds nobody up, and may unwind or come back here.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), without what was made.
    #[inline]
    pub fn try_push_with(&self, mut make: impl FnMut(Timestamp) -> T) -> Result<Timestamp, Refused> {
        let mut event = None;
        match self.claim_stamped(Patience::None, |stamp| event = Some(make(stamp))) {
            Ok((claim, stamp)) => {
                if let Some(event) = event {
                    self.hand_on(claim, stamp, event);
                }
                Ok(stamp)
            }
            Err(why) => Err(self.refused(why, 1, Patience::None)),
        }
    }

    /// Takes an event in under a timestamp from elsewhere. Order then holds within a batch only, and there is a watermark only
    /// where the buffer was given a `max_delay_us`.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`Refused::Late`] for a timestamp that a watermark has passed, [`Refused::Ordered`] where the
    /// buffer has stamped events or shown a watermark without a `max_delay_us`.
    pub fn push_at(&self, timestamp: Timestamp, event: T) -> Result<(), PushError<T>> {
        self.push_given(timestamp, event, Patience::Endless)
    }

    /// As [`push_at`](Self::push_at) without waiting: see [`try_push_with`](Self::try_push_with).
    ///
    /// # Errors
    ///
    /// As [`push_at`](Self::push_at).
    pub fn try_push_at(&self, timestamp: Timestamp, event: T) -> Result<(), PushError<T>> {
        self.push_given(timestamp, event, Patience::None)
    }

    fn push_given(&self, timestamp: Timestamp, event: T, patience: Patience) -> Result<(), PushError<T>> {
        match self.claim_given(timestamp, patience) {
            Ok(claim) => {
                self.hand_on(claim, timestamp, event);
                Ok(())
            }
            Err(why) => Err(PushError { event, why: self.refused(why, 1, patience) }),
        }
    }

    /// Stamps events in their order, no other thread's between those that fit at once, and takes them in.
    ///
    /// # Errors
    ///
    /// [`PushManyError`] with the events that were not taken in; else as [`push`](Self::push).
    pub fn push_many(&self, events: Vec<T>) -> Result<(), PushManyError<T>> {
        let count = events.len();
        let mut events = events.into_iter();
        let mut left = count;
        while left > 0 {
            match self.claim_run(left, Patience::Endless, |_| ()) {
                Ok((claim, run, ())) => {
                    left -= run.len();
                    self.hand_on_many(claim, run, events.by_ref());
                }
                Err(why) => {
                    let why = self.refused(why, left, Patience::Endless);
                    return Err(PushManyError { pushed: count - left, events: events.collect(), why });
                }
            }
        }
        Ok(())
    }

    /// Takes in `count` events as [`try_push_with`](Self::try_push_with) does: `make` is given how many are in already, and the
    /// timestamps of as many as fit at once, and returns those events. Missing ones are passed over and count as dropped.
    ///
    /// # Errors
    ///
    /// How many were taken in, and why the others were not: as [`push`](Self::push).
    pub fn try_push_many_with(
        &self,
        count: usize,
        mut make: impl FnMut(usize, Run) -> Vec<T>,
    ) -> Result<(), (usize, Refused)> {
        let mut pushed = 0;
        while pushed < count {
            match self.claim_run(count - pushed, Patience::None, |run| make(pushed, run)) {
                Ok((claim, run, events)) => {
                    pushed += run.len();
                    self.hand_on_many(claim, run, events.into_iter());
                }
                Err(why) => return Err((pushed, self.refused(why, count - pushed, Patience::None))),
            }
        }
        Ok(())
    }

    /// Places for as many of `left` events as fit at once, at least one, with their timestamps and what `prepare` made of them.
    fn claim_run<R>(
        &self,
        left: usize,
        patience: Patience,
        mut prepare: impl FnMut(Run) -> R,
    ) -> Result<(Claim<'_, T>, Run, R), Refused> {
        let order = self.settle(Order::Stamped);
        let mut ahead = None;
        loop {
            let room = match self.overflow {
                Overflow::DropOldest => self.ring.capacity(),
                Overflow::Reject | Overflow::Block => self.ring.room().max(1),
            };
            let count = (left as u64).min(room).min(MAX_BATCH as u64);
            let ask = || self.clock.now_many(count as usize);
            let Some(spot) = self.spot(count, patience, &mut ahead, ask)? else { continue };
            let run = issued(ahead.take(), &spot, ask)?;
            let Some((first, last)) = run.ends() else { continue };
            let prepared = prepare(run.clone());
            failpoint::pass(Step::Stamped);
            if let Some(claim) = self.claim(spot, first, last, order)? {
                return Ok((claim, run, prepared));
            }
        }
    }

    /// Counts events that a caller of the `try_` methods does not try again under [`Overflow::Block`].
    pub fn give_up(&self, count: u64) {
        self.account.0.rejected.fetch_add(count, Ordering::Relaxed);
    }

    #[inline]
    fn hand_on(&self, claim: Claim<'_, T>, stamp: Timestamp, event: T) {
        let _ringing = self.items.ring_after(false);
        let mut claim = claim; // goes first
        claim.write(stamp, event);
    }

    fn hand_on_many(&self, claim: Claim<'_, T>, run: Run, events: impl Iterator<Item = T>) {
        let _ringing = self.items.ring_after(true);
        let mut claim = claim; // goes first
        for (stamp, event) in run.zip(events) {
            claim.write(stamp, event);
        }
    }

    /// A place for one event, and its timestamp, which `prepare` sees before each try.
    #[inline]
    fn claim_stamped(
        &self,
        patience: Patience,
        mut prepare: impl FnMut(Timestamp),
    ) -> Result<(Claim<'_, T>, Timestamp), Refused> {
        let order = self.settle(Order::Stamped);
        let mut ahead = None;
        loop {
            // Looked up before the clock is: a stamp that does not follow this one was not overtaken, the clock went back.
            let ask = || self.clock.now();
            let Some(spot) = self.spot(1, patience, &mut ahead, ask)? else { continue };
            let stamp = issued(ahead.take(), &spot, ask)?;
            prepare(stamp);
            failpoint::pass(Step::Stamped);
            if let Some(claim) = self.claim(spot, stamp, stamp, order)? {
                return Ok((claim, stamp));
            }
        }
    }

    /// Claims the spot for stamps from `first` to `last`; `None` where another producer was faster.
    #[inline]
    fn claim<'a>(
        &self,
        spot: Spot<'a, T>,
        first: Timestamp,
        last: Timestamp,
        order: Order,
    ) -> Result<Option<Claim<'a, T>>, Refused> {
        let bound = spot.stamp();
        self.check_follows(first, bound)?;
        Ok(spot.claim(if order == Order::Given { bound } else { last.without_node() }))
    }

    /// Whether the clock goes on above the last stamp in this buffer, which was looked up before it was asked.
    #[inline]
    fn check_follows(&self, timestamp: Timestamp, bound: u128) -> Result<(), Refused> {
        if timestamp.without_node() > bound {
            return Ok(());
        }
        Err(Refused::ClockReset { timestamp, last: Timestamp::from_u128(bound).with_node(self.clock.node()) })
    }

    /// A place for an event whose timestamp was given.
    fn claim_given(&self, timestamp: Timestamp, patience: Patience) -> Result<Claim<'_, T>, Refused> {
        if self.settle(Order::Given) == Order::Stamped {
            return Err(Refused::Ordered);
        }
        let refuse_late = |bound: u128| {
            let watermark = Timestamp::from_u128(bound).with_node(MAX_NODE);
            let is_late = bound > 0 && timestamp.without_node() <= bound;
            if is_late { Err(Refused::Late { timestamp, watermark }) } else { Ok(()) }
        };
        loop {
            match self.ring.spot(1) {
                Ok(spot) => {
                    let bound = spot.stamp();
                    refuse_late(bound)?;
                    failpoint::pass(Step::Stamped);
                    if let Some(claim) = spot.claim(bound) {
                        return Ok(claim);
                    }
                }
                Err(Unclaimed::Closed) => return Err(Refused::Closed),
                Err(Unclaimed::Full { oldest, stamp }) => {
                    refuse_late(stamp)?; // nothing is dropped for one that does not come in
                    self.make_room(oldest, 1, patience)?;
                }
            }
        }
    }

    /// A place for `count` events, made as the overflow policy says; `None`: something has changed, try again. Nothing is dropped for
    /// events that then do not come in: before the first one is, the clock is asked, and `ahead` has its answer.
    #[inline]
    fn spot<A: Issued>(
        &self,
        count: u64,
        patience: Patience,
        ahead: &mut Option<A>,
        ask: impl Fn() -> Result<A, ClockError>,
    ) -> Result<Option<Spot<'_, T>>, Refused> {
        match self.ring.spot(count) {
            Ok(spot) => Ok(Some(spot)),
            Err(Unclaimed::Closed) => Err(Refused::Closed),
            Err(Unclaimed::Full { oldest, stamp }) => {
                if self.overflow == Overflow::DropOldest && ahead.is_none() {
                    let issued = ask()?;
                    self.check_follows(issued.first(), stamp)?;
                    *ahead = Some(issued);
                }
                self.make_room(oldest, count, patience).map(|()| None)
            }
        }
    }

    #[cold]
    fn make_room(&self, oldest: u64, count: u64, patience: Patience) -> Result<(), Refused> {
        let full = |unwritten| Err(Refused::Full { capacity: self.capacity(), unwritten });
        match (self.overflow, patience) {
            (Overflow::DropOldest, _) => match self.ring.take_if(oldest, || self.is_ordered()) {
                Ok(taken) => {
                    self.account.0.dropped.fetch_add(1, Ordering::Relaxed);
                    drop(taken);
                    Ok(())
                }
                Err(_) if self.ring.unwritten() == Some(oldest) => full(true),
                Err(_) => Ok(()), // taken by somebody else
            },
            // There was room when they were counted.
            _ if count > 1 => Ok(()),
            (Overflow::Reject, _) | (Overflow::Block, Patience::None) => full(false),
            (Overflow::Block, Patience::Until(deadline)) if Instant::now() >= deadline => full(false),
            (Overflow::Block, Patience::Until(deadline)) => {
                self.room.wait(Some(deadline), || self.sight_of_room());
                Ok(())
            }
            (Overflow::Block, Patience::Endless) => {
                self.room.wait(None, || self.sight_of_room());
                Ok(())
            }
        }
    }

    fn sight_of_room(&self) -> Sight {
        if self.ring.room() > 0 || self.is_closed() { Sight::There } else { Sight::Nothing }
    }

    /// Counts what was refused for good.
    #[cold]
    fn refused(&self, why: Refused, count: usize, patience: Patience) -> Refused {
        let comes_again = self.overflow == Overflow::Block && matches!(patience, Patience::None);
        if !(comes_again && matches!(why, Refused::Full { .. })) {
            self.account.0.rejected.fetch_add(count as u64, Ordering::Relaxed);
        }
        why
    }
}
