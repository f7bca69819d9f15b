//! Once a round: who votes, what the step says, and what follows for the disciplined clock and for those who read it.

use flocktime_core::Guidance;
use flocktime_core::flocking::{Anchor, Own, Standing, State, Step, Vote, step, utc_step};

use super::host::{Host, OsTime};
use super::machine::Machine;
use super::packet;
use super::peer::Known;
use super::settings::AnchorPolicy;

/// Only who was heard within so many rounds votes.
const HEARD_ROUNDS: u64 = 16;
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
/// A peer is forgotten after so many silent rounds.
const FORGET_ROUNDS: u64 = 600;
/// Suspicion rises by this outside the gate and falls by one inside it; so who is outside every second round is found out too.
const SUSPICION_STEP: u32 = 2;
/// Who reaches this is called wrong: ten rounds outside.
pub(super) const SUSPECT: u32 = 20;
/// An oscillator that jumps again and again is wrong too, however fast its owner mends it…
const SUSPICION_JUMP: u32 = 12;
/// … judged after so many rounds: by then it shows whose oscillator it was.
const JUMP_JUDGED_ROUNDS: u64 = 8;
/// As far as it rises: who is back needs a minute to be believed.
const SUSPICION_LIMIT: u32 = 60;
/// Where nobody was synchronised before, the configured drift limit holds for so many rounds more, while the others arrive.
const SETTLING_ROUNDS: u32 = 16;
/// A synchronised peer farther off than this many gates…
const WRONG_GATES: f64 = 4.0;
/// … and than this, nanoseconds, by more than the measurement may be wrong by, is outside.
const WRONG_NS: f64 = 250e3;
/// Stamps are never judged more sharply than this, nanoseconds.
const SHARPEST_LIMIT_NS: f64 = 5e6;

/// An estimate of UTC that was passed on more often is none.
const MOST_HOPS: u8 = 8;

impl Machine {
    pub(super) fn finish_round(&mut self, host: &impl Host, now_ns: u64) {
        let os = host.os();
        self.counters.rounds += 1;
        let own_ns = self.discipline.at(now_ns);
        self.measure_leads(now_ns, own_ns);
        let chosen = self.choose_voters();
        let votes: Vec<Vote> = chosen.iter().filter_map(|&place| self.vote(place)).collect();
        if self.found_flock.is_none() && !votes.is_empty() {
            self.found_flock = Some(self.are_synchronised(&chosen));
        }
        let own = Own {
            rate: self.discipline.y,
            joined: self.progress.joined(),
            degraded: self.progress.degraded(),
            rejoining: self.progress.rejoining(),
            rate_settled: self.rate_settled(),
            os_lead_ns: (i128::from(os.wall_ns) - i128::from(own_ns)) as f64,
        };
        let outcome = step(&votes, &own, &self.settings.tuning);
        self.counters.rounds_without_quorum += u64::from(!outcome.quorum);
        let os_away_ns = (own.os_lead_ns - outcome.median_ns).abs();
        self.os_agrees = outcome.majority && os_away_ns <= self.settings.tuning.max_drift_ns;
        let limit_ns = self.sharp_limit_ns(outcome.error_ns - outcome.offset_ns.abs());
        let standing = Standing { heard: self.heard(), voters: votes.len(), limit_ns };
        let (before, was_degraded) = (self.progress.state(), self.progress.degraded());
        let mut state = self.progress.advance(&outcome, standing, &self.settings.tuning);
        if was_degraded && !self.progress.degraded() && votes.is_empty() {
            // Left alone: what it has shown all the while is its time now, not where its own clock would be.
            self.discipline = self.guidance.discipline;
        }
        if !self.settings.steer {
            state = State::Monitoring;
        }
        self.settled_rounds = match state {
            State::Synchronised if before == State::Synchronised => self.settled_rounds.saturating_add(1),
            // Into a flock that was there before: nobody is still arriving.
            State::Synchronised if self.found_flock == Some(true) => SETTLING_ROUNDS,
            _ => 0,
        };
        self.suspect(&outcome, &os, own_ns);
        let (anchors, slews) = (self.anchors(&os, own_ns), self.utc_slews(&chosen));
        self.utc = utc_step(&anchors, &slews, self.utc.slew, &self.settings.tuning);
        if self.settings.steer {
            self.steer(&outcome, now_ns);
        } else {
            self.follow_os(&os, now_ns);
        }
        self.guidance = self.guide(state, &outcome);
        self.last = Some(outcome);
        let forgotten = self.round.saturating_sub(FORGET_ROUNDS);
        let partners = &self.partners;
        self.table.forget_silent(forgotten, |route| match route {
            super::Route::Address(address) => partners.is_wanted(*address),
            super::Route::Label(_) | super::Route::Origin(_) => false,
        });
    }

