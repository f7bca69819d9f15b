//! What a member says about itself.

use std::net::SocketAddr;

use super::directory::NameReport;
use super::io::IoReport;
use super::log::Status;
use super::standing::Member;
use crate::gossip::Report;

/// A member at one instant: its machine, its thread and its socket.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberReport {
    /// How the thread stands.
    pub status: Status,
    /// Where it listens, with the port that the operating system chose.
    pub local_address: Option<SocketAddr>,
    /// The machine's own; `None` in a forked child, and where a thread panicked in the middle of it.
    pub flock: Option<Report>,
    /// The socket's counts.
    pub io: IoReport,
    /// Names among the peers.
    pub names: Vec<NameReport>,
    /// Peers that the socket cannot send to, because they are of another family; the first 16.
    pub unsupported: Vec<SocketAddr>,
    /// How many these are.
    pub unsupported_total: usize,
}

impl Member {
    /// How it stands now. In a forked child: that it is detached, with the counts of the parent at the fork.
    pub fn report(&self) -> MemberReport {
        let mut report = MemberReport {
            status: self.status(),
            local_address: self.local_address(),
            flock: None,
            io: self.shared.io.report(),
            names: Vec::new(),
            unsupported: Vec::new(),
            unsupported_total: 0,
        };
        if !self.is_detached() {
            if let Ok(core) = self.shared.core() {
                report.flock = Some(core.machine.report(&core.world));
                report.io = self.shared.io.report(); // while the machine stands still, so that their counts agree
            }
            report.names = self.shared.directory.names();
            (report.unsupported, report.unsupported_total) = self.shared.unsupported();
        }
        report
    }
}
