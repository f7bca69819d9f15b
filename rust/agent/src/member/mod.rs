//! The standing member of a flock in this process: one thread that drives a gossip [`Machine`](crate::gossip::Machine) on a UDP
//! socket and says to this process's clocks what to follow.
//!
//! Threads: one for the socket and the rounds; a second one only while there are names to resolve. Whatever an application does
//! (a stalled event loop, an interpreter's lock) does not reach them.
//!
//! Forks: a child has neither thread nor socket. Its copy of a [`Member`] says that it is detached, every call on it returns at
//! once and takes no lock, and sources that follow its steering show their base.

mod bell;
mod config;
mod directory;
mod driver;
mod headers;
mod io;
mod log;
mod peers;
mod port;
mod publishing;
mod report;
mod shared;
mod socket;
mod standing;
mod watch;
mod world;

pub use config::{MemberConfig, Stamps, StartError, Unavailable};
pub use directory::NameReport;
pub use headers::{HeaderError, MAX_LABEL};
pub use io::{IoError, IoReport};
pub use log::{LOG, MAX_WRONG, Status, Transition, WrongPeer};
pub use peers::{MAX_NAMES, PeerError};
pub use report::MemberReport;
pub use standing::Member;
