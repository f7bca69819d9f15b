//! Timestamps that respect causality, stay close to wall time and never go backwards.
//!
//! # What holds
//!
//! 1. [`Clock::now`] and [`Clock::update`] return values strictly greater than every timestamp that this clock has issued
//!    or adopted, from any thread, across both calls, and across forks. ([`Clock::reset`] starts a new identity.)
//! 2. If event *e* happened before event *f*, then `ts(e) < ts(f)`, for every message that was adopted.
//! 3. `physical` never exceeds the largest physical reading in its causal past by more than the carry: one microsecond for
//!    each 4,096 timestamps within one reading.
//! 4. A refused input changes nothing. Jumps of the source, either way, are absorbed and counted.
//!
//! # Hazard
//!
//! 1 and 2 hold whatever the clocks show. That timestamps are *close to true time* does not: it is as good as the source,
//! plus the drift limit that remote timestamps are held against. And two clocks that were given the same node id may issue
//! equal timestamps; a received timestamp of one's own node from above is a [`ClockError::Collision`] for that reason.
//!
//! A fork copies locks as they are, and whoever held one may not be there in the child. A clock waits for no such lock of its
//! own, as long as [`fork::entered_child`] is called in children: the child does without what lies behind it, which is the texts
//! of `reset` and `advance_epoch`, the counting of jumps, or further calibrations of a [`CountedSource`]. Only sources that are
//! made for tests do wait: a [`ManualSource`] at every reading, a [`SkewedSource`] when it is moved.
//!
//! # House rules
//!
//! No Python, no socket, no file, no environment variable. Time and randomness are parameters ([`TimeSource`],
//! [`Config::fresh_node`]). `unsafe` in one file, `slot_ring`.

mod blame;
mod clock;
mod counted_source;
mod counters;
mod cursor;
mod discipline;
mod epoch_gate;
mod error;
mod event_buffer;
pub mod failpoint;
pub mod flocking;
pub mod fork;
mod interval;
mod jumps;
mod latest;
pub mod layout;
pub mod merge;
mod shared_state;
mod skewed_source;
mod slot_ring;
mod steered_source;
pub mod sync;
mod text;
mod time_source;
mod timestamp;
mod uuid7;

pub use clock::{Clock, Config, Run};
pub use counted_source::{CountedSource, Counter};
pub use counters::Stats;
pub use discipline::Discipline;
pub use error::{ClockError, EpochRefusal, Form, InvalidTimestamp};
pub use event_buffer::{
    BufferConfig, BufferStats, Empty, EventBuffer, MAX_CAPACITY, NoBuffer, NoMemory, Overflow, PushError,
    PushManyError, Refused,
};
pub use interval::{Bound, DRIFT_PPB, EpochsDiffer, Interval, Vouched, Voucher, grown};
pub use latest::Latest;
pub use shared_state::{LEASE_UNIT_US, SharedPlace, SharedState, Unleased, lowest, upper_half};
pub use skewed_source::SkewedSource;
pub use steered_source::{Guidance, SteeredSource, Steering};
pub use time_source::{ManualSource, OsSource, Reading, SourceFailed, TimeSource};
pub use timestamp::Timestamp;
