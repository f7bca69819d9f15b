//! The sequential queue, and the search for an order of calls that it agrees with.

use std::collections::VecDeque;

use flocktime_core::Refused;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use crate::history::Call;

/// What a thread calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Push(u32),
    Pop,
    /// Up to so many.
    Drain(usize),
    Watermark,
    Close,
}

/// What it is told. Stamps are numbers here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Pushed(u128),
    Full,
    /// For a reason that there is not.
    Refused(Refused),
    /// Of a push: nothing is taken in any more. Of a pop: and nothing is inside.
    Closed,
    Popped(u128, u32),
    Empty,
    /// There is an event, and its producer is still in its push. Whether that is so is seen from the push.
    NotReady {
        ticket: u64,
    },
    Drained(Vec<(u128, u32)>),
    /// An empty batch beside a push, which may have claimed its place and not written the event.
    NothingYet,
    Promised(u128),
    /// The watermark of a closed, empty queue.
    PromisedAll,
    Done,
}

/// A bounded queue in the order of stamps, one call at a time.
#[derive(Clone, Debug)]
struct Spec {
    capacity: usize,
    events: VecDeque<(u128, u32)>,
    /// What every later event is stamped above.
    last: u128,
    /// The last watermark, or the last event that was taken.
    passed: u128,
    is_closed: bool,
}

impl Spec {
    /// Takes these out, if they are the oldest.
    fn take(&mut self, events: &[(u128, u32)]) -> bool {
        let are_oldest =
            events.len() <= self.events.len() && self.events.iter().zip(events).all(|(one, other)| one == other);
        if let (true, Some(&(stamp, _))) = (are_oldest, events.last()) {
            self.events.drain(..events.len());
            self.passed = self.passed.max(stamp);
        }
        are_oldest
    }

    fn is_full(&self) -> bool {
        self.events.len() == self.capacity
    }
}

impl SequentialSpec for Spec {
    type Op = Op;
    type Ret = Answer;

    fn invoke(&mut self, _: &Op) -> Answer {
        unreachable!("every call of a history has returned")
    }

    fn is_valid_step(&mut self, op: &Op, answer: &Answer) -> bool {
        match (op, answer) {
            (Op::Push(value), &Answer::Pushed(stamp)) => {
                let is_valid = !self.is_closed && !self.is_full() && stamp > self.last;
                self.events.push_back((stamp, *value));
                self.last = stamp;
                is_valid
            }
            (Op::Push(_), Answer::Full) => !self.is_closed && self.is_full(),
            (Op::Push(_), Answer::Closed) => self.is_closed,
            (Op::Pop, &Answer::Popped(stamp, value)) => self.take(&[(stamp, value)]),
            (Op::Pop, Answer::Empty) => !self.is_closed && self.events.is_empty(),
            (Op::Pop, Answer::Closed) | (Op::Watermark, Answer::PromisedAll) => {
                self.is_closed && self.events.is_empty()
            }
            (Op::Pop, Answer::NotReady { .. }) => !self.events.is_empty(),
            // A batch may stop short of an event that came while it was counted, but not before the first.
            (Op::Drain(most), Answer::Drained(batch)) => {
                batch.len() <= *most && if batch.is_empty() { self.events.is_empty() } else { self.take(batch) }
            }
            (Op::Drain(_), Answer::NothingYet) => true,
            (Op::Watermark, &Answer::Promised(stamp)) => {
                let is_valid = stamp >= self.passed && self.events.iter().all(|&(inside, _)| inside > stamp);
                self.passed = stamp;
                self.last = self.last.max(stamp);
                is_valid
            }
            (Op::Close, Answer::Done) => {
                self.is_closed = true;
                true
            }
            _ => false,
        }
    }
}

/// Whether there is an order of these calls, one after the other, that the queue agrees with and in which no call comes before
/// another one that had returned when it began.
pub(crate) fn is_linearizable(history: &[Call], capacity: usize) -> bool {
    if !history.iter().all(|call| is_excused(call, history)) {
        return false;
    }
    let spec = Spec { capacity, events: VecDeque::new(), last: 0, passed: 0, is_closed: false };
    let mut tester = LinearizabilityTester::new(spec);
    let mut moments: Vec<_> =
        history.iter().flat_map(|call| [(call.from, true, call), (call.to, false, call)]).collect();
    moments.sort_unstable_by_key(|&(when, ..)| when);
    for (_, is_begin, call) in moments {
        let noted = if is_begin {
            tester.on_invoke(call.thread, call.op.clone())
        } else {
            tester.on_return(call.thread, call.answer.clone())
        };
        noted.expect("one call at a time");
    }
    tester.is_consistent()
}

/// "Not ready" is an answer only while the event of that ticket is being pushed.
fn is_excused(call: &Call, history: &[Call]) -> bool {
    let Answer::NotReady { ticket } = call.answer else { return true };
    let stamp_of = |call: &Call| if let Answer::Pushed(stamp) = call.answer { Some(stamp) } else { None };
    let mut pushes: Vec<_> = history.iter().filter(|call| stamp_of(call).is_some()).collect();
    pushes.sort_unstable_by_key(|push| stamp_of(push));
    pushes.get(ticket as usize).is_some_and(|push| push.overlaps(call))
}
