//! Who is heard, who votes, and what each says.

use flocktime_core::flocking::{State, Vote};

use super::machine::Machine;
use super::peer::Known;

/// Where nobody was synchronised before, the configured drift limit holds for so many rounds more, while the others arrive.
pub(super) const SETTLING_ROUNDS: u32 = 16;
/// Only who was heard within so many rounds votes.
pub(super) const HEARD_ROUNDS: u64 = 16;
/// Who is still on its way moves too fast for that.
const HEARD_ROUNDS_MOVING: u64 = 3;
/// A synchronised member counts those it has known for so long…
const KNOWN_ROUNDS: u64 = 10;
/// … and one that is not synchronised yet those it has known for so long, where there are too few of the others.
const KNOWN_ROUNDS_COLD: u64 = 3;
/// Too few of the others.
const FEW: usize = 3;
/// At most so many vote, those heard last.
const VOTERS: usize = 32;

impl Machine {
    /// Where each peer's clock is now.
    pub(super) fn measure_leads(&mut self, now_ns: u64, own_ns: i64) {
        let round = self.round;
        for known in self.table.iter_mut().filter_map(|peer| peer.known.as_mut()) {
            let recent = round - known.heard_round <= HEARD_ROUNDS;
            let lead = if recent { known.lead(now_ns, own_ns) } else { None };
            known.lead_ns = lead.map(|(lead_ns, _)| lead_ns);
            known.lead_error_ns = lead.map_or(0.0, |(_, error_ns)| error_ns);
            known.voted = false;
        }
    }

    /// Places of those who vote: the latest heard of those who may, one for each origin.
    pub(super) fn choose_voters(&mut self) -> Vec<usize> {
        let round = self.round;
        let known = self.table.iter().enumerate().filter_map(|(place, peer)| Some((place, peer.known.as_ref()?)));
        let heard: Vec<(usize, &Known)> = known.filter(|(_, known)| known.lead_ns.is_some()).collect();
        let age = |known: &Known| known.heard_round - known.since_round;
        let synchronised = |known: &Known| known.state == State::Synchronised && age(known) >= KNOWN_ROUNDS;
        let cold = |known: &Known| {
            let settled = known.state == State::Synchronised;
            let steers = !matches!(known.state, State::Degraded | State::Monitoring);
            let fresh = settled || round - known.heard_round <= HEARD_ROUNDS_MOVING;
            steers && fresh && age(known) >= KNOWN_ROUNDS_COLD
        };
        let settled: Vec<(usize, &Known)> = heard.iter().copied().filter(|(_, known)| synchronised(known)).collect();
        let settled_myself = match self.progress.state() {
            State::Degraded => true,
            // The others are not far behind: before they are there, those who claim to have been first are not the flock.
            State::Synchronised => self.settled_rounds >= SETTLING_ROUNDS,
            _ => false,
        };
        let all: Vec<(usize, &Known)> = heard.into_iter().filter(|(_, known)| cold(known)).collect();
        // Fewer than a third may be wrong, also in what they say of themselves.
        let enough = settled.len() >= FEW && 3 * settled.len() > 2 * all.len();
        let mut voters = one_of_each(if settled_myself || enough { settled } else { all });
        voters.sort_by_key(|(place, known)| (std::cmp::Reverse(known.heard_ns), *place));
        let places: Vec<usize> = voters.into_iter().take(VOTERS).map(|(place, _)| place).collect();
        for &place in &places {
            self.table.mark_voted(place);
        }
        places
    }

    /// Whether most of them, by far, were synchronised before this member came: fewer than a third may be wrong, also in that.
    pub(super) fn are_synchronised(&self, places: &[usize]) -> bool {
        let voters = places.iter().filter_map(|&place| self.table.get(place)?.known.as_ref());
        3 * voters.filter(|known| known.state == State::Synchronised).count() > 2 * places.len()
    }

    pub(super) fn vote(&self, place: usize) -> Option<Vote> {
        let known = self.table.get(place)?.known.as_ref()?;
        let published = known.published.y;
        let rate = known.filter.rate().map(|rate| rate.value + published + rate.value * published);
        Some(Vote { lead_ns: known.lead_ns?, error_ns: known.lead_error_ns, rate })
    }

    pub(super) fn heard(&self) -> usize {
        let round = self.round;
        let recent = |known: &Known| round - known.heard_round <= HEARD_ROUNDS;
        self.table.iter().filter_map(|peer| peer.known.as_ref()).filter(|known| recent(known)).count()
    }
}

/// Of each origin the peer that has been known longest: who comes later and says it is the same one gets no say in its place.
pub(super) fn one_of_each(mut peers: Vec<(usize, &Known)>) -> Vec<(usize, &Known)> {
    peers.sort_unstable_by_key(|(place, known)| (known.origin, known.since_round, *place));
    peers.dedup_by_key(|(_, known)| known.origin);
    peers
}
