//! A state: the words that threads share, and how far each thread is.

use crate::machine::Machine;

/// A stamp and a ticket, which change together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cursor {
    pub(crate) stamp: u8,
    pub(crate) ticket: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    /// The event that it waits for, or holds.
    pub(crate) ticket: u8,
    /// Zero: it waits.
    pub(crate) stamp: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Push {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Take {
    Idle,
    /// Has counted what is written behind `front`.
    Counted(Cursor, u8),
    /// Owns the slots.
    Taken {
        next: u8,
        until: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Ask {
    Idle,
    SeenBack(Cursor),
    /// Both ends are at the same ticket.
    SeenIdle(Cursor),
    Stamped(Cursor, u8),
    /// `back` is raised, `front` not yet.
    Raised(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The last stamp that the clock issued.
    clock: u8,
    pub(crate) back: Cursor,
    pub(crate) front: Cursor,
    slots: Vec<Slot>,
    /// With how many events each still has to push, and how often each will still ask.
    pub(crate) producers: Vec<(u8, Push)>,
    pub(crate) consumers: Vec<Take>,
    pub(crate) askers: Vec<(u8, Ask)>,
    /// The event that was taken last, and the highest watermark that somebody was told.
    pub(crate) last: u8,
    pub(crate) promised: u8,
    /// An event was taken after a later one.
    pub(crate) is_unordered: bool,
    /// An event was taken at or below a watermark.
    pub(crate) is_broken: bool,
    /// A slot was touched by whose turn it was not.
    pub(crate) is_torn: bool,
}

impl State {
    pub(crate) fn new(machine: &Machine) -> Self {
        let start = Cursor { stamp: 0, ticket: 0 };
        Self {
            clock: 0,
            back: start,
            front: start,
            slots: (0..machine.capacity).map(|ticket| Slot { ticket, stamp: 0 }).collect(),
            producers: vec![(machine.events_each, Push::Idle); machine.producers],
            consumers: vec![Take::Idle; machine.consumers],
            askers: vec![(machine.asks_each, Ask::Idle); machine.askers],
            last: 0,
            promised: 0,
            is_unordered: false,
            is_broken: false,
            is_torn: false,
        }
    }

    pub(crate) fn slot(&self, ticket: u8) -> &Slot {
        &self.slots[usize::from(ticket) % self.slots.len()]
    }

    pub(crate) fn slot_mut(&mut self, ticket: u8) -> &mut Slot {
        let count = self.slots.len();
        &mut self.slots[usize::from(ticket) % count]
    }

    pub(crate) fn is_written(&self, ticket: u8) -> bool {
        let slot = self.slot(ticket);
        slot.ticket == ticket && slot.stamp > 0
    }

    pub(crate) fn tick(&mut self) -> u8 {
        self.clock += 1;
        self.clock
    }

    pub(crate) fn promise(&mut self, at: usize, stamp: u8) -> Ask {
        self.promised = self.promised.max(stamp);
        self.askers[at].0 -= 1;
        Ask::Idle
    }

    pub(crate) fn note_taken(&mut self, stamp: u8) {
        self.is_unordered |= stamp <= self.last;
        self.is_broken |= stamp <= self.promised;
        self.last = stamp;
        self.front.stamp = self.front.stamp.max(stamp);
    }

    /// The same for every state that differs only in names: stamps are only compared, and threads of a kind are alike.
    pub(crate) fn normalise(&mut self) {
        let mut known = vec![0];
        self.each_stamp(|stamp| known.push(*stamp));
        known.sort_unstable();
        known.dedup();
        self.each_stamp(|stamp| *stamp = known.partition_point(|other| other < stamp) as u8);
        self.producers.sort_unstable();
        self.consumers.sort_unstable();
        self.askers.sort_unstable();
    }

    fn each_stamp(&mut self, mut visit: impl FnMut(&mut u8)) {
        [&mut self.clock, &mut self.back.stamp, &mut self.front.stamp, &mut self.last, &mut self.promised]
            .into_iter()
            .for_each(&mut visit);
        self.slots.iter_mut().for_each(|slot| visit(&mut slot.stamp));
        for (_, push) in &mut self.producers {
            match push {
                Push::Idle => (),
                Push::Found(back) | Push::Placed(back) => visit(&mut back.stamp),
                Push::Stamped(back, stamp) => [&mut back.stamp, stamp].into_iter().for_each(&mut visit),
                Push::Claimed { stamp, .. } => visit(stamp),
            }
        }
        for take in &mut self.consumers {
            if let Take::Counted(front, _) = take {
                visit(&mut front.stamp);
            }
        }
        for (_, ask) in &mut self.askers {
            match ask {
                Ask::Idle => (),
                Ask::SeenBack(back) | Ask::SeenIdle(back) => visit(&mut back.stamp),
                Ask::Stamped(back, stamp) => [&mut back.stamp, stamp].into_iter().for_each(&mut visit),
                Ask::Raised(stamp) => visit(stamp),
            }
        }
    }
}
