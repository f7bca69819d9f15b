//! The limits of a scenario. Nothing that passes makes a run fail or grow without bound.

use flocktime_agent::gossip::packet::{MAX_S, MAX_U, MAX_Y};

use super::{Churn, Clocks, Gossip, MAX_NODES, MAX_SAMPLES, MAX_SECONDS, Net, Partition, Scenario, Selection};
use crate::contraction::Synchronous;
use crate::delay::{Delay, Matrix};
use crate::error::Error;
use crate::fault::{Fault, Kind};

/// Parts of a scenario that are lists hold no more.
const MAX_LIST: usize = 1_000;
const MAX_OFFSET_S: f64 = 2e9;

fn within(field: &str, value: f64, least: f64, most: f64) -> Result<(), Error> {
    if value >= least && value <= most {
        return Ok(());
    }
    Err(Error::Limit { field: field.into(), value, least, most })
}

fn conflict(field: &str, reason: impl Into<String>) -> Error {
    Error::Conflict { field: field.into(), reason: reason.into() }
}

impl Scenario {
    /// Holds every number against its limits.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] or [`Error::Conflict`], which name the first field that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        within("nodes", self.nodes.into(), 1.0, MAX_NODES.into())?;
        within("seconds", self.seconds, 1.0, MAX_SECONDS)?;
        within("sample_every_s", self.sample_every_s, (self.seconds / MAX_SAMPLES).max(1e-3), self.seconds)?;
        within("boot_within_s", self.boot_within_s, 0.0, self.seconds)?;
        self.clocks.check(self.nodes)?;
        self.network.check()?;
        self.gossip.check()?;
        within("traffic.messages_per_s", self.traffic.messages_per_s, 0.0, 1e5)?;
        self.churn.iter().try_for_each(Churn::check)?;
        within("partitions", self.partitions.len() as f64, 0.0, MAX_LIST as f64)?;
        within("faults", self.faults.len() as f64, 0.0, MAX_LIST as f64)?;
        for (i, partition) in self.partitions.iter().enumerate() {
            partition.check(&format!("partitions[{i}]"), self.nodes)?;
        }
        for (i, fault) in self.faults.iter().enumerate() {
            fault.check(&format!("faults[{i}]"), self.nodes)?;
        }
        self.synchronous.iter().try_for_each(|overlay| self.check_synchronous(overlay))
    }
}

impl Scenario {
    fn check_synchronous(&self, overlay: &Synchronous) -> Result<(), Error> {
        let field = "synchronous";
        let others = f64::from(self.nodes.saturating_sub(1));
        match overlay {
            Synchronous::RandomPeers(count) => {
                within(&format!("{field}.random_peers"), (*count).into(), 1.0, others.min(MAX_LIST as f64))?;
            }
            Synchronous::Strides(strides) => {
                within(&format!("{field}.strides (length)"), strides.len() as f64, 1.0, 32.0)?;
                for (place, &stride) in strides.iter().enumerate() {
                    // Half-way round, ahead and behind are the same peer.
                    within(&format!("{field}.strides"), stride.into(), 1.0, (others / 2.0).floor())?;
                    if strides[..place].contains(&stride) {
                        return Err(conflict(&format!("{field}.strides"), format!("{stride} is given twice")));
                    }
                }
            }
        }
        if self.churn.is_some() || !self.partitions.is_empty() || !self.faults.is_empty() {
            return Err(conflict(field, "knows no churn, partitions and faults"));
        }
        Ok(())
    }
}

impl Clocks {
    fn check(&self, nodes: u32) -> Result<(), Error> {
        within("clocks.rate_max_ppm", self.rate_max_ppm, 0.0, 1e5)?;
        within("clocks.rate_sd_ppm", self.rate_sd_ppm, 0.0, 1e5)?;
        within("clocks.wander_ppm", self.wander_ppm, 0.0, 100.0)?;
        within("clocks.wander_every_s", self.wander_every_s, 1e-3, 3600.0)?;
        within("clocks.offset_sd_ms", self.offset_sd_ms, 0.0, 1e9)?;
        within("clocks.ntp_members", self.ntp_members.into(), 0.0, nodes.into())?;
        within("clocks.ntp_sd_ms", self.ntp_sd_ms, 0.0, 1e6)
    }
}

impl Net {
    fn check(&self) -> Result<(), Error> {
        within("network.asymmetry_us", self.asymmetry_us, 0.0, 1e6)?;
        within("network.faults.loss", self.faults.loss, 0.0, 1.0)?;
        within("network.faults.duplication", self.faults.duplication, 0.0, 1.0)?;
        within("network.faults.damage", self.faults.damage, 0.0, 1.0)?;
        match &self.delay {
            Delay::Lan | Delay::Wan | Delay::Loopback => Ok(()),
            Delay::Jitter(jitter) => {
                within("network.delay.jitter.base_us", jitter.base_us, 0.0, 1e8)?;
                within("network.delay.jitter.mean_us", jitter.mean_us, 0.0, 1e8)?;
                within("network.delay.jitter.spike_share", jitter.spike_share, 0.0, 1.0)?;
                within("network.delay.jitter.spike_us", jitter.spike_us, 0.0, 1e8)
            }
            Delay::Matrix(matrix) => matrix.check(),
        }
    }
}

