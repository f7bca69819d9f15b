//! What a page says of itself.

use std::path::PathBuf;

use flocktime_core::Timestamp;

use super::rudder::Following;

/// How a process found the page when it opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nobody had one: it was made.
    Made,
    /// Begun since the machine started, by this or another process: the timestamps go on from the last one.
    Attached,
    /// The machine has started anew since: the timestamps go on from the bound of the lease.
    Restarted,
    /// Begun since the machine started, but what lies in memory is no state of this page's clocks: as if restarted.
    Damaged,
    /// Changed long after its last record was written, as by a backup that was put in its place: the timestamps go on from the moment of
    /// that change, if the bound lies below it.
    Restored,
}

/// A page as it is now. Other processes may change it meanwhile.
#[derive(Clone, Debug)]
pub struct PageStatus {
    /// The file.
    pub path: PathBuf,
    /// Which page it is, whatever its path.
    pub id: [u8; 16],
    /// The node of all its clocks.
    pub node: u64,
    /// When it was made, microseconds since 1970.
    pub made_us: u64,
    /// How this process found it.
    pub found: Found,
    /// The record that was unreadable then: it was begun at the limit of the other one.
    pub damaged_record: Option<usize>,
    /// The latest timestamp of all processes.
    pub latest: Timestamp,
    /// No timestamp is issued from here on, unless the lease is renewed.
    pub leased_until: Timestamp,
    /// How long the lease is, microseconds.
    pub lease_us: u64,
    /// The number of the record that confirmed it.
    pub sequence: u64,
    /// The process that renewed it last.
    pub writer: u32,
    /// Renewals by this process.
    pub renewals: u64,
    /// Renewals that the operating system refused this process.
    pub failures: u64,
    /// Its error number at the latest attempt; zero: none.
    pub errno: i32,
    /// How its clocks stand to the host's flock member.
    pub following: Following,
    /// How long ago a flock said how to steer, nanoseconds, where its line is followed.
    pub steered_ago_ns: Option<u64>,
    /// What the flock's time may be wrong by, where the member says so.
    pub error_ns: Option<u64>,
    /// The process of the member that published last.
    pub steersman: Option<u32>,
    /// Looks of this process that found a damaged record of the member's.
    pub damaged_guidance: u64,
}
