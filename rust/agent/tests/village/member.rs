use std::net::SocketAddr;

use flocktime_agent::gossip::{Machine, Report, Route};

use super::{Bend, START_NS, Surroundings};

pub struct Member {
    pub machine: Machine,
    pub host: Surroundings,
    pub address: SocketAddr,
    pub running: bool,
    pub bend: Option<Bend>,
    /// Its oscillator is made to go back: its clock may too.
    pub may_fall: bool,
    /// The most that what its stamps follow has fallen by, nanoseconds.
    pub fell_ns: i64,
    pub(super) peers: Vec<SocketAddr>,
    pub(super) shown: Option<i64>,
}

impl Member {
    /// What it takes the time to be, less the truth, nanoseconds.
    pub fn error_ns(&self) -> i64 {
        self.machine.discipline().at(self.host.raw()) - self.truth_ns()
    }

    /// What its stamps follow, less the truth, nanoseconds.
    pub fn stamp_error_ns(&self) -> i64 {
        let guidance = self.machine.guidance();
        guidance.discipline.at(self.host.raw()) - self.truth_ns()
    }

    pub fn remembers(&self, address: SocketAddr) -> bool {
        self.report().peers.iter().any(|peer| peer.route == Route::Address(address))
    }

    pub fn report(&self) -> Report {
        self.machine.report(&self.host)
    }

    /// The nodes that it calls wrong.
    pub fn names(&self) -> Vec<u64> {
        let mut nodes: Vec<u64> = self.machine.wrong_peers().map(|(_, node, _)| node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    fn truth_ns(&self) -> i64 {
        self.host.true_ns.get() as i64 + START_NS
    }
}
