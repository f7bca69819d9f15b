//! What rounds add up to: who is synchronised, who is degraded, who has come back.

use super::step::QUORUM;
use super::{Step, Tuning};

/// Ahead or behind for so many rounds is no accident.
const LASTING_ROUNDS: u32 = 3;
/// Behind for so many: the quorum is right, and this member's own OS clock is not.
const REJOIN_ROUNDS: u32 = 10;

/// How a member stands in its flock. The numbers are what packets carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum State {
    /// Nobody was heard lately.
    #[default]
    Alone = 0,
    /// Others were heard; not yet together.
    Joining = 1,
    /// Too few voters, or too divided, to tell who is right.
    Undecided = 2,
    /// Within a millisecond of the flock for ten rounds.
    Synchronised = 3,
    /// Far from a quorum: stamps follow the flock instead of this member's own clock.
    Degraded = 4,
    /// Measures and reports, never steers.
    Monitoring = 5,
}

impl State {
    /// The word for it, in reports and data.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Joining => "joining",
            Self::Undecided => "undecided",
            Self::Synchronised => "synchronised",
            Self::Degraded => "degraded",
            Self::Monitoring => "monitoring",
        }
    }
}

/// What [`Progress::advance`] has to know of a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Peers heard lately, voting or not.
    pub heard: usize,
    /// Peers that voted.
    pub voters: usize,
    /// The drift limit of those who are together, nanoseconds: beyond it they refuse this member's stamps.
    pub limit_ns: f64,
}

/// Counts rounds. Pure: the same rounds lead to the same progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    state: State,
    joined: bool,
    close: u32,
    far: u32,
    lonely: u32,
    astray: u32,
    few: u32,
    degraded: bool,
    rated: u32,
}

impl Progress {
    /// Takes a round in and says how this member stands.
    pub fn advance(&mut self, step: &Step, standing: Standing, tuning: &Tuning) -> State {
        let close = standing.voters > 0 && !step.undecided && step.offset_ns.abs() < tuning.close_ns;
        self.close = if close { (self.close + 1).min(tuning.close_rounds) } else { 0 };
        self.far = if close { 0 } else { self.far.saturating_add(1) };
        self.lonely = if standing.voters > 0 { 0 } else { self.lonely.saturating_add(1) };
        self.rated = if step.rated > 0 { self.rated.saturating_add(1) } else { self.rated };
        self.few = if standing.voters < QUORUM { self.few.saturating_add(1) } else { 0 };
        self.watch_distance(step, standing.limit_ns, tuning);
        let was_synchronised = self.state == State::Synchronised;
        // Who was synchronised stays so through a few bad rounds, but not alone and not divided.
        let holds = was_synchronised && self.far < tuning.close_rounds && self.lonely < tuning.close_rounds;
        self.state = if standing.heard == 0 && (self.lonely >= LASTING_ROUNDS || self.state == State::Alone) {
            State::Alone
        } else if step.undecided {
            State::Undecided
        } else if self.degraded {
            State::Degraded
        } else if self.close == tuning.close_rounds || holds {
            self.joined = true;
            State::Synchronised
        } else {
            State::Joining
        };
        self.state
    }

    /// Far ahead of a quorum or far behind it, for three rounds and until well back.
    fn watch_distance(&mut self, step: &Step, limit_ns: f64, tuning: &Tuning) {
        let distance = step.median_ns.abs();
        if !(self.joined && step.quorum) {
            self.astray = 0;
            // A quorum that is lost leaves things as they are, but not for ever: the few who are left have to find together.
            self.degraded = self.degraded && self.joined && self.few < tuning.close_rounds;
            return;
        }
        self.astray = if distance > limit_ns / 2.0 { self.astray.saturating_add(1) } else { 0 };
        if self.astray >= LASTING_ROUNDS {
            self.degraded = true;
        } else if distance < limit_ns / 4.0 {
            self.degraded = false;
        }
    }

    /// How this member stood after the latest round.
    pub fn state(&self) -> State {
        self.state
    }

    /// It has been synchronised once; never taken back.
    pub fn joined(&self) -> bool {
        self.joined
    }

    /// Rounds in which it has followed measured rates.
    pub fn rated_rounds(&self) -> u32 {
        self.rated
    }

    /// It is far from a quorum: what it shows is the quorum's time.
    pub fn degraded(&self) -> bool {
        self.degraded
    }

    /// It has been far from the quorum for so long that the quorum's word counts more than its own OS clock.
    pub fn rejoining(&self) -> bool {
        self.astray >= REJOIN_ROUNDS
    }
}
