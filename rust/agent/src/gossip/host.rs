//! What a machine asks of its surroundings.

use flocktime_core::Timestamp;

/// The OS clock at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OsTime {
    /// Nanoseconds since 1970.
    pub wall_ns: i64,
    /// What it may be wrong by, where the operating system says that it is synchronised to UTC; else `None`.
    pub error_ns: Option<u64>,
}

/// The world around a [`Machine`](super::Machine): the operating system, or numbers.
pub trait Host {
    /// H: nanoseconds of the free-running oscillator. It should never go back; a machine survives it.
    fn raw_ns(&self) -> u64;
    /// The OS clock.
    fn os(&self) -> OsTime;
    /// Sixty-four bits that nobody can guess.
    fn random(&self) -> u64;
    /// A send event of this member's clock; `None` while it has no time to give.
    fn stamp(&self) -> Option<Timestamp>;
    /// The node id that this member's clock stamps under by now: a reset changes it. `None`: that of the settings.
    fn node(&self) -> Option<u64> {
        None
    }
    /// A receive event: merges what came in an accepted packet. `trusted`: the cluster's key vouches for its epoch.
    fn merge(&self, remote: Timestamp, trusted: bool);
}
