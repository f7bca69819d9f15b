//! What a member is started with, and why it may not start.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flocktime_core::flocking::WORST_ANCHOR_NS;
use flocktime_core::{SourceFailed, TimeSource, Timestamp};

use super::peers::PeerError;
use crate::gossip::{AnchorPolicy, MAX_PEERS, Settings};

/// This process's clock as the flock sees it. Called from the member's thread and from threads that handle headers, one at a
/// time, while the member is locked: it must be quick, and must not call the member.
pub trait Stamps: Send + Sync {
    /// The node id of its stamps, which may change: with a reset, say.
    fn node(&self) -> u64;
    /// A send event; `None` while the clock has no time to give.
    fn stamp(&self) -> Option<Timestamp>;
    /// A receive event. What the clock refuses it counts itself. `trusted`: the cluster's key vouches for the epoch.
    fn merge(&self, remote: Timestamp, trusted: bool);
}

/// What a [`Member`](super::Member) is started with. [`MemberConfig::new`] gives the defaults.
#[derive(Clone)]
pub struct MemberConfig {
    /// Where to listen: port 0 lets the operating system choose, `[::]` hears IPv4 as well. `None`: no socket, headers only.
    pub listen: Option<SocketAddr>,
    /// For the machine.
    pub settings: Settings,
    /// `host:port`, a name or an address, IPv6 in brackets. At most [`MAX_PEERS`] of them, [`MAX_NAMES`](super::MAX_NAMES) names
    /// among them.
    pub peers: Vec<String>,
    /// What the flock's clock is built upon; `None`: the OS clock, and only then what the operating system says about its
    /// synchronisation counts.
    pub base: Option<Arc<dyn TimeSource>>,
    /// How long what a name stands for is believed.
    pub resolve_every: Duration,
}

impl MemberConfig {
    /// No socket, no peers, the OS clock, names resolved every 30 seconds.
    pub fn new(settings: Settings) -> Self {
        Self { listen: None, settings, peers: Vec::new(), base: None, resolve_every: Duration::from_secs(30) }
    }

    /// The first setting that is out of bounds.
    pub(super) fn check(&self) -> Result<(), StartError> {
        const SECOND_NS: u64 = 1_000_000_000;
        let settings = &self.settings;
        let anchor_error_ns = match settings.anchor {
            AnchorPolicy::Always { error_ns } => error_ns,
            AnchorPolicy::Detect | AnchorPolicy::Never => 0,
        };
        let bounds = [
            ("node", settings.node, 0, (1 << 48) - 1),
            ("fanout", settings.fanout as u64, 0, 256),
            ("view", settings.view as u64, 0, MAX_PEERS as u64),
            ("round_ns", settings.tuning.round_ns, SECOND_NS / 1000, 3600 * SECOND_NS),
            ("anchor_error_ns", anchor_error_ns, 0, WORST_ANCHOR_NS as u64),
            ("resolve_every_ms", self.resolve_every.as_millis() as u64, 10, u64::MAX),
        ];
        let offender = bounds.into_iter().find(|&(_, value, least, most)| value < least || value > most);
        offender.map_or(Ok(()), |(name, value, least, most)| Err(StartError::Setting { name, value, least, most }))?;
        let offender = settings.tuning.offender();
        offender.map_or(Ok(()), |(name, value, most)| Err(StartError::Tuning { name, value, most }))
    }
}

/// Why a member did not start. Nothing is left of it then.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Listen {
        /// As it was given.
        address: SocketAddr,
        /// The operating system's word.
        error: io::Error,
    },
    /// A peer's name is none, or there are too many.
    Peer(PeerError),
    /// A setting is out of bounds.
    Setting {
        /// Which one.
        name: &'static str,
        /// What it was.
        value: u64,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
    /// A number of the control loop is out of bounds.
    Tuning {
        /// Which one.
        name: &'static str,
        /// What it was.
        value: f64,
        /// The most it may be; the least is zero.
        most: f64,
    },
    /// The base cannot be read.
    Source(SourceFailed),
    /// The operating system refuses something else.
    Os {
        /// What was asked of it.
        what: &'static str,
        /// Its word.
        error: io::Error,
    },
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::Peer(error) => error.fmt(f),
            Self::Setting { name, value, least, most } => {
                write!(f, "{name} is {value}, and must be between {least} and {most}")
            }
            Self::Tuning { name, value, most } => {
                write!(f, "tuning.{name} is {value}, and must be between 0 and {most}")
            }
            Self::Source(_) => f.write_str("the base of the flock's clock cannot be read"),
            Self::Os { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { error, .. } | Self::Os { error, .. } => Some(error),
            Self::Peer(error) => Some(error),
            Self::Setting { .. } | Self::Tuning { .. } | Self::Source(_) => None,
        }
    }
}

impl From<PeerError> for StartError {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

/// Why a member does nothing (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// This is a forked child, and the member is its parent's.
    Detached,
    /// It was stopped.
    Stopped,
    /// Its thread came to a bad end; [`Member::status`](super::Member::status) has the reason.
    Failed,
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Detached => "the flock's member belongs to the parent of this process",
            Self::Stopped => "the flock's member was stopped",
            Self::Failed => "the flock's member has failed",
        })
    }
}

impl std::error::Error for Unavailable {}
