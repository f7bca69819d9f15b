//! [`Word`]: where the state of a clock lies, in the clock itself or in memory that several processes share.

use std::sync::Arc;

use portable_atomic::AtomicU128;

use crate::Timestamp;
use crate::epoch_gate::StepRecord;
use crate::shared_state::{SealedWord, Seen, SharedPlace};
use crate::sync::{Apart, AtomicWord, advance};

pub(super) enum Word {
    /// Apart from the settings, which every call reads.
    Own(Apart<AtomicU128>, StepRecord),
    Shared(Arc<dyn SharedPlace>),
}

/// Why a state was not advanced.
pub(super) enum Stopped<E> {
    Refused(E),
    /// The lease of shared memory does not reach so far.
    Beyond(Timestamp),
}

impl Word {
    pub(super) fn own(start: Timestamp) -> Self {
        Self::Own(Apart(AtomicU128::new(start.to_u128())), StepRecord::default())
    }

    #[inline]
    pub(super) fn load(&self) -> Timestamp {
        match self {
            Self::Own(word, _) => Timestamp::from_u128(AtomicWord::load(&word.0)),
            Self::Shared(place) => place.state().latest(),
        }
    }

    /// Replaces the state by `next(state)`, as [`advance`] does.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    pub(super) fn advance<E>(
        &self,
        mut next: impl FnMut(Timestamp) -> Result<Timestamp, E>,
    ) -> Result<Timestamp, Stopped<E>> {
        match self {
            Self::Own(word, _) => advance(&word.0, |state| {
                next(Timestamp::from_u128(state)).map(Timestamp::to_u128).map_err(Stopped::Refused)
            })
            .map(Timestamp::from_u128),
            Self::Shared(place) => advance_shared(place.as_ref(), next),
        }
    }

    /// The step of the epoch that was taken last.
    pub(super) fn steps(&self) -> &StepRecord {
        match self {
            Self::Own(_, steps) => steps,
            Self::Shared(place) => &place.state().steps,
        }
    }

    /// The memory, where it is shared.
    pub(super) fn shared(&self) -> Option<&dyn SharedPlace> {
        match self {
            Self::Own(..) => None,
            Self::Shared(place) => Some(place.as_ref()),
        }
    }
}

/// Within the lease. Out of line: a clock with a word of its own would pay for what this needs.
#[inline(never)]
fn advance_shared<E>(
    place: &dyn SharedPlace,
    mut next: impl FnMut(Timestamp) -> Result<Timestamp, E>,
) -> Result<Timestamp, Stopped<E>> {
    let shared = place.state();
    let advanced = advance(&SealedWord(shared), |seen: Seen| {
        let stamp = next(seen.stamp).map_err(Stopped::Refused)?;
        if shared.allows(stamp) { Ok(Seen::new(stamp)) } else { Err(Stopped::Beyond(stamp)) }
    });
    advanced.map(|seen| seen.stamp)
}
