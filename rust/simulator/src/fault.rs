//! What goes wrong with members, as plain data.

use serde::{Deserialize, Serialize};

use crate::scenario::Selection;

/// Something that goes wrong with some members for some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// With whom.
    pub members: Selection,
    /// From this second on.
    #[serde(default)]
    pub from_s: f64,
    /// Until this one; to the end where it is not given.
    #[serde(default)]
    pub to_s: Option<f64>,
    /// What.
    pub kind: Kind,
}

/// All that can go wrong.
///
/// Liars run a real machine and hold the key; what they publish is rewritten and signed again. They know everything: the flock's
/// time, the receiver's clock, and how wide the gate is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Lies: L is off by so much.
    Constant {
        /// How much, milliseconds.
        offset_ms: f64,
    },
    /// Lies: L runs away from the true one, and the published rate does not say so.
    Ramp {
        /// How fast, ppm.
        ppm: f64,
    },
    /// Lies: L is early to one half of the members and late to the other one.
    TwoFaced {
        /// How much, milliseconds.
        offset_ms: f64,
    },
    /// Lies: L is ahead of the flock's time by just so much that it is still counted.
    Drag {
        /// Of the gate, one being its edge.
        #[serde(default = "nearly")]
        of_gate: f64,
    },
    /// Lies: who is early is shown something earlier, who is late something later, both just within the gate.
    Split {
        /// Of the gate, one being its edge.
        #[serde(default = "nearly")]
        of_gate: f64,
    },
    /// Lies now and then.
    Flapping {
        /// How much, milliseconds.
        offset_ms: f64,
        /// On for half of this, off for the other half, seconds.
        period_s: f64,
    },
    /// Lies: L and the published rate creep away together, never faster than what is still counted.
    Creep {
        /// How fast, ppm.
        ppm: f64,
    },
    /// Lies: L and stamps are in another year, and it claims to be synchronised.
    Runaway {
        /// How far ahead, seconds.
        #[serde(default = "until_2051")]
        offset_s: f64,
    },
    /// The same, dying and coming back under fresh ids.
    CrashLoop {
        /// How far ahead, seconds.
        #[serde(default = "until_2051")]
        offset_s: f64,
        /// How often, seconds.
        every_s: f64,
    },
    /// Lies: stamps are always the latest ones that the receiver still accepts.
    Ratchet {
        /// Of the drift limit, one being its edge.
        #[serde(default = "one")]
        of_limit: f64,
    },
    /// Honest software; its OS clock is set to so much from true time, and right again at the end. Its counter does not notice.
    OsSet {
        /// How far ahead, seconds; 25 years are 788,918,400.
        offset_s: f64,
    },
    /// Honest software; its counter jumps ahead and back in turn.
    Step {
        /// How far, seconds.
        by_s: f64,
        /// How often, seconds.
        every_s: f64,
        /// Always in the same direction.
        #[serde(default)]
        same_way: bool,
    },
    /// Honest software; its counter stands still again and again, and stays behind.
    Freeze {
        /// For how long, seconds.
        for_s: f64,
        /// How often, seconds; once where it is not given.
        #[serde(default)]
        every_s: Option<f64>,
    },
    /// Honest software; its counter has another rate.
    Rate {
        /// How much is added, ppm.
        ppm: f64,
    },
    /// The process is stopped, and goes on at the end; what arrives meanwhile waits.
    Pause,
    /// The process dies, and a new one starts at the end: same address and origin, nothing remembered.
    Restart,
}

const fn nearly() -> f64 {
    0.95
}

const fn one() -> f64 {
    1.0
}

/// From the start of the simulated time to the middle of 2051.
const fn until_2051() -> f64 {
    788_918_400.0
}

/// How a member is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing was ever wrong with it.
    Honest,
    /// Its counter is sound and it tells the truth, but its process or its OS clock is not. Counted once it is in step.
    Troubled,
    /// It lies, or its counter is broken.
    Faulty,
}

impl Kind {
    /// What it makes of a member.
    pub fn standing(&self) -> Standing {
        match self {
            Self::OsSet { .. } | Self::Pause | Self::Restart => Standing::Troubled,
            _ => Standing::Faulty,
        }
    }
}
