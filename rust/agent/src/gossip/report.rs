//! What a member says about itself to people: everything as plain numbers.

use flocktime_core::flocking::{Anchor, State};

use super::counters::Counters;
use super::host::{Host, OsTime};
use super::machine::Machine;
use super::peer::{Known, Peer, Route};
use super::suspicion::SUSPECT;
use super::voters::HEARD_ROUNDS;

/// What a member makes of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has not proven to be there, or not lately.
    Silent,
    /// Heard; too short a time, or in no state, to vote.
    Listening,
    /// It votes, and lies inside the gate or not long enough outside to be called wrong.
    Good,
    /// Outside the gate for ten rounds, by more than what was measured may be wrong by.
    Wrong,
}

impl Verdict {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Listening => "listening",
            Self::Good => "good",
            Self::Wrong => "wrong",
        }
    }
}

/// One peer as a member sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerReport {
    /// How it is reached or recognised.
    pub route: Route,
    /// Its node id; `None` before it proved to be there.
    pub node: Option<u64>,
    /// Its stable identity; `None` before that.
    pub origin: Option<u64>,
    /// What it says of itself.
    pub state: Option<State>,
    /// Its disciplined clock less this member's, nanoseconds; `None` while it is not known.
    pub offset_ns: Option<f64>,
    /// What that may be wrong by, nanoseconds: half the round-trip delay of the sample in use and what it has aged.
    pub error_ns: Option<f64>,
    /// The least round-trip delay among the samples kept, nanoseconds.
    pub delay_ns: Option<f64>,
    /// How much faster its oscillator runs; `None` while that is not known well enough.
    pub rate: Option<f64>,
    /// It voted in the latest round.
    pub voted: bool,
    /// What this member makes of it.
    pub verdict: Verdict,
    /// Rounds since it was heard.
    pub silent_rounds: u64,
    /// Times that its oscillator (or this member's) was found to have jumped.
    pub oscillator_jumps: u64,
}

/// A member at one instant.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "a report, not a state")]
pub struct Report {
    /// How it stands.
    pub state: State,
    /// It has been synchronised once; its disciplined clock is what its stamps follow.
    pub joined: bool,
    /// This member's node id.
    pub node: u64,
    /// This member's start.
    pub incarnation: u64,
    /// This member's identity over starts.
    pub origin: u64,
    /// Rounds since the start.
    pub round: u64,
    /// H of this report.
    pub raw_ns: u64,
    /// The disciplined clock at that H, nanoseconds since 1970.
    pub time_ns: i64,
    /// The flock's mean less this member's clock, as of the latest round, nanoseconds.
    pub offset_ns: f64,
    /// What this member may be away from its flock, nanoseconds.
    pub error_ns: u64,
    /// The rate correction in force.
    pub rate: f64,
    /// It has followed measured rates for long enough to be as close to the others as it gets.
    pub rate_settled: bool,
    /// The slew in force.
    pub slew: f64,
    /// The slew towards UTC in force.
    pub utc_slew: f64,
    /// The OS clock less the disciplined clock, nanoseconds.
    pub os_lead_ns: f64,
    /// UTC less the disciplined clock as most anchors have it.
    pub utc: Option<Anchor>,
    /// Voters of the latest round, without this member.
    pub voters: usize,
    /// Three voters or more, most of them close together.
    pub quorum: bool,
    /// The gate of the latest round, nanoseconds.
    pub gate_ns: f64,
    /// This member, or the OS clock beneath it, is the odd one out.
    pub suspects_itself: bool,
    /// Origins that more than one living process shows, this one included: copies of one identity, or somebody who says it is
    /// somebody else. A member that was restarted under another address counts for sixteen rounds.
    pub shared_origins: usize,
    /// Its peers, in the order they were met.
    pub peers: Vec<PeerReport>,
    /// The counts so far.
    pub counters: Counters,
}

