//! What happens next, and the datagrams that are on their way. Nothing here allocates once a run is under way.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Room for the largest packet.
pub(crate) const ROOM: usize = flocktime_agent::gossip::packet::MAX_SIZE;

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A process starts at this station.
    Boot(u32),
    /// A station's timer is due; the second number tells whether it still is the latest one.
    Wake(u32, u32),
    /// A datagram arrives; its place in the [`Mail`].
    Arrive(u32),
    /// A process sends a message of its own, if it still is this one.
    Talk(u32, u32),
    /// A fault begins.
    Begin(u32),
    /// A recurring fault strikes once more; how often it has already.
    Strike(u32, u32),
    /// A fault ends.
    End(u32),
    /// Members are replaced, for the so-manieth time.
    Churn(u32),
    /// Everybody is told who is there.
    Introduce,
    /// The run is looked at from outside.
    Sample(u32),
}

#[derive(Clone, Copy, Debug)]
struct Event {
    at_ns: i64,
    /// What was scheduled earlier happens earlier, at one instant.
    order: u64,
    what: What,
}

impl Ord for Event {
    /// The heap gives its greatest element first: that is the earliest here.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at_ns, other.order).cmp(&(self.at_ns, self.order))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Event {}

/// Events in the order of true time.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Event>,
    scheduled: u64,
}

impl Queue {
    /// Something will happen then.
    pub(crate) fn push(&mut self, at_ns: i64, what: What) {
        self.heap.push(Event { at_ns, order: self.scheduled, what });
        self.scheduled += 1;
    }

    /// What happens next, if it does so before the end.
    pub(crate) fn pop(&mut self, end_ns: i64) -> Option<(i64, What)> {
        self.heap.peek().filter(|event| event.at_ns <= end_ns)?;
        self.heap.pop().map(|event| (event.at_ns, event.what))
    }

    /// How many events were scheduled so far.
    pub(crate) fn scheduled(&self) -> u64 {
        self.scheduled
    }
}

/// A datagram, or a message of the application, which is 16 bytes long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter {
    /// Where it comes from.
    pub(crate) from: Address,
    /// Where it goes.
    pub(crate) to: Address,
    /// Whether it is gossip.
    pub(crate) gossip: bool,
    /// How much of `bytes` it is.
    pub(crate) length: u16,
    /// When it came in, by the receiver's H, where it had to wait for a stopped process.
    pub(crate) received_ns: Option<u64>,
    /// What it says.
    pub(crate) bytes: [u8; ROOM],
}

/// A station, and which of its lives: members that replace others have addresses of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The station.
    pub(crate) station: u32,
    /// Its life.
    pub(crate) life: u32,
}

impl Letter {
    /// What it says.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[..self.length.into()]
    }
}

/// Letters on their way. Places are used again.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    letters: Vec<Letter>,
    free: Vec<u32>,
}

impl Mail {
    /// Keeps a letter; the place it is kept at.
    pub(crate) fn keep(&mut self, letter: &Letter) -> u32 {
        if let Some(place) = self.free.pop() {
            self.letters[place as usize] = *letter;
            return place;
        }
        self.letters.push(*letter);
        self.letters.len() as u32 - 1
    }

    /// The letter at a place.
    pub(crate) fn look(&mut self, place: u32) -> &mut Letter {
        &mut self.letters[place as usize]
    }

    /// The place is free again.
    pub(crate) fn free(&mut self, place: u32) {
        self.free.push(place);
    }
}
