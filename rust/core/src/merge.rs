//! The rules: pure functions of numbers in, numbers out. No clock is read here and nothing is kept.
//!
//! Distributed monotonic clock after Jon Moore (Strange Loop 2015): epoch, then wall time, then counter. Inside an epoch
//! this is the hybrid logical clock of Kulkarni et al. (2014); "take the maximum, then tick" equals their four-case
//! receive rule.
//!
//! A state is a [`Timestamp`]: what the clock has reached, with its own node in the low bits. So the state after a tick is
//! the timestamp that is issued, and node and time change together in one swap.

use crate::layout::{HORIZON, UNIT};
use crate::{ClockError, EpochRefusal, Timestamp};

/// What to do with a remote timestamp beyond the drift limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnDrift {
    /// Refuse it with [`ClockError::Drift`].
    #[default]
    Reject,
    /// Take it all the same, and count it.
    Adopt,
    /// Go on without it; the result may lie below it. Counted.
    Ignore,
    /// Take it as far as the limit allows; the result may lie below it. Counted.
    Clamp,
}

/// What to do with a remote timestamp of one's own node from above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnCollision {
    /// Refuse it with [`ClockError::Collision`].
    #[default]
    Reject,
    /// Take it all the same, and count it.
    Adopt,
}

/// What a receiver holds a remote timestamp against.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The time it believes in when it judges others, microseconds, at most [`HORIZON`].
    pub reference: u64,
    /// The largest lead that is accepted, inclusive, microseconds; `None`: no limit.
    pub max_drift: Option<u64>,
    /// Beyond that.
    pub on_drift: OnDrift,
    /// One's own node from above.
    pub on_collision: OnCollision,
}

/// How far up the epoch may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochGate {
    /// Any distance: somebody vouches for it, or there is nothing to lose yet.
    Open,
    /// One step above `from`.
    Step {
        /// The epoch before the call.
        from: u16,
    },
    /// Not now.
    Shut {
        /// The epoch before the call.
        from: u16,
        /// Microseconds until the next step is allowed.
        wait_us: u64,
    },
}

/// What a merge did beyond the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the policies that they are named after say it")]
pub enum Unusual {
    AdoptedBeyondLimit,
    Ignored,
    Clamped,
    CollisionAdopted,
}

/// The next event at a physical reading of at most [`HORIZON`]. A full counter carries into the physical part.
///
/// "The reading where it is ahead, else one more" is the larger of both: a reading ahead is at least one whole
/// microsecond ahead, and the counter does not reach further in one step.
#[inline]
pub const fn tick(state: Timestamp, physical: u64) -> Timestamp {
    let (read, counted) = (state.at(physical), state.to_u128() + UNIT);
    if read.to_u128() > counted { read } else { Timestamp::from_u128(counted) }
}

/// The first and the last of `1 + more` consecutive timestamps, or `None` where they would carry into the next epoch.
pub fn run(state: Timestamp, physical: u64, more: usize) -> Option<(Timestamp, Timestamp)> {
    let first = tick(state, physical);
    let last = Timestamp::from_u128(first.to_u128().checked_add(more as u128 * UNIT)?);
    (last.epoch() == state.epoch()).then_some((first, last))
}

/// The latest physical part that is accepted without a policy, inclusive.
#[inline]
pub const fn latest(reference: u64, max_drift: Option<u64>) -> u64 {
    let latest = match max_drift {
        Some(limit) => reference.saturating_add(limit),
        None => HORIZON,
    };
    if latest < HORIZON { latest } else { HORIZON }
}

/// [`adopt`] for the common message: same epoch, not after `latest`, and from somebody else where it lies above the state.
/// `None` for any other.
#[inline]
pub const fn adopt_common(state: Timestamp, remote: Timestamp, latest: u64) -> Option<Timestamp> {
    if remote.epoch() != state.epoch() || remote.physical_us() > latest {
        None
    } else if remote.without_node() <= state.without_node() {
        Some(state)
    } else if remote.node() != state.node() {
        Some(remote.with_node(state.node()))
    } else {
        None
    }
}

/// The maximum of both under the state's node, without the tick.
///
/// `gate` is asked only when the remote epoch is higher.
///
/// # Errors
///
/// [`ClockError::Drift`], [`ClockError::Epoch`] or [`ClockError::Collision`], judged in that order. A timestamp of a lower
/// epoch is never an error: the answer carries the newer epoch.
pub fn adopt(
    state: Timestamp,
    remote: Timestamp,
    rules: &Rules,
    gate: impl FnOnce() -> EpochGate,
) -> Result<(Timestamp, Option<Unusual>), ClockError> {
    let latest = latest(rules.reference, rules.max_drift);
    if let Some(adopted) = adopt_common(state, remote, latest) {
        return Ok((adopted, None));
    }
    if remote.epoch() < state.epoch() {
        return Ok((state, None));
    }
    let mut theirs = remote;
    let mut unusual = None;
    if remote.physical_us() > latest {
        let on_drift = if remote.physical_us() > HORIZON { OnDrift::Reject } else { rules.on_drift };
        match on_drift {
            OnDrift::Reject => {
                return Err(ClockError::Drift {
                    remote,
                    offset_us: remote.physical_us() as i64 - rules.reference as i64,
                    limit_us: latest as i64 - rules.reference as i64,
                });
            }
            OnDrift::Ignore => return Ok((state, Some(Unusual::Ignored))),
            OnDrift::Clamp => {
                theirs = Timestamp::from_parts(latest, 0, remote.node(), remote.epoch());
                unusual = Some(Unusual::Clamped);
            }
            OnDrift::Adopt => unusual = Some(Unusual::AdoptedBeyondLimit),
        }
    }
    if remote.epoch() > state.epoch() {
        pass(gate(), remote)?;
    }
    if remote.node() == state.node() && theirs.without_node() > state.without_node() {
        if rules.on_collision == OnCollision::Reject {
            return Err(ClockError::Collision { remote, last: state });
        }
        unusual = Some(Unusual::CollisionAdopted);
    }
    Ok((larger(state, theirs), unusual))
}

fn pass(gate: EpochGate, remote: Timestamp) -> Result<(), ClockError> {
    let proposed = remote.epoch();
    let (from, why) = match gate {
        EpochGate::Open => return Ok(()),
        EpochGate::Step { from } if proposed - from == 1 => return Ok(()),
        EpochGate::Shut { from, wait_us } if proposed - from == 1 => (from, EpochRefusal::TooSoon { wait_us }),
        EpochGate::Step { from } | EpochGate::Shut { from, .. } => (from, EpochRefusal::Jump),
    };
    Err(ClockError::Epoch { remote: Some(remote), epoch: from, proposed: proposed.into(), why })
}

/// The later of both, under the state's own node. Equal but for the node is no step: the tick that follows makes one.
#[inline]
const fn larger(state: Timestamp, remote: Timestamp) -> Timestamp {
    if remote.without_node() > state.without_node() { remote.with_node(state.node()) } else { state }
}
