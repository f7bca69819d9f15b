//! What is called: the buffer, and a queue behind a lock that makes mistakes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use flocktime_core::{Empty, EventBuffer, Refused, SourceFailed, TimeSource, Timestamp};

use crate::spec::{Answer, Op};

pub(crate) trait Queue: Sync {
    fn call(&self, op: &Op) -> Answer;
}

/// A clock on this counts within one microsecond. Every other reading gives the processor away: a push and a watermark read in
/// the middle, between their look and their swap.
#[derive(Default)]
pub(crate) struct Still(AtomicU64);

impl TimeSource for Still {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        if self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            thread::yield_now();
        }
        Ok(1_000_000_000)
    }

    fn monotonic_ns(&self) -> u64 {
        0
    }
}

impl Queue for EventBuffer<u32, Still> {
    fn call(&self, op: &Op) -> Answer {
        match *op {
            Op::Push(value) => match self.push(value).map_err(|error| error.why) {
                Ok(stamp) => Answer::Pushed(stamp.to_u128()),
                Err(Refused::Full { .. }) => Answer::Full,
                Err(Refused::Closed) => Answer::Closed,
                Err(why) => Answer::Refused(why),
            },
            Op::Pop => match self.try_pop() {
                Ok((stamp, value)) => Answer::Popped(stamp.to_u128(), value),
                Err(Empty::Nothing) => Answer::Empty,
                Err(Empty::Unwritten { ticket }) => Answer::NotReady { ticket },
                Err(Empty::Closed) => Answer::Closed,
            },
            Op::Drain(most) => {
                Answer::Drained(self.drain(most).into_iter().map(|(stamp, value)| (stamp.to_u128(), value)).collect())
            }
            Op::Watermark => match self.watermark().unwrap().expect("a buffer that stamps has one") {
                Timestamp::MAX => Answer::PromisedAll,
                stamp => Answer::Promised(stamp.to_u128()),
            },
            Op::Close => {
                self.close();
                Answer::Done
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// Nothing is wrong.
    None,
    /// The stamp is taken before the lock is.
    StampFirst,
    /// The newest event comes out.
    Newest,
    /// Two consumers may see the same event.
    Twice,
    /// A push that found the queue open does not look again.
    CloseLate,
    /// A watermark is the time, whatever comes after.
    Promise,
}

impl Mistake {
    pub(crate) const ALL: [Self; 5] = [Self::StampFirst, Self::Newest, Self::Twice, Self::CloseLate, Self::Promise];
}

/// A queue behind a lock, with a mistake of choice.
pub(crate) struct Mistaken {
    capacity: usize,
    mistake: Mistake,
    clock: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: VecDeque<(u128, u32)>,
    /// The last watermark, or the last event that was taken.
    passed: u128,
    is_closed: bool,
}

impl Mistaken {
    pub(crate) fn new(capacity: usize, mistake: Mistake) -> Self {
        Self { capacity, mistake, clock: AtomicU64::new(0), state: Mutex::default() }
    }

    fn now(&self) -> u128 {
        u128::from(1 + self.clock.fetch_add(1, Ordering::SeqCst))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Gives another thread the time that the mistake needs.
    fn dawdle(&self, mistake: Mistake) -> bool {
        let is_it = self.mistake == mistake;
        if is_it {
            thread::yield_now();
        }
        is_it
    }

    fn push(&self, value: u32) -> Answer {
        let early = self.now();
        let was_open = !self.lock().is_closed;
        let (is_early, is_late) = (self.dawdle(Mistake::StampFirst), self.dawdle(Mistake::CloseLate));
        let mut state = self.lock();
        if state.is_closed && !(is_late && was_open) {
            return Answer::Closed;
        }
        if state.events.len() == self.capacity {
            return Answer::Full;
        }
        let stamp = if is_early { early } else { self.now() };
        state.events.push_back((stamp, value));
        Answer::Pushed(stamp)
    }

    fn pop(&self) -> Answer {
        let seen = self.lock().events.front().copied();
        let is_twice = self.dawdle(Mistake::Twice);
        let mut state = self.lock();
        let event = if self.mistake == Mistake::Newest { state.events.pop_back() } else { state.events.pop_front() };
        let event = if is_twice && seen.is_some() { seen } else { event };
        match event {
            Some((stamp, value)) => {
                state.passed = state.passed.max(stamp);
                Answer::Popped(stamp, value)
            }
            None if state.is_closed => Answer::Closed,
            None => Answer::Empty,
        }
    }
}

impl Queue for Mistaken {
    fn call(&self, op: &Op) -> Answer {
        match *op {
            Op::Push(value) => self.push(value),
            Op::Pop => self.pop(),
            Op::Drain(most) => {
                let mut state = self.lock();
                let count = most.min(state.events.len());
                let batch: Vec<_> = state.events.drain(..count).collect();
                state.passed = batch.last().map_or(state.passed, |&(stamp, _)| state.passed.max(stamp));
                Answer::Drained(batch)
            }
            Op::Watermark => {
                let mut state = self.lock();
                match (state.events.is_empty(), state.is_closed) {
                    (true, true) => return Answer::PromisedAll,
                    (false, _) if self.mistake != Mistake::Promise => (),
                    _ => state.passed = self.now(),
                }
                Answer::Promised(state.passed)
            }
            Op::Close => {
                self.lock().is_closed = true;
                Answer::Done
            }
        }
    }
}
