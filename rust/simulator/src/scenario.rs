//! A run as plain data.

mod check;

use serde::{Deserialize, Serialize};

use crate::contraction::Synchronous;
use crate::delay::Delay;
use crate::error::Error;
use crate::fault::Fault;
use flocktime_core::flocking::Tuning;

/// The most members.
pub const MAX_NODES: u32 = 20_000;
/// The most simulated seconds.
pub const MAX_SECONDS: f64 = 100_000.0;
/// The most samples that a run takes.
pub const MAX_SAMPLES: f64 = 100_000.0;

/// Everything about a run but its seed. What is not given has the values of the design's setting: a local network, clocks of
/// 20 ppm, offsets of 100 ms, four random peers a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// For people.
    #[serde(default)]
    pub name: String,
    /// How many members start, 1 to [`MAX_NODES`].
    pub nodes: u32,
    /// How long it lasts, 1 to [`MAX_SECONDS`].
    pub seconds: f64,
    /// How often it is looked at from outside, seconds.
    #[serde(default = "one")]
    pub sample_every_s: f64,
    /// The members start within this time, each at a random instant of it.
    #[serde(default = "one")]
    pub boot_within_s: f64,
    /// Their hardware.
    #[serde(default)]
    pub clocks: Clocks,
    /// What lies between them.
    #[serde(default)]
    pub network: Net,
    /// How they gossip.
    #[serde(default)]
    pub gossip: Gossip,
    /// What they say to each other besides.
    #[serde(default)]
    pub traffic: Traffic,
    /// Who comes and goes.
    #[serde(default)]
    pub churn: Option<Churn>,
    /// When the network falls apart.
    #[serde(default)]
    pub partitions: Vec<Partition>,
    /// What goes wrong with members.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// The step alone, in rounds, instead of machines and a network.
    #[serde(default)]
    pub synchronous: Option<Synchronous>,
}

const fn one() -> f64 {
    1.0
}

/// Counters and clocks as they come from the shop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clocks {
    /// Standard deviation of the rate error, ppm.
    pub rate_sd_ppm: f64,
    /// No rate error is greater, ppm.
    pub rate_max_ppm: f64,
    /// Standard deviation of the rate's change in one second, ppm.
    pub wander_ppm: f64,
    /// How often the rate changes, seconds.
    pub wander_every_s: f64,
    /// Standard deviation of the OS clocks' offset at the start, milliseconds.
    pub offset_sd_ms: f64,
    /// So many members, the first ones, have an OS clock that NTP keeps synchronised.
    pub ntp_members: u32,
    /// Standard deviation of such a clock's offset, milliseconds; the error that it admits is four times that.
    pub ntp_sd_ms: f64,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            rate_sd_ppm: 20.0,
            rate_max_ppm: 100.0,
            wander_ppm: 0.01,
            wander_every_s: 1.0,
            offset_sd_ms: 100.0,
            ntp_members: 0,
            ntp_sd_ms: 1.0,
        }
    }
}

/// The network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Net {
    /// One-way delays.
    pub delay: Delay,
    /// Standard deviation of the difference between both ways of a link, microseconds.
    pub asymmetry_us: f64,
    /// What else happens.
    pub faults: Faultiness,
}

/// Probabilities, for each datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faultiness {
    /// It is lost.
    pub loss: f64,
    /// It arrives twice.
    pub duplication: f64,
    /// One bit of it is turned.
    pub damage: f64,
}

/// The settings of the machines.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gossip {
    /// Peers asked in a round.
    pub fanout: u32,
    /// Peers kept in view.
    pub view: u32,
    /// Peers that a member is told of; with fewer members it knows all.
    pub contacts: u32,
    /// The drift limit of the clocks, milliseconds.
    pub max_drift_ms: f64,
    /// Whether packets are signed.
    pub signed: bool,
    /// Whether members steer, or only watch.
    pub steer: bool,
    /// Numbers of the control loop that are not the usual ones.
    pub tuning: TuningChange,
}

impl Default for Gossip {
    fn default() -> Self {
        Self {
            fanout: 4,
            view: 16,
            contacts: 256,
            max_drift_ms: 500.0,
            signed: true,
            steer: true,
            tuning: TuningChange::default(),
        }
    }
}

macro_rules! tuning_change {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Numbers of [`Tuning`] to be used instead of the usual ones.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct TuningChange {
            $(#[doc = concat!("See [`Tuning::", stringify!($name), "`].")] pub $name: Option<f64>),+
        }

        impl TuningChange {
            /// Every number that is given, with its name.
            pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, f64)> {
                [$((stringify!($name), self.$name)),+].into_iter().filter_map(|(name, value)| Some((name, value?)))
            }

            fn apply(&self, tuning: &mut Tuning) {
                $(if let Some(value) = self.$name { tuning.$name = value; })+
            }
        }
    };
}

tuning_change! {
    gain, rate_gain, utc_gain, gate_min_ns, gate_max_ns, slew_joining, slew_joined, rate_max, utc_max, jump_joining_ns,
    jump_joined_ns, close_ns,
}

impl Gossip {
    /// The control loop's numbers.
    pub fn tuning(&self) -> Tuning {
        let mut tuning = Tuning { max_drift_ns: self.max_drift_ms * 1e6, ..Tuning::default() };
        self.tuning.apply(&mut tuning);
        tuning
    }
}

/// Messages of the application, stamped by the members' clocks and merged by who receives them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traffic {
    /// How many a member sends in a second, each to a random other one.
    pub messages_per_s: f64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { messages_per_s: 1.0 }
    }
}

/// Members are replaced by new ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Churn {
    /// How often, seconds.
    pub every_s: f64,
    /// How many of one.
    pub share: f64,
    /// From when on.
    #[serde(default)]
    pub from_s: f64,
    /// Others hear of a newcomer's address after so long.
    #[serde(default = "one")]
    pub known_after_s: f64,
}

/// A part of the members is cut off from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// From this second on.
    pub from_s: f64,
    /// Until this one.
    pub to_s: f64,
    /// Who is cut off.
    pub members: Selection,
}

/// Some of the members, who are numbered from 0 on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// The first so many.
    First(u32),
    /// The last so many.
    Last(u32),
    /// The first so many of one.
    Share(f64),
    /// These.
    List(Vec<u32>),
}

impl Selection {
    /// Whom it means, of `nodes` members.
    pub fn members(&self, nodes: u32) -> Vec<u32> {
        match self {
            Self::First(n) => (0..*n.min(&nodes)).collect(),
            Self::Last(n) => (nodes.saturating_sub(*n)..nodes).collect(),
            Self::Share(share) => (0..(share * f64::from(nodes)).round() as u32).collect(),
            Self::List(list) => list.clone(),
        }
    }
}

impl Scenario {
    /// Reads and checks a scenario.
    ///
    /// # Errors
    ///
    /// [`Error::Text`] with line and column, then what [`Scenario::check`] says.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let scenario: Self = serde_json::from_str(text).map_err(|error| Error::Text(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }
}

/// Seconds of a scenario as nanoseconds of true time.
pub(crate) fn ns(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}
