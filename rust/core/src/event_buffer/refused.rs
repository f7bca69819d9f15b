//! Why an event was not taken in, or none could be taken out.

use core::fmt;

use crate::{ClockError, Timestamp};

/// Why an event was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There was no room under the overflow policy.
    Full {
        /// The most that fit.
        capacity: usize,
        /// The oldest event cannot be dropped to make room: it is claimed and not written yet.
        unwritten: bool,
    },
    /// [`close`](super::EventBuffer::close) was called.
    Closed,
    /// The timestamp given does not lie above the watermark that the buffer has shown.
    Late {
        /// What was given.
        timestamp: Timestamp,
        /// What was promised.
        watermark: Timestamp,
    },
    /// A timestamp was given to a buffer that has promised the order of its own stamps.
    Ordered,
    /// The clock was reset: its timestamps no longer lie above the last one in this buffer.
    ClockReset {
        /// What the clock says.
        timestamp: Timestamp,
        /// What has to lie below.
        last: Timestamp,
    },
    /// The clock could not stamp.
    Clock(ClockError),
}

impl From<ClockError> for Refused {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { capacity, unwritten: false } => write!(f, "the buffer is full: it holds {capacity} events"),
            Self::Full { capacity, unwritten: true } => {
                write!(f, "the buffer is full: of its {capacity} events the oldest is still being written")
            }
            Self::Closed => write!(f, "the buffer is closed"),
            Self::Late { timestamp, watermark } => {
                write!(f, "{timestamp} is late: no event up to {watermark} was to come any more")
            }
            Self::Ordered => write!(f, "this buffer stamps its events itself and has promised their order"),
            Self::ClockReset { timestamp, last } => {
                write!(f, "the clock was reset: {timestamp} does not lie above {last}, the last in this buffer")
            }
            Self::Clock(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}

/// An event that was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushError<T> {
    /// The event itself.
    pub event: T,
    /// Why.
    pub why: Refused,
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl<T: fmt::Debug> std::error::Error for PushError<T> {}

/// Events of which only the first ones were taken in, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushManyError<T> {
    /// How many were taken in.
    pub pushed: usize,
    /// The others, in their order.
    pub events: Vec<T>,
    /// Why.
    pub why: Refused,
}

impl<T> fmt::Display for PushManyError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events were taken in, {} were not: {}", self.pushed, self.events.len(), self.why)
    }
}

impl<T: fmt::Debug> std::error::Error for PushManyError<T> {}

/// Why there is no event to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// There is none.
    Nothing,
    /// There is one, but its producer has not written it yet. Later ones wait for it.
    Unwritten {
        /// Its number, from zero.
        ticket: u64,
    },
    /// There is none, and there will be none: the buffer is closed.
    Closed,
}

impl fmt::Display for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "the buffer is empty"),
            Self::Unwritten { ticket } => {
                write!(f, "event {ticket} was claimed by a producer that has not written it yet")
            }
            Self::Closed => write!(f, "the buffer is closed and empty"),
        }
    }
}

impl std::error::Error for Empty {}

/// There is not enough memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory {
    /// For so many events.
    pub events: usize,
}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no memory for {} events", self.events)
    }
}

impl std::error::Error for NoMemory {}

/// Why there is no such buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBuffer {
    /// There is none of this capacity.
    Capacity {
        /// What was asked for.
        capacity: usize,
    },
    /// There is not enough memory for its slots.
    Memory(NoMemory),
}

impl fmt::Display for NoBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity { capacity } => {
                write!(f, "capacity must lie in 1..={}, got {capacity}", super::MAX_CAPACITY)
            }
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NoBuffer {}