impl Machine {
    /// How it stands now.
    pub fn report(&self, host: &impl Host) -> Report {
        let raw_ns = host.raw_ns();
        let time_ns = self.discipline.at(raw_ns);
        let OsTime { wall_ns, .. } = host.os();
        let slewing = raw_ns.saturating_sub(self.discipline.h0_ns) <= self.discipline.slew_ns;
        Report {
            state: self.state(),
            joined: self.progress.joined(),
            node: self.settings.node,
            incarnation: self.settings.incarnation,
            origin: self.settings.origin,
            round: self.round,
            raw_ns,
            time_ns,
            offset_ns: self.last.as_ref().map_or(0.0, |last| last.offset_ns),
            error_ns: self.error_ns(),
            rate: self.discipline.y,
            rate_settled: self.rate_settled(),
            slew: if slewing { self.discipline.s } else { 0.0 },
            utc_slew: if slewing { self.discipline.u } else { 0.0 },
            os_lead_ns: (i128::from(wall_ns) - i128::from(time_ns)) as f64,
            utc: self.utc.estimate,
            voters: self.last.as_ref().map_or(0, |last| last.outside.len()),
            quorum: self.last.as_ref().is_some_and(|last| last.quorum),
            gate_ns: self.last.as_ref().map_or(0.0, |last| last.gate_ns),
            suspects_itself: self.own_suspicion >= SUSPECT,
            shared_origins: self.shared_origins(),
            peers: self.table.iter().map(|peer| self.report_peer(peer)).collect(),
            counters: self.counters,
        }
    }

    fn shared_origins(&self) -> usize {
        let all = self.table.iter().filter_map(|peer| peer.known.as_ref());
        let heard = all.filter(|known| self.round - known.heard_round <= HEARD_ROUNDS);
        let mut processes: Vec<(u64, u64)> = heard.map(|known| (known.origin, known.incarnation)).collect();
        processes.push((self.settings.origin, self.settings.incarnation));
        processes.sort_unstable();
        processes.dedup();
        processes.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1).count()
    }

    /// Whether it has followed measured rates for long enough to be as close to the others as it gets.
    pub fn rate_settled(&self) -> bool {
        self.progress.rated_rounds() >= self.settings.tuning.settling_rounds
    }

    /// How this member stands since its latest round.
    pub fn state(&self) -> State {
        if self.settings.steer { self.progress.state() } else { State::Monitoring }
    }

    /// The address, node and offset of each peer that is called wrong.
    pub fn wrong_peers(&self) -> impl Iterator<Item = (&Route, u64, Option<f64>)> {
        self.table.iter().filter_map(|peer| {
            let known = peer.known.as_ref().filter(|known| known.suspicion >= SUSPECT)?;
            Some((&peer.route, known.node, known.lead_ns))
        })
    }

    fn report_peer(&self, peer: &Peer) -> PeerReport {
        let known = peer.known.as_ref();
        let verdict = |known: &Known| match known {
            known if known.suspicion >= SUSPECT => Verdict::Wrong,
            known if known.lead_ns.is_none() => Verdict::Silent,
            known if known.voted => Verdict::Good,
            _ => Verdict::Listening,
        };
        PeerReport {
            route: peer.route.clone(),
            node: known.map(|known| known.node),
            origin: known.map(|known| known.origin),
            state: known.map(|known| known.state),
            offset_ns: known.and_then(|known| known.lead_ns),
            error_ns: known.and_then(|known| known.lead_ns.map(|_| known.lead_error_ns)),
            delay_ns: known.and_then(|known| known.filter.least_error_ns()).map(|error_ns| 2.0 * error_ns),
            rate: known.and_then(|known| known.filter.rate()).map(|rate| rate.value),
            voted: known.is_some_and(|known| known.voted),
            verdict: known.map_or(Verdict::Silent, verdict),
            silent_rounds: self.round - known.map_or(peer.since_round, |known| known.heard_round),
            oscillator_jumps: known.map_or(0, |known| known.filter.jumps()),
        }
    }
}
