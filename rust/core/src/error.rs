//! Everything that can be refused, with its evidence.

use core::fmt;
use std::borrow::Cow;

use crate::Timestamp;
use crate::shared_state::{LEASE_UNIT_US, Unleased, lowest};
use crate::time_source::SourceFailed;

/// Which decoder refused a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the forms")]
pub enum Form {
    Fields,
    Hex,
    Str,
    Json,
    Uuid,
}

impl Form {
    /// The name that error messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fields => "fields",
            Self::Hex => "hex",
            Self::Str => "str",
            Self::Json => "json",
            Self::Uuid => "uuid",
        }
    }
}

/// A value that is no timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTimestamp {
    /// Which decoder refused it.
    pub form: Form,
    /// What is wrong, in words.
    pub reason: Cow<'static, str>,
    /// Index of the first offending character, where there is one.
    pub position: Option<usize>,
}

impl InvalidTimestamp {
    pub(crate) fn new(form: Form, reason: impl Into<Cow<'static, str>>, position: Option<usize>) -> Self {
        Self { form, reason: reason.into(), position }
    }

    pub(crate) fn range(form: Form, field: &str, largest: u64, position: Option<usize>) -> Self {
        Self::new(form, format!("{field} must lie in 0..={largest}"), position)
    }
}

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a timestamp ({}): {}", self.form.name(), self.reason)?;
        self.position.map_or(Ok(()), |position| write!(f, " at position {position}"))
    }
}

impl core::error::Error for InvalidTimestamp {}

/// Why an epoch was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochRefusal {
    /// More than one step up, and nobody vouches for it.
    Jump,
    /// One step up, too soon after the last one.
    TooSoon {
        /// Microseconds until the next step is allowed.
        wait_us: u64,
    },
    /// Moving on without a quorum needs force.
    NeedsForce,
    /// There is no higher epoch.
    Top,
}

/// Why a clock refused. It is exactly as it was before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockError {
    /// A remote timestamp lies further ahead than the drift limit allows.
    Drift {
        /// What was refused.
        remote: Timestamp,
        /// How far it leads this clock's time, in microseconds.
        offset_us: i64,
        /// The largest lead that is accepted, inclusive, in microseconds.
        limit_us: i64,
    },
    /// An epoch was refused.
    Epoch {
        /// The timestamp that proposed it; `None` where the operator did.
        remote: Option<Timestamp>,
        /// The epoch that stays in force.
        epoch: u16,
        /// The one that was refused: one above the top where there is none left.
        proposed: u32,
        /// Why.
        why: EpochRefusal,
    },
    /// A received timestamp of this clock's own node lies above everything this clock has issued.
    Collision {
        /// What was refused.
        remote: Timestamp,
        /// What this clock had reached.
        last: Timestamp,
    },
    /// A clock with a fixed node was used in a forked child.
    Forked {
        /// The node, which still belongs to the parent.
        node: u64,
    },
    /// The timestamps of this epoch are used up: 3.5e14 were taken within the last day that can be represented.
    Exhausted {
        /// The epoch.
        epoch: u16,
    },
    /// The source could not be read; it keeps the details itself.
    Source,
    /// The source's flock has not synchronised yet, and the source was told to refuse until then.
    NotReady,
    /// The lease of a state that several processes share does not reach so far.
    Unleased {
        /// What would have been issued.
        stamp: Timestamp,
        /// The upper half that it had to lie below.
        leased: u64,
        /// Why there was no more room.
        why: Unleased,
    },
    /// The clock's identity belongs to other processes too.
    Shared {
        /// The node of all of them.
        node: u64,
    },
}

impl From<SourceFailed> for ClockError {
    #[cold]
    fn from(failed: SourceFailed) -> Self {
        match failed {
            SourceFailed::Raised => Self::Source,
            SourceFailed::NotReady => Self::NotReady,
        }
    }
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drift { remote, offset_us, limit_us } => write!(
                f,
                "timestamp of node {:012x} is {offset_us} us ahead of this clock's time, {limit_us} us are allowed",
                remote.node()
            ),
            Self::Epoch { epoch, proposed, why, .. } => {
                write!(f, "epoch {proposed} was refused, {epoch} stays in force: {why:?}")
            }
            Self::Collision { remote, last } => {
                write!(f, "received {remote} of this clock's own node, above its last {last}")
            }
            Self::Forked { node } => write!(f, "node {node:012x} belongs to the parent process"),
            Self::Exhausted { epoch } => write!(f, "the timestamps of epoch {epoch} are used up"),
            Self::Source => f.write_str("the time source could not be read"),
            Self::NotReady => f.write_str("this clock's flock has not synchronised yet"),
            Self::Unleased { stamp, leased, why } => {
                let bound_us = lowest(*leased, 0).physical_us() / LEASE_UNIT_US * LEASE_UNIT_US;
                write!(f, "{} us lies beyond the lease, which ends at {bound_us} us: {why:?}", stamp.physical_us())
            }
            Self::Shared { node } => write!(f, "node {node:012x} is shared with other processes"),
        }
    }
}

impl core::error::Error for ClockError {}
