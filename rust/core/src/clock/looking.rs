//! Looking at a clock without moving it.

use super::Clock;
use crate::blame::ENOUGH;
use crate::counters::Stats;
use crate::sync::Ordering;
use crate::time_source::TimeSource;
use crate::{ClockError, Timestamp};

impl<S: TimeSource> Clock<S> {
    /// How far a remote timestamp leads this clock's time, microseconds; moves nothing.
    ///
    /// # Errors
    ///
    /// [`ClockError::Source`] or [`ClockError::NotReady`] when the source fails.
    pub fn observe(&self, remote: Timestamp) -> Result<i64, ClockError> {
        Ok(remote.physical_us() as i64 - self.reference()? as i64)
    }

    /// The latest timestamp, issued, adopted or loaded; `None` before the first. The next one lies above it.
    pub fn last(&self) -> Option<Timestamp> {
        let state = self.state();
        match self.loaded {
            Some(loaded)
                if !self.was_reset.load(Ordering::Relaxed) && loaded.without_node() == state.without_node() =>
            {
                Some(loaded)
            }
            _ => (state.physical_us() > 0 || state.logical() > 0).then_some(state),
        }
    }

    /// Node and latest timestamp as they stand, without the new node that a use after a fork brings: for people to look at.
    pub fn peek(&self) -> (u64, Option<Timestamp>) {
        (self.state().node(), self.last())
    }

    /// The epoch of the latest timestamp.
    pub fn epoch(&self) -> u16 {
        self.state().epoch()
    }

    /// How far the timestamps lead the source, microseconds; zero when they do not.
    ///
    /// # Errors
    ///
    /// [`ClockError::Source`] or [`ClockError::NotReady`] when the source fails.
    pub fn ahead_by_us(&self) -> Result<u64, ClockError> {
        Ok(self.state().physical_us().saturating_sub(self.reference()?))
    }

    /// The counters. A source that may be read is compared with monotonic time first, for the jumps since the last comparison.
    pub fn stats(&self) -> Stats {
        self.jumps.compare(&self.source, None, &self.counters);
        let now_ns = self.source.monotonic_ns();
        let suspects = self.blame.suspects(now_ns);
        let reasons = self.reasons.said();
        Stats {
            last_reset: reasons.reset,
            last_advance: reasons.advance,
            suspect_self: suspects.len() >= ENOUGH,
            suspects,
            ..self.counters.snapshot()
        }
    }

    /// The source that this clock reads.
    pub fn source(&self) -> &S {
        &self.source
    }
}
