//! Once a round: what the step says, and what follows for the disciplined clock and for those who read it.

use flocktime_core::Guidance;
use flocktime_core::flocking::{Own, Standing, State, Step, Vote, step};

use super::host::{Host, OsTime};
use super::machine::Machine;
use super::voters::SETTLING_ROUNDS;

/// A peer is forgotten after so many silent rounds.
const FORGET_ROUNDS: u64 = 600;
/// Stamps are never judged more sharply than this, nanoseconds.
const SHARPEST_LIMIT_NS: f64 = 5e6;

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
        self.suspect(&outcome, os_away_ns);
        self.heed_utc(&os, own_ns, &chosen);
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
}
