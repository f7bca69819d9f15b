//! The flock: what members say to each other, and what each makes of it.
//!
//! A machine without I/O: datagrams and readings in, datagrams and a discipline out. The thread that drives it on real sockets
//! and the simulator that drives thousands of it in one process use the same calls and send the same bytes.

mod admission;
mod compose;
mod cookie;
mod counters;
mod header;
mod host;
pub mod keyring;
mod machine;
pub mod packet;
mod partners;
mod peer;
pub mod replay;
mod report;
mod round;
mod settings;
mod suspicion;
mod table;
mod utc;
mod voters;
mod waiting;

pub use counters::Counters;
pub use header::{HeaderRefusal, TakenHeader};
pub use host::{Host, OsTime};
pub use machine::Machine;
pub use peer::Route;
pub use report::{PeerReport, Report, Verdict};
pub use settings::{AnchorPolicy, MAX_PEERS, Settings};
