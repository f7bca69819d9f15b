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
//! A fork copies locks as they are. `now`, `now_many` and `update` take none unless they refuse; `stats`, `reset` and refusals
//! hold one for nanoseconds. A program that forks while another of its threads is inside one of these may find that lock
//! held for ever in the child. (Python cannot: its threads hold the interpreter there.)
//!
//! # House rules
//!
//! No Python, no socket, no file, no environment variable. Time and randomness are parameters ([`TimeSource`],
//! [`Config::fresh_node`]). No `unsafe`.

mod blame;
mod clock;
mod counted_source;
mod counters;
mod discipline;
mod epoch_gate;
mod error;
pub mod flocking;
pub mod fork;
mod jumps;
mod latest;
pub mod layout;
pub mod merge;
mod skewed_source;
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
pub use latest::Latest;
pub use skewed_source::SkewedSource;
pub use steered_source::{Guidance, SteeredSource, Steering};
pub use time_source::{ManualSource, OsSource, Reading, SourceFailed, TimeSource};
pub use timestamp::Timestamp;
