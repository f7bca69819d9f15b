//! What can be set, the steps of each part, and the properties.

use stateright::{Model, Property};

use crate::state::{Ask, Cursor, Push, Slot, State, Take};

/// When a push takes its stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamping {
    /// After it has looked at `back`, into which it swaps it together with the ticket. What is shipped.
    InTheSwap,
    /// First, and then it claims whatever place is next.
    BeforeClaim,
    /// Last, in the place that it has claimed.
    AfterClaim,
}

/// How an idle buffer's watermark is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// By swapping `back`, so that a claim from before fails. What is shipped.
    Swap,
    /// By looking at both ends, which were equal.
    Look,
}

#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) producers: usize,
    pub(crate) events_each: u8,
    pub(crate) consumers: usize,
    /// The most events that one take takes.
    pub(crate) batch: u8,
    pub(crate) askers: usize,
    pub(crate) asks_each: u8,
    pub(crate) capacity: u8,
    pub(crate) stamping: Stamping,
    pub(crate) asking: Asking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Producer(usize),
    Consumer(usize),
    Asker(usize),
}

pub(crate) const ORDER: &str = "batches concatenate in strict order of stamps";
pub(crate) const KEPT: &str = "no event is taken at or below a watermark";

impl Machine {
    /// Not before the event of a lap ago was moved out.
    fn has_room(&self, state: &State, back: Cursor) -> bool {
        let is_full = state.front.ticket + self.capacity <= back.ticket;
        !is_full && *state.slot(back.ticket) == Slot { ticket: back.ticket, stamp: 0 }
    }

    fn events(&self) -> u8 {
        self.producers as u8 * self.events_each
    }

    /// The next step of a push. What cannot go on stays as it is.
    fn push(&self, state: &mut State, at: usize) {
        let (left, push) = state.producers[at];
        let next = match (self.stamping, push) {
            (Stamping::InTheSwap, Push::Idle) if left > 0 => Push::Found(state.back),
            (Stamping::BeforeClaim, Push::Idle) if left > 0 => Push::Stamped(state.back, state.tick()),
            (Stamping::AfterClaim, Push::Idle) if left > 0 && self.has_room(state, state.back) => {
                state.back.ticket += 1;
                Push::Placed(Cursor { ticket: state.back.ticket - 1, ..state.back })
            }
            (_, Push::Found(back)) if self.has_room(state, back) => Push::Placed(back),
            (Stamping::AfterClaim, Push::Placed(back)) => {
                state.back.stamp = state.tick();
                Push::Claimed { ticket: back.ticket, stamp: state.back.stamp }
            }
            (_, Push::Placed(back)) => Push::Stamped(back, state.tick()),
            (Stamping::BeforeClaim, Push::Stamped(..)) if !self.has_room(state, state.back) => push,
            (stamping, Push::Stamped(back, stamp)) if back == state.back || stamping == Stamping::BeforeClaim => {
                let ticket = state.back.ticket;
                state.back = Cursor { stamp: stamp.max(state.back.stamp), ticket: ticket + 1 };
                Push::Claimed { ticket, stamp }
            }
            (_, Push::Claimed { ticket, stamp }) => {
                state.is_torn |= *state.slot(ticket) != Slot { ticket, stamp: 0 };
                state.slot_mut(ticket).stamp = stamp;
                state.producers[at].0 -= 1;
                Push::Idle
            }
            // There is nothing to do, or no room; or another thread was faster.
            (_, Push::Idle | Push::Found(_) | Push::Stamped(..)) => Push::Idle,
        };
        state.producers[at].1 = next;
    }

    fn take(&self, state: &mut State, at: usize) {
        state.consumers[at] = match state.consumers[at] {
            Take::Idle => {
                let from = state.front.ticket;
                let most = self.batch.min(self.capacity);
                let count = (from..from + most).take_while(|&ticket| state.is_written(ticket)).count() as u8;
                if count > 0 { Take::Counted(state.front, count) } else { Take::Idle }
            }
            Take::Counted(front, count) if front == state.front => {
                let until = front.ticket + count;
                for ticket in front.ticket..until {
                    state.note_taken(state.slot(ticket).stamp);
                }
                state.front.ticket = until;
                Take::Taken { next: front.ticket, until }
            }
            Take::Counted(..) => Take::Idle,
            Take::Taken { next, until } => {
                state.is_torn |= !state.is_written(next);
                *state.slot_mut(next) = Slot { ticket: next + self.capacity, stamp: 0 };
                if next + 1 < until { Take::Taken { next: next + 1, until } } else { Take::Idle }
            }
        };
    }

    fn ask(&self, state: &mut State, at: usize) {
        let (left, ask) = state.askers[at];
        let next = match ask {
            Ask::Idle if left == 0 => Ask::Idle,
            Ask::Idle => Ask::SeenBack(state.back),
            Ask::SeenBack(back) if back.ticket == state.front.ticket => Ask::SeenIdle(back),
            Ask::SeenBack(_) => state.promise(at, state.front.stamp),
            Ask::SeenIdle(back) => Ask::Stamped(back, state.tick()),
            Ask::Stamped(_, stamp) if self.asking == Asking::Look => Ask::Raised(stamp),
            Ask::Stamped(back, stamp) if back == state.back => {
                state.back.stamp = stamp;
                Ask::Raised(stamp)
            }
            Ask::Stamped(..) => Ask::Idle,
            Ask::Raised(stamp) => {
                state.front.stamp = state.front.stamp.max(stamp);
                state.promise(at, stamp)
            }
        };
        state.askers[at].1 = next;
    }
}

impl Model for Machine {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, _: &State, actions: &mut Vec<Action>) {
        actions.extend((0..self.producers).map(Action::Producer));
        actions.extend((0..self.consumers).map(Action::Consumer));
        actions.extend((0..self.askers).map(Action::Asker));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Producer(at) => self.push(&mut next, at),
            Action::Consumer(at) => self.take(&mut next, at),
            Action::Asker(at) => self.ask(&mut next, at),
        }
        next.normalise();
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ORDER, |_, state: &State| !state.is_unordered),
            Property::always(KEPT, |_, state: &State| !state.is_broken),
            Property::always("a slot is touched by whose turn it is", |_, state: &State| !state.is_torn),
            Property::always("who cannot go on is done, and everything was taken", |machine: &Self, state: &State| {
                state.front.ticket == machine.events() || !machine.next_states(state).is_empty()
            }),
            Property::sometimes("a claim is lost to another thread", |_, state: &State| {
                state.producers.iter().any(|push| matches!(push.1, Push::Stamped(back, _) if back != state.back))
            }),
            Property::sometimes("an event waits behind one that is not written", |machine: &Self, state: &State| {
                let from = state.front.ticket;
                machine.capacity == 1 || !state.is_written(from) && state.is_written(from + 1)
            }),
            Property::sometimes("a watermark runs ahead of the last event", |_, state: &State| {
                state.last > 0 && state.promised > state.last
            }),
        ]
    }
}
