//! Merging with all the rules: the way of every message that is not a common one, and of batches.

use super::Clock;
use crate::counters::count;
use crate::merge::{self, EpochGate, OnDrift, Rules};
use crate::time_source::TimeSource;
use crate::{ClockError, EpochRefusal, Timestamp};

impl<S: TimeSource> Clock<S> {
    /// All the rules, for any number of messages; the common one never gets here.
    #[cold]
    pub(super) fn receive(
        &self,
        remotes: &[Timestamp],
        physical: u64,
        on_drift: Option<OnDrift>,
        trusted: bool,
    ) -> Result<Timestamp, ClockError> {
        let rules = Rules {
            reference: physical,
            max_drift: self.source.max_drift_us(self.max_drift),
            on_drift: on_drift.unwrap_or(self.on_drift),
            on_collision: self.on_collision,
        };
        let mut unusual = Vec::new();
        let mut raised = false;
        let issued = self.issue(|state| {
            unusual.clear();
            let mut adopted = state;
            for &remote in remotes {
                let (next, what) = merge::adopt(adopted, remote, &rules, || self.gate(state, trusted))?;
                adopted = next;
                unusual.extend(what);
            }
            raised = adopted.epoch() > state.epoch();
            if raised && !self.take_step(state, adopted.epoch(), trusted) {
                let highest = remotes.iter().copied().max().unwrap_or(adopted);
                return Err(self.too_soon(highest, state, trusted));
            }
            Ok(merge::tick(adopted, physical))
        });
        let issued = issued.map_err(|refusal| self.refused(refusal))?;
        self.count_carry(issued, physical);
        for what in unusual {
            self.counters.unusual(what);
        }
        if raised {
            count(&self.counters.epochs_adopted);
        }
        Ok(issued)
    }

    /// Neither issued nor loaded anything: a newcomer must be able to join at any epoch.
    fn is_fresh(&self, state: Timestamp) -> bool {
        self.loaded.is_none() && state.physical_us() == 0 && state.logical() == 0
    }

    fn gate(&self, state: Timestamp, trusted: bool) -> EpochGate {
        if trusted || self.is_fresh(state) {
            EpochGate::Open
        } else {
            self.word.steps().gate(state.epoch(), self.source.monotonic_ns())
        }
    }

    /// Spends the minute, where one has to be spent.
    fn take_step(&self, state: Timestamp, to: u16, trusted: bool) -> bool {
        trusted || self.is_fresh(state) || self.word.steps().take(to, self.source.monotonic_ns())
    }

    /// Another thread took a step between the look and the step.
    fn too_soon(&self, remote: Timestamp, state: Timestamp, trusted: bool) -> ClockError {
        let wait_us = match self.gate(state, trusted) {
            EpochGate::Shut { wait_us, .. } => wait_us,
            EpochGate::Open | EpochGate::Step { .. } => 0,
        };
        ClockError::Epoch {
            remote: Some(remote),
            epoch: state.epoch(),
            proposed: remote.epoch().into(),
            why: EpochRefusal::TooSoon { wait_us },
        }
    }

    #[cold]
    fn refused(&self, refusal: ClockError) -> ClockError {
        match refusal {
            ClockError::Drift { remote, .. } => {
                count(&self.counters.refused_drift);
                let now_ns = self.source.monotonic_ns();
                self.blame.refused(remote.node(), now_ns);
            }
            ClockError::Epoch { .. } => count(&self.counters.refused_epoch),
            ClockError::Collision { .. } => count(&self.counters.refused_collision),
            ClockError::Forked { .. }
            | ClockError::Exhausted { .. }
            | ClockError::Source
            | ClockError::NotReady
            | ClockError::Unleased { .. }
            | ClockError::Shared { .. } => {}
        }
        refusal
    }
}
