//! Once a round: what the step says, and what follows for the disciplined clock and for those who read it.

use flocktime_core::flocking::{Own, Standing, State, Step, Vote, WORST_ANCHOR_NS, step};
use flocktime_core::{Discipline, Guidance};

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
        let late_ns = host.raw_ns().saturating_sub(now_ns);
        self.counters.rounds += 1;
        let mut own_ns = self.discipline.at(now_ns);
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
        let mut outcome = step(&votes, &own, &self.settings.tuning);
        self.counters.rounds_without_quorum += u64::from(!outcome.quorum);
        let os_away_ns = (own.os_lead_ns - outcome.median_ns).abs();
        self.os_agrees = outcome.majority && os_away_ns <= self.settings.tuning.max_drift_ns;
        let limit_ns = self.sharp_limit_ns(outcome.error_ns - outcome.offset_ns.abs());
        let standing = Standing { heard: self.heard(), voters: votes.len(), limit_ns };
        let (before, was_degraded) = (self.progress.state(), self.progress.degraded());
        let mut state = self.progress.advance(&outcome, standing, &self.settings.tuning);
        if was_degraded && !self.progress.degraded() {
            own_ns = self.take_over(now_ns, own_ns, limit_ns, &mut outcome);
        }
        if !self.settings.steer {
            state = State::Monitoring;
        }
        self.settled_rounds = self.settled_rounds(before, state);
        self.suspect(&outcome, os_away_ns);
        self.heed_utc(&os, late_ns, now_ns, own_ns, &chosen);
        if self.settings.steer {
            self.steer(&outcome, now_ns);
        } else {
            self.follow_os(&os, now_ns);
        }
        self.guidance = self.guide(state, &outcome, now_ns, own_ns);
        self.last = Some(outcome);
        let partners = &self.partners;
        self.table.forget_silent(self.round.saturating_sub(FORGET_ROUNDS), |route| match route {
            super::Route::Address(address) => partners.is_wanted(*address),
            super::Route::Label(_) | super::Route::Caller { .. } => false,
        });
    }

    /// How long it has been synchronised.
    fn settled_rounds(&self, before: State, state: State) -> u32 {
        match state {
            State::Synchronised if before == State::Synchronised => self.settled_rounds.saturating_add(1),
            // Into a flock that was there before: nobody is still arriving.
            State::Synchronised if self.found_flock == Some(true) => SETTLING_ROUNDS,
            _ => 0,
        }
    }

    /// No longer degraded, or left by the quorum: what it has shown all the while is its time now, not where its own clock would be.
    /// Otherwise what is read would fall by the difference. All that was measured against its own clock moves with it, and how to
    /// steer is for the next round to say. Where another quorum says otherwise what was shown is nobody's time any more.
    fn take_over(&mut self, now_ns: u64, own_ns: i64, limit_ns: f64, outcome: &mut Step) -> i64 {
        let shown_ns = self.guidance.discipline.at(now_ns);
        let moved_ns = (i128::from(shown_ns) - i128::from(own_ns)) as f64;
        if outcome.quorum && (outcome.median_ns - moved_ns).abs() > limit_ns / 2.0 {
            return own_ns;
        }
        self.discipline = self.guidance.discipline;
        for known in self.table.iter_mut().filter_map(|peer| peer.known.as_mut()) {
            known.lead_ns = known.lead_ns.map(|lead_ns| lead_ns - moved_ns);
        }
        let before_ns = outcome.offset_ns;
        outcome.median_ns -= moved_ns;
        outcome.offset_ns -= moved_ns;
        outcome.error_ns += outcome.offset_ns.abs() - before_ns.abs();
        (outcome.jump_ns, outcome.slew) = (0.0, 0.0);
        shown_ns
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
    fn guide(&self, state: State, outcome: &Step, now_ns: u64, own_ns: i64) -> Guidance {
        let joined = self.progress.joined() && self.settings.steer;
        let degraded = self.progress.degraded() && self.settings.steer;
        // A degraded member shows the flock's time: how far its own clock is from that plays no part.
        let away_ns = if degraded { outcome.offset_ns.abs() } else { 0.0 };
        let sharp_ns = self.sharp_limit_ns(outcome.error_ns - away_ns);
        let settled = match state {
            State::Synchronised => self.settled_rounds >= SETTLING_ROUNDS,
            State::Degraded => true,
            State::Alone | State::Joining | State::Undecided | State::Monitoring => false,
        };
        let shown = if degraded { self.show_flock(outcome, now_ns, own_ns, sharp_ns) } else { self.discipline };
        let (error_ns, free_running) = self.vouch(&shown, now_ns, own_ns).unzip();
        Guidance {
            discipline: shown,
            in_force: joined,
            limit_us: (joined && settled).then_some((sharp_ns / 1e3) as u64),
            refuse: self.settings.refuse_until_ready && self.settings.steer,
            error_ns,
            free_running: free_running.unwrap_or(false),
        }
    }

    /// What the time that is shown may be wrong by against UTC, and whether that is only what was known before, grown.
    fn vouch(&self, shown: &Discipline, now_ns: u64, own_ns: i64) -> Option<(u64, bool)> {
        let shown_ns = shown.at(now_ns);
        if let Some((low_ns, high_ns)) = self.utc_span_ns {
            let moved_ns = (i128::from(shown_ns) - i128::from(own_ns)) as f64;
            return Some(((low_ns - moved_ns).abs().max((high_ns - moved_ns).abs()).ceil() as u64, false));
        }
        let before = self.guidance;
        let moved_ns = shown_ns.abs_diff(before.discipline.at(now_ns));
        let error_ns = before.bound_at(now_ns)?.error_ns.saturating_add(moved_ns);
        (error_ns as f64 <= WORST_ANCHOR_NS).then_some((error_ns, true))
    }

    /// The flock's middle, not how this member's own clock gets there. What is read is slewed back to it, so that it does not fall;
    /// only one that is far ahead, as far as makes degraded, is there at once.
    fn show_flock(&self, outcome: &Step, now_ns: u64, own_ns: i64, limit_ns: f64) -> Discipline {
        let before = self.guidance.discipline;
        if !outcome.quorum {
            return before; // nobody there to follow: on as before
        }
        let tuning = &self.settings.tuning;
        let middle_ns = own_ns.saturating_add(outcome.median_ns as i64);
        let shown_ns = before.at(now_ns);
        let behind_ns = (i128::from(middle_ns) - i128::from(shown_ns)) as f64;
        if behind_ns < 0.0 && behind_ns >= -limit_ns / 2.0 {
            let slew = (tuning.gain * behind_ns / tuning.round_ns as f64).max(-tuning.slew_joined);
            return Discipline { l0_ns: shown_ns, s: slew, ..self.discipline };
        }
        Discipline { l0_ns: middle_ns, s: 0.0, ..self.discipline }
    }

    /// What stamps are judged by in a flock that is together and known to so much: ten times that.
    fn sharp_limit_ns(&self, error_ns: f64) -> f64 {
        (10.0 * error_ns).clamp(SHARPEST_LIMIT_NS, self.settings.tuning.max_drift_ns.max(SHARPEST_LIMIT_NS))
    }
}
