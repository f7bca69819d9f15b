//! States, steps and properties.

use stateright::{Model, Property};

/// A stamp and a ticket, which change together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cursor {
    stamp: u8,
    ticket: u8,
}

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

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The last stamp that the clock issued.
    clock: u8,
    back: Cursor,
    front: Cursor,
    slots: Vec<Slot>,
    producers: Vec<(u8, Push)>,
    consumers: Vec<Take>,
    askers: Vec<(u8, Ask)>,
    /// What was written, by ticket; zero where it was not yet.
    written: Vec<u8>,
    /// What was taken, by and by.
    taken: Vec<u8>,
    /// The highest watermark that somebody was told.
    promised: u8,
    /// An event was taken at or below it.
    is_broken: bool,
    /// A slot was not whose turn it was.
    is_torn: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Slot {
    /// The event that it waits for, or holds.
    ticket: u8,
    /// Zero: it waits.
    stamp: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Push {
    Idle,
    /// Has seen `back`.
    Found(Cursor),
    /// Has seen that there is room behind it.
    Placed(Cursor),
    Stamped(Cursor, u8),
    /// Owns the slot.
    Claimed {
        ticket: u8,
        stamp: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Take {
    Idle,
    /// Has counted what is written behind `front`.
    Counted(Cursor, u8),
    /// Owns the slots.
    Taken {
        next: u8,
        until: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Ask {
    Idle,
    SeenBack(Cursor),
    /// Both ends are at the same ticket.
    SeenIdle(Cursor),
    Stamped(Cursor, u8),
    /// `back` is raised, `front` not yet.
    Raised(u8),
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
    fn has_room(&self, state: &State, back: Cursor) -> bool {
        let free = Slot { ticket: back.ticket, stamp: 0 };
        back.ticket - state.front.ticket.min(back.ticket) < self.capacity
            && state.slots[self.index(back.ticket)] == free
    }

    fn index(&self, ticket: u8) -> usize {
        usize::from(ticket % self.capacity)
    }

    fn events(&self) -> usize {
        self.producers * usize::from(self.events_each)
    }

    /// The next step of a push. What cannot go on stays as it is.
    fn push(&self, state: &mut State, at: usize) {
        let (left, push) = state.producers[at];
        let next = match (self.stamping, push) {
            (_, Push::Idle) if left == 0 => Push::Idle,
            (Stamping::InTheSwap, Push::Idle) => Push::Found(state.back),
            (Stamping::BeforeClaim, Push::Idle) => Push::Stamped(state.back, state.tick()),
            (Stamping::AfterClaim, Push::Idle) if self.has_room(state, state.back) => {
                let found = state.back;
                state.back.ticket += 1;
                Push::Placed(found)
            }
            (_, Push::Idle) => Push::Idle,
            (_, Push::Found(back)) if self.has_room(state, back) => Push::Placed(back),
            (_, Push::Found(_)) => Push::Idle,
            (Stamping::AfterClaim, Push::Placed(back)) => {
                let stamp = state.tick();
                state.back.stamp = stamp;
                Push::Claimed { ticket: back.ticket, stamp }
            }
            (_, Push::Placed(back)) => Push::Stamped(back, state.tick()),
            (Stamping::BeforeClaim, Push::Stamped(..)) if !self.has_room(state, state.back) => push,
            (stamping, Push::Stamped(back, stamp)) if back == state.back || stamping == Stamping::BeforeClaim => {
                let ticket = state.back.ticket;
                state.back = Cursor { stamp: stamp.max(state.back.stamp), ticket: ticket + 1 };
                Push::Claimed { ticket, stamp }
            }
            (_, Push::Stamped(..)) => Push::Idle,
            (_, Push::Claimed { ticket, stamp }) => {
                let slot = &mut state.slots[usize::from(ticket % self.capacity)];
                state.is_torn |= *slot != Slot { ticket, stamp: 0 };
                slot.stamp = stamp;
                state.written[usize::from(ticket)] = stamp;
                state.producers[at].0 -= 1;
                Push::Idle
            }
        };
        state.producers[at].1 = next;
    }

    fn take(&self, state: &mut State, at: usize) {
        state.consumers[at] = match state.consumers[at] {
            Take::Idle => {
                let front = state.front;
                let is_written = |&ticket: &u8| {
                    let slot = state.slots[self.index(ticket)];
                    slot.ticket == ticket && slot.stamp > 0
                };
                let count = (front.ticket..front.ticket + self.batch.min(self.capacity)).take_while(is_written).count();
                if count > 0 { Take::Counted(front, count as u8) } else { Take::Idle }
            }
            Take::Counted(front, count) if front == state.front => {
                let until = front.ticket + count;
                for ticket in front.ticket..until {
                    let stamp = state.slots[self.index(ticket)].stamp;
                    state.is_broken |= stamp <= state.promised;
                    state.taken.push(stamp);
                    state.front.stamp = state.front.stamp.max(stamp);
                }
                state.front.ticket = until;
                Take::Taken { next: front.ticket, until }
            }
            Take::Counted(..) => Take::Idle,
            Take::Taken { next, until } => {
                let slot = &mut state.slots[usize::from(next % self.capacity)];
                state.is_torn |= slot.ticket != next || slot.stamp == 0;
                *slot = Slot { ticket: next + self.capacity, stamp: 0 };
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

impl State {
    fn tick(&mut self) -> u8 {
        self.clock += 1;
        self.clock
    }

    fn promise(&mut self, at: usize, stamp: u8) -> Ask {
        self.promised = self.promised.max(stamp);
        self.askers[at].0 -= 1;
        Ask::Idle
    }
}

impl Model for Machine {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let start = Cursor { stamp: 0, ticket: 0 };
        vec![State {
            clock: 0,
            back: start,
            front: start,
            slots: (0..self.capacity).map(|ticket| Slot { ticket, stamp: 0 }).collect(),
            producers: vec![(self.events_each, Push::Idle); self.producers],
            consumers: vec![Take::Idle; self.consumers],
            askers: vec![(self.asks_each, Ask::Idle); self.askers],
            written: vec![0; self.events()],
            taken: Vec::new(),
            promised: 0,
            is_broken: false,
            is_torn: false,
        }]
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
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ORDER, |_, state: &State| state.taken.is_sorted_by(|one, next| one < next)),
            Property::always(KEPT, |_, state: &State| !state.is_broken),
            Property::always("nothing is lost or taken twice", |_, state: &State| {
                state.taken.len() == usize::from(state.front.ticket) && state.written.starts_with(&state.taken)
            }),
            Property::always("a slot is touched by whose turn it is", |_, state: &State| !state.is_torn),
            Property::always("who cannot go on is done", |machine: &Self, state: &State| {
                !machine.next_states(state).is_empty() || state.taken.len() == machine.events()
            }),
            Property::sometimes("a claim is lost to another thread", |_, state: &State| {
                let is_lost = |push: &(u8, Push)| matches!(push.1, Push::Stamped(back, _) if back != state.back);
                state.producers.iter().any(is_lost)
            }),
            Property::sometimes(
                "an event waits behind one that is not written, if there is room for two",
                |machine: &Self, state: &State| {
                    let front = usize::from(state.front.ticket);
                    let is_written = |ticket| state.written.get(ticket).is_some_and(|&stamp| stamp > 0);
                    machine.capacity == 1 || !is_written(front) && is_written(front + 1)
                },
            ),
            Property::sometimes("a watermark runs ahead of the last event", |_, state: &State| {
                state.taken.last().is_some_and(|&last| state.promised > last)
            }),
        ]
    }
}
