//! [`Watch`]: notices when a member stands otherwise than before.

use flocktime_core::flocking::State;

use super::log::WrongPeer;
use crate::gossip::{Machine, Route};

/// What was seen at the latest look.
pub(super) struct Watch {
    rounds: u64,
    state: State,
    wrong: Vec<(Route, u64)>,
}

impl Watch {
    pub(super) fn new(machine: &Machine) -> Self {
        Self { rounds: machine.counters().rounds, state: machine.state(), wrong: Vec::new() }
    }

    /// The state and the peers called wrong, if either has changed. It changes with rounds only, and costs nothing between them.
    pub(super) fn look(&mut self, machine: &Machine) -> Option<(State, Vec<WrongPeer>)> {
        let rounds = machine.counters().rounds;
        if rounds == self.rounds {
            return None;
        }
        self.rounds = rounds;
        let named = machine.wrong_peers();
        let mut wrong: Vec<WrongPeer> =
            named.map(|(route, node, offset_ns)| WrongPeer { route: route.clone(), node, offset_ns }).collect();
        wrong.sort_by(|one, other| (&one.route, one.node).cmp(&(&other.route, other.node)));
        let state = machine.state();
        let same = wrong.iter().map(|peer| (&peer.route, peer.node)).eq(self.wrong.iter().map(|(r, n)| (r, *n)));
        if same && state == self.state {
            return None;
        }
        self.state = state;
        self.wrong = wrong.iter().map(|peer| (peer.route.clone(), peer.node)).collect();
        Some((state, wrong))
    }
}