impl Matrix {
    fn check(&self) -> Result<(), Error> {
        let field = "network.delay.matrix";
        let places = self.regions.len();
        within(&format!("{field}.regions"), places as f64, 1.0, MAX_LIST as f64)?;
        if self.links.len() != places || self.links.iter().any(|row| row.len() != places) {
            return Err(conflict(&format!("{field}.links"), format!("must have {places} rows of {places} links each")));
        }
        for (from, row) in self.links.iter().enumerate() {
            for (to, link) in row.iter().enumerate() {
                let field = format!("{field}.links[{from}][{to}]");
                within(&format!("{field}.min_ms"), link.min_ms, 0.0, 1e5)?;
                within(&format!("{field}.avg_ms"), link.avg_ms, link.min_ms, 1e5)?;
                within(&format!("{field}.mdev_ms"), link.mdev_ms, 0.0, 1e5)?;
            }
        }
        Ok(())
    }
}

impl Gossip {
    fn check(&self) -> Result<(), Error> {
        within("gossip.fanout", self.fanout.into(), 1.0, 64.0)?;
        within("gossip.view", self.view.into(), 1.0, 4096.0)?;
        within("gossip.contacts", self.contacts.into(), 1.0, 4096.0)?;
        within("gossip.max_drift_ms", self.max_drift_ms, 0.001, 1e12)?;
        self.tuning.given().try_for_each(|(name, value)| within(&format!("gossip.tuning.{name}"), value, 0.0, 1e18))?;
        let tuning = self.tuning();
        within("gossip.tuning.gate_min_ns", tuning.gate_min_ns, 0.0, tuning.gate_max_ns.min(tuning.max_drift_ns))?;
        within("gossip.tuning.slew_joining", tuning.slew_joining, 0.0, MAX_S)?;
        within("gossip.tuning.slew_joined", tuning.slew_joined, 0.0, MAX_S)?;
        within("gossip.tuning.rate_max", tuning.rate_max, 0.0, MAX_Y)?;
        within("gossip.tuning.utc_max", tuning.utc_max, 0.0, MAX_U)
    }
}

impl Churn {
    fn check(&self) -> Result<(), Error> {
        within("churn.every_s", self.every_s, 0.1, MAX_SECONDS)?;
        within("churn.share", self.share, 0.0, 1.0)?;
        within("churn.from_s", self.from_s, 0.0, MAX_SECONDS)?;
        within("churn.known_after_s", self.known_after_s, 0.0, MAX_SECONDS)
    }
}

impl Partition {
    fn check(&self, field: &str, nodes: u32) -> Result<(), Error> {
        self.members.check(&format!("{field}.members"), nodes)?;
        span(field, self.from_s, Some(self.to_s))
    }
}

impl Selection {
    fn check(&self, field: &str, nodes: u32) -> Result<(), Error> {
        match self {
            Self::First(n) | Self::Last(n) => within(field, (*n).into(), 1.0, nodes.into()),
            Self::Share(share) => within(field, *share, 0.0, 1.0),
            Self::List(list) => {
                within(&format!("{field} (length)"), list.len() as f64, 1.0, nodes.into())?;
                list.iter().try_for_each(|&member| within(field, member.into(), 0.0, f64::from(nodes - 1)))
            }
        }
    }
}

fn span(field: &str, from_s: f64, to_s: Option<f64>) -> Result<(), Error> {
    within(&format!("{field}.from_s"), from_s, 0.0, MAX_SECONDS)?;
    to_s.map_or(Ok(()), |to_s| within(&format!("{field}.to_s"), to_s, from_s, MAX_SECONDS))
}

impl Fault {
    fn check(&self, field: &str, nodes: u32) -> Result<(), Error> {
        self.members.check(&format!("{field}.members"), nodes)?;
        span(field, self.from_s, self.to_s)?;
        let number =
            |name: &str, value: f64, least: f64, most: f64| within(&format!("{field}.kind.{name}"), value, least, most);
        let offset = |name: &str, value: f64, most: f64| number(name, value, -most, most);
        let every = |value: f64| number("every_s", value, 0.1, MAX_SECONDS);
        match &self.kind {
            Kind::Constant { offset_ms } | Kind::TwoFaced { offset_ms } => {
                offset("offset_ms", *offset_ms, MAX_OFFSET_S * 1e3)
            }
            Kind::Ramp { ppm } | Kind::Creep { ppm } => offset("ppm", *ppm, 1e6),
            Kind::Rate { ppm } => offset("ppm", *ppm, 1e5),
            Kind::Drag { of_gate } | Kind::Split { of_gate } => offset("of_gate", *of_gate, 1e3),
            Kind::Flapping { offset_ms, period_s } => {
                offset("offset_ms", *offset_ms, MAX_OFFSET_S * 1e3)?;
                number("period_s", *period_s, 0.1, MAX_SECONDS)
            }
            Kind::Runaway { offset_s } | Kind::OsSet { offset_s } => offset("offset_s", *offset_s, MAX_OFFSET_S),
            Kind::CrashLoop { offset_s, every_s } => offset("offset_s", *offset_s, MAX_OFFSET_S).and(every(*every_s)),
            Kind::Ratchet { of_limit } => number("of_limit", *of_limit, 0.0, 1e3),
            Kind::Step { by_s, every_s, .. } => offset("by_s", *by_s, 1e5).and(every(*every_s)),
            Kind::Freeze { for_s, every_s } => {
                number("for_s", *for_s, 0.0, MAX_SECONDS)?;
                every_s.map_or(Ok(()), every)
            }
            Kind::Pause | Kind::Restart if self.to_s.is_none() => {
                Err(conflict(&format!("{field}.to_s"), "a pause or a restart has to end"))
            }
            Kind::Pause | Kind::Restart => Ok(()),
        }
    }
}