    fn steer(&mut self, outcome: &Step, now_ns: u64) {
        let slew_ns = 2 * self.settings.tuning.round_ns;
        let mut line = self.discipline.rebased(now_ns, outcome.rate, outcome.slew, self.utc.slew, slew_ns);
        if outcome.jump_ns != 0.0 {
            self.counters.jumps += 1;
            line.l0_ns = line.l0_ns.saturating_add(outcome.jump_ns as i64);
        }
        self.discipline = line;
    }

    /// A member that only monitors shows its OS clock, with the rate it has against H.
    fn follow_os(&mut self, os: &OsTime, now_ns: u64) {
        let limit = self.settings.tuning.rate_max;
        let rate = self.os_before.map_or(0.0, |(before_ns, wall_ns)| {
            let elapsed = now_ns.saturating_sub(before_ns) as f64;
            let shown = (i128::from(os.wall_ns) - i128::from(wall_ns)) as f64;
            if elapsed > 0.0 { (shown / elapsed - 1.0).clamp(-limit, limit) } else { 0.0 }
        });
        self.os_before = Some((now_ns, os.wall_ns));
        let mut line = self.discipline.rebased(now_ns, rate, 0.0, 0.0, 0);
        line.l0_ns = os.wall_ns;
        self.discipline = line;
    }

    /// What the clock of this process follows from now on.
    fn guide(&self, state: State, outcome: &Step) -> Guidance {
        let joined = self.progress.joined() && self.settings.steer;
        // A degraded member shows the flock's time: how far its own clock is from that plays no part.
        let own_ns = if state == State::Degraded { outcome.offset_ns.abs() } else { 0.0 };
        let sharp_ns = self.sharp_limit_ns(outcome.error_ns - own_ns);
        let settled = match state {
            State::Synchronised => self.settled_rounds >= SETTLING_ROUNDS,
            State::Degraded => true,
            State::Alone | State::Joining | State::Undecided | State::Monitoring => false,
        };
        let mut discipline = self.discipline;
        if state == State::Degraded && outcome.jump_ns == 0.0 {
            if outcome.outside.is_empty() {
                discipline = self.guidance.discipline; // nobody there to follow: on as before
            } else {
                // Who reads this follows the flock's middle, not how this member's own clock gets there.
                discipline.l0_ns = discipline.l0_ns.saturating_add(outcome.median_ns as i64);
                discipline.s = 0.0;
            }
        }
        Guidance {
            discipline,
            in_force: joined,
            limit_us: (joined && settled).then_some((sharp_ns / 1e3) as u64),
            refuse: self.settings.refuse_until_ready && self.settings.steer,
        }
    }

    /// What stamps are judged by in a flock that is together and known to so much: ten times that.
    fn sharp_limit_ns(&self, error_ns: f64) -> f64 {
        (10.0 * error_ns).clamp(SHARPEST_LIMIT_NS, self.settings.tuning.max_drift_ns.max(SHARPEST_LIMIT_NS))
    }

