//! Who a clock is, and in which epoch: what an operator, a reset and a fork change.

use super::Clock;
use crate::counters::count;
use crate::layout::MAX_EPOCH;
use crate::sync::Ordering;
use crate::time_source::TimeSource;
use crate::{ClockError, EpochRefusal, Timestamp, fork, merge};

impl<S: TimeSource> Clock<S> {
    /// The operator's way back from a poisoned future: one epoch up, wall time as the source shows it.
    ///
    /// # Errors
    ///
    /// As [`Clock::now`]; [`EpochRefusal::Top`] in the last epoch, [`EpochRefusal::NeedsForce`] without `force`.
    pub fn advance_epoch(&self, reason: &str, force: bool) -> Result<Timestamp, ClockError> {
        let physical = self.read()?;
        let issued = self.issue(|state| {
            let epoch = state.epoch();
            let refuse = |why| ClockError::Epoch { remote: None, epoch, proposed: u32::from(epoch) + 1, why };
            if epoch == MAX_EPOCH {
                return Err(refuse(EpochRefusal::Top));
            }
            if !force {
                return Err(refuse(EpochRefusal::NeedsForce));
            }
            Ok(merge::tick(Timestamp::from_parts(physical, 0, state.node(), epoch + 1), physical))
        })?;
        count(&self.counters.epochs_advanced);
        self.reasons.advance(reason);
        Ok(issued)
    }

    /// A new identity for a clock that has already stamped the wrong time: new node id, wall time as the source shows it.
    /// Its first timestamp may lie below earlier ones of the old identity.
    ///
    /// # Errors
    ///
    /// [`ClockError::Source`] or [`ClockError::NotReady`] when the source fails; [`ClockError::Shared`] where other processes
    /// share the identity.
    pub fn reset(&self, reason: &str) -> Result<Timestamp, ClockError> {
        if self.word.shared().is_some() {
            return Err(ClockError::Shared { node: self.state().node() });
        }
        let wall_us = self.source.wall_us()?;
        // From here on nothing fails. The node is drawn after the reading: a source written in Python may itself fork, and
        // a node that was drawn before would then be in two processes.
        self.fixed_node.store(false, Ordering::Relaxed);
        if self.is_copied() {
            self.become_child();
        }
        self.was_reset.store(true, Ordering::Relaxed);
        let physical = self.judged(wall_us);
        let node = (self.fresh_node)();
        let issued =
            self.issue(|state| Ok(merge::tick(Timestamp::from_parts(physical, 0, node, state.epoch()), physical)))?;
        count(&self.counters.resets);
        self.blame.clear();
        self.reasons.reset(reason);
        Ok(issued)
    }

    /// This clock's node. After a fork it is a new one, unless it was fixed.
    pub fn node(&self) -> u64 {
        if self.is_copied() && !self.fixed_node.load(Ordering::Relaxed) && self.word.shared().is_none() {
            self.become_child();
        }
        self.state().node()
    }

    #[inline]
    pub(super) fn is_copied(&self) -> bool {
        self.generation.load(Ordering::Relaxed) != fork::generation()
    }

    /// First use after a fork.
    #[cold]
    pub(super) fn enter_child(&self) -> Result<(), ClockError> {
        if self.fixed_node.load(Ordering::Relaxed) {
            return Err(ClockError::Forked { node: self.state().node() });
        }
        if let Some(place) = self.word.shared() {
            place.enter_child();
        }
        self.become_child();
        Ok(())
    }

    /// Threads of the child may come here at once: each then gives the clock another fresh node, all of them unique. A shared state
    /// keeps its own: it is advanced by parent and child as by any two processes.
    fn become_child(&self) {
        if self.word.shared().is_none() {
            let node = (self.fresh_node)();
            let renamed = self.word.advance(|state| Ok::<_, ClockError>(state.with_node(node)));
            debug_assert!(renamed.is_ok(), "renaming refuses nothing");
        }
        self.generation.store(fork::generation(), Ordering::Relaxed);
        count(&self.counters.forks);
    }
}
