//! What a member does once a round with what its neighbours told it.

use super::Tuning;
use super::robust::{Gate, gate};

/// Fewer voters cannot make a member jump: of two clocks nobody can tell which one is wrong.
pub(super) const QUORUM: usize = 3;

/// What one peer says this round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vote {
    /// The peer's disciplined clock less one's own, now, nanoseconds.
    pub lead_ns: f64,
    /// What that may be wrong by, nanoseconds.
    pub error_ns: f64,
    /// The rate correction that would make one's own clock run as fast as the peer's; `None` while it is not known.
    pub rate: Option<f64>,
}

/// What a member knows of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "what rounds have added up to; see `Progress`")]
pub struct Own {
    /// The rate correction in force.
    pub rate: f64,
    /// It has been synchronised once: its disciplined clock is being read.
    pub joined: bool,
    /// It has followed measured rates for a while: from now on it averages over longer.
    pub rate_settled: bool,
    /// It is far from a quorum, and who reads it is shown the quorum's time: its own clock may slew as fast as it likes.
    pub degraded: bool,
    /// It has been behind a quorum for so long that it takes the quorum's word against that of its own OS clock.
    pub rejoining: bool,
    /// The OS clock less the disciplined clock, nanoseconds.
    pub os_lead_ns: f64,
}

/// The outcome of a round.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The middle of the flock less one's own clock, nanoseconds: `m`.
    pub median_ns: f64,
    /// The gate about it, nanoseconds: `g`.
    pub gate_ns: f64,
    /// The mean within the gate, nanoseconds: `o`.
    pub offset_ns: f64,
    /// Add this to the clock at once, nanoseconds; zero: nothing.
    pub jump_ns: f64,
    /// The phase slew of the coming round: `s`.
    pub slew: f64,
    /// The rate correction of the coming round: `y`.
    pub rate: f64,
    /// Three voters or more, and most of the flock within the drift limit of its middle: a jump is allowed.
    pub quorum: bool,
    /// Three members or more, this one included, most of all: who is right can be told.
    pub majority: bool,
    /// Voters whose rate is known.
    pub rated: usize,
    /// Somebody lies farther away than the drift limit, and nobody can tell who is right.
    pub undecided: bool,
    /// By vote: it lies outside the gate.
    pub outside: Vec<bool>,
    /// The median of the errors of the votes inside, plus the offset's size, nanoseconds.
    pub error_ns: f64,
}

/// One round. The gate and the mean within it: after Hampel's identifier and the trimmed means of approximate agreement; rates
/// by consensus instead of integration, which slow liars could pump (measured; see the design's references).
pub fn step(votes: &[Vote], own: &Own, tuning: &Tuning) -> Step {
    let mut leads: Vec<f64> = votes.iter().map(|vote| vote.lead_ns).collect();
    leads.push(0.0);
    let rate = agreed_rate(votes, own, tuning);
    let gate = flock_gate(&leads, own, tuning);
    let near = leads.iter().filter(|lead| (*lead - gate.centre).abs() <= tuning.max_drift_ns).count();
    let majority = 2 * near > leads.len();
    let quorum = votes.len() >= QUORUM && majority;
    let rated = votes.iter().filter(|vote| vote.rate.is_some()).count();
    let apart = near < leads.len();
    // A pair, or a tie: none of the two sides can be told to be wrong. Two of three that were together before can.
    let undecided = if votes.len() < QUORUM { apart && !(own.joined && majority) } else { !majority };
    let mut outcome = Step {
        median_ns: gate.centre,
        gate_ns: gate.width,
        offset_ns: 0.0,
        jump_ns: 0.0,
        slew: 0.0,
        rate: if undecided { own.rate } else { rate },
        quorum,
        majority: majority && near >= QUORUM,
        rated,
        undecided,
        outside: votes.iter().map(|vote| !gate.admits(vote.lead_ns)).collect(),
        error_ns: 0.0,
    };
    if !undecided {
        outcome.offset_ns = gate.mean(&leads);
        steer(&mut outcome, own, tuning);
    }
    outcome.error_ns = outcome.offset_ns.abs() + typical_error(votes, &outcome.outside);
    outcome
}

fn flock_gate(leads: &[f64], own: &Own, tuning: &Tuning) -> Gate {
    // Too few to form a middle: whoever is within the drift limit of me counts. Three that were together have one.
    let enough = if own.joined { QUORUM } else { QUORUM + 1 };
    if leads.len() < enough {
        return Gate { centre: 0.0, width: tuning.max_drift_ns };
    }
    let widest = if own.joined { tuning.gate_max_ns } else { tuning.max_drift_ns };
    // Two halves that were in step each for itself would each stay where it is for ever: the later one stays.
    let tie = if own.joined { tuning.gate_max_ns } else { f64::INFINITY };
    let reach = if own.joined { tuning.gate_reach_ns } else { f64::INFINITY };
    gate(leads, tuning.gate_min_ns, widest, reach, tie).unwrap_or(Gate { centre: 0.0, width: widest })
}

/// Slew, or jump where that is allowed.
fn steer(outcome: &mut Step, own: &Own, tuning: &Tuning) {
    let offset = outcome.offset_ns;
    let threshold = match own {
        Own { joined: false, .. } => tuning.jump_joining_ns,
        Own { rejoining: true, .. } => tuning.gate_max_ns,
        _ => tuning.jump_joined_ns,
    };
    let os_agrees = (own.os_lead_ns - outcome.median_ns).abs() <= tuning.max_drift_ns;
    // Nobody reads the clock before it has joined. Afterwards it never goes back.
    let may_jump = outcome.quorum && (!own.joined || (offset > 0.0 && (os_agrees || own.rejoining)));
    if may_jump && offset.abs() > threshold {
        outcome.jump_ns = offset;
        return;
    }
    let fastest = if own.joined && !own.degraded { tuning.slew_joined } else { tuning.slew_joining };
    outcome.slew = (tuning.gain * offset / tuning.round_ns as f64).clamp(-fastest, fastest);
}

fn agreed_rate(votes: &[Vote], own: &Own, tuning: &Tuning) -> f64 {
    let mut rates: Vec<f64> = votes.iter().filter_map(|vote| vote.rate).collect();
    if rates.is_empty() {
        return own.rate;
    }
    rates.push(own.rate);
    let Some(gate) = gate(&rates, 2e-6, 100e-6, f64::INFINITY, f64::INFINITY) else { return own.rate };
    let gain = if own.rate_settled { tuning.rate_gain } else { tuning.rate_gain_settling };
    let towards = own.rate + gain * (gate.mean(&rates) - own.rate) - tuning.rate_leak * own.rate;
    towards.clamp(-tuning.rate_max, tuning.rate_max)
}

fn typical_error(votes: &[Vote], outside: &[bool]) -> f64 {
    let inside = votes.iter().zip(outside).filter(|&(_, &outside)| !outside);
    let mut errors: Vec<f64> = inside.map(|(vote, _)| vote.error_ns).collect();
    errors.sort_by(f64::total_cmp);
    super::robust::middle(&errors)
}