    /// Where each peer's clock is now.
    fn measure_leads(&mut self, now_ns: u64, own_ns: i64) {
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
    fn choose_voters(&mut self) -> Vec<usize> {
        let round = self.round;
        let known = self.table.iter().enumerate().filter_map(|(place, peer)| Some((place, peer.known.as_ref()?)));
        let heard: Vec<(usize, &Known)> = known.filter(|(_, known)| known.lead_ns.is_some()).collect();
        let age = |known: &Known| known.heard_round - known.since_round;
        let synchronised = |known: &Known| known.state == packet::State::Synchronised && age(known) >= KNOWN_ROUNDS;
        let cold = |known: &Known| {
            let settled = known.state == packet::State::Synchronised;
            let steers = !matches!(known.state, packet::State::Degraded | packet::State::Monitoring);
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
        let mut voters = if settled_myself || enough { settled } else { all };
        voters.sort_by_key(|(place, known)| (std::cmp::Reverse(known.heard_ns), *place));
        let mut places: Vec<usize> = Vec::with_capacity(VOTERS);
        let mut origins: Vec<u64> = Vec::with_capacity(VOTERS);
        for (place, known) in voters {
            if places.len() < VOTERS && !origins.contains(&known.origin) {
                places.push(place);
                origins.push(known.origin);
            }
        }
        for &place in &places {
            self.table.mark_voted(place);
        }
        places
    }

    /// Whether most of them, by far, were synchronised before this member came: fewer than a third may be wrong, also in that.
    fn are_synchronised(&self, places: &[usize]) -> bool {
        let voters = places.iter().filter_map(|&place| self.table.get(place)?.known.as_ref());
        3 * voters.filter(|known| known.state == packet::State::Synchronised).count() > 2 * places.len()
    }

    /// How fast the voters slew towards UTC.
    fn utc_slews(&self, places: &[usize]) -> Vec<f64> {
        places.iter().filter_map(|&place| Some(self.table.get(place)?.known.as_ref()?.published.u)).collect()
    }

    fn vote(&self, place: usize) -> Option<Vote> {
        let known = self.table.get(place)?.known.as_ref()?;
        let published = known.published.y;
        let rate = known.filter.rate().map(|rate| rate.value + published + rate.value * published);
        Some(Vote { lead_ns: known.lead_ns?, error_ns: known.lead_error_ns, rate })
    }

    fn heard(&self) -> usize {
        let round = self.round;
        let recent = |known: &Known| round - known.heard_round <= HEARD_ROUNDS;
        self.table.iter().filter_map(|peer| peer.known.as_ref()).filter(|known| recent(known)).count()
    }

    /// Who lies far outside the gate, by more than what was measured may be wrong by. Only a majority can tell.
    fn suspect(&mut self, outcome: &Step, os: &OsTime, own_ns: i64) {
        if !outcome.majority {
            return;
        }
        let unsteady = self.unsteady_peers();
        let drift_ns = self.settings.tuning.max_drift_ns;
        let raise = |suspicion: u32, wrong: bool| {
            if wrong { (suspicion + SUSPICION_STEP).min(SUSPICION_LIMIT) } else { suspicion.saturating_sub(1) }
        };
        for (place, peer) in self.table.iter_mut().enumerate() {
            let Some(known) = peer.known.as_mut() else { continue };
            if unsteady.contains(&place) {
                known.suspicion = (known.suspicion + SUSPICION_JUMP).min(SUSPICION_LIMIT);
            }
            let Some(lead_ns) = known.lead_ns else { continue };
            // Who says it is synchronised must be; who is on its way may be far off, but not as far as that.
            let settled = known.state == packet::State::Synchronised;
            let allowed_ns = if settled { (WRONG_GATES * outcome.gate_ns).max(WRONG_NS) } else { drift_ns };
            let away_ns = (lead_ns - outcome.median_ns).abs();
            known.suspicion = raise(known.suspicion, away_ns > allowed_ns + known.lead_error_ns);
        }
        // I am the odd one out, or the OS clock beneath me is.
        let flock_ns = own_ns as f64 + outcome.median_ns;
        let os_away_ns = (os.wall_ns as f64 - flock_ns).abs();
        let own_away_ns = outcome.median_ns.abs();
        self.own_suspicion =
            raise(self.own_suspicion, own_away_ns > outcome.gate_ns.max(drift_ns / 2.0) || os_away_ns > drift_ns);
    }

    /// Places of the peers whose oscillator has jumped eight rounds ago. Had most peers jumped about then, it was this one's.
    fn unsteady_peers(&self) -> Vec<usize> {
        let since = |known: &Known| known.jumped_round.map(|jumped| self.round - jumped);
        let all = self.table.iter().filter_map(|peer| peer.known.as_ref());
        let heard = all.filter(|known| self.round - known.heard_round <= HEARD_ROUNDS);
        let (heard, lately) = heard.fold((0, 0), |(heard, lately), known| {
            (heard + 1, lately + usize::from(since(known).is_some_and(|rounds| rounds <= 2 * JUMP_JUDGED_ROUNDS)))
        });
        if 2 * lately > heard {
            return Vec::new();
        }
        let due = |known: &Known| since(known) == Some(JUMP_JUDGED_ROUNDS);
        let places = self.table.iter().enumerate().filter(|(_, peer)| peer.known.as_ref().is_some_and(due));
        places.map(|(place, _)| place).collect()
    }

    /// What is known about UTC: this member's own OS clock, where it counts, and what others say.
    /// Only from those who are nearest to a source: what was passed on and comes back is not another witness.
    fn anchors(&mut self, os: &OsTime, own_ns: i64) -> Vec<Anchor> {
        let own_error = match self.settings.anchor {
            AnchorPolicy::Detect => os.error_ns,
            AnchorPolicy::Never => None,
            AnchorPolicy::Always { error_ns } => Some(error_ns),
        };
        let own_lead_ns = (i128::from(os.wall_ns) - i128::from(own_ns)) as f64;
        let own = own_error.map(|error_ns| (0, Anchor { lead_ns: own_lead_ns, error_ns: error_ns as f64 }));
        let others = self.table.iter().filter_map(|peer| {
            let known = peer.known.as_ref()?;
            let (anchor, lead_ns) = (known.anchor?, known.lead_ns?);
            let error_ns = anchor.error_ns as f64 + known.lead_error_ns;
            let passed_on = Anchor { lead_ns: anchor.offset_ns as f64 + lead_ns, error_ns };
            (anchor.hops <= MOST_HOPS).then_some((anchor.hops, passed_on))
        });
        let all: Vec<(u8, Anchor)> = own.into_iter().chain(others).collect();
        let fewest = all.iter().map(|&(hops, _)| hops).min().unwrap_or(MOST_HOPS);
        self.utc_hops = fewest + 1;
        all.into_iter().filter(|&(hops, _)| hops == fewest).map(|(_, anchor)| anchor).collect()
    }
}
