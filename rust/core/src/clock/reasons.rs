//! [`Reasons`]: what an operator said, for whoever looks later.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;

use crate::fork;

/// So often does a child try a lock that nobody may be left to give back: much longer than anybody holds it.
const TRIES: usize = 100;

/// Behind a lock that is held for nanoseconds. A fork may copy it while a thread holds it that the child does not have: there the
/// texts are lost, and nobody waits for them.
#[derive(Debug)]
pub(super) struct Reasons {
    /// The fork generation that it was made in. In that one whoever holds the lock gives it back.
    generation: u32,
    said: Mutex<Said>,
}

/// The reasons given to the latest reset and to the latest step to a new epoch.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) reset: Option<String>,
    pub(super) advance: Option<String>,
}

impl Reasons {
    pub(super) fn new() -> Self {
        Self { generation: fork::generation(), said: Mutex::default() }
    }

    pub(super) fn reset(&self, reason: &str) {
        if let Some(mut said) = self.locked() {
            said.reset = Some(reason.to_owned());
        }
    }

    pub(super) fn advance(&self, reason: &str) {
        if let Some(mut said) = self.locked() {
            said.advance = Some(reason.to_owned());
        }
    }

    pub(super) fn said(&self) -> Said {
        self.locked().map(|said| said.clone()).unwrap_or_default()
    }

    /// `None`: nobody may be left to give it back.
    fn locked(&self) -> Option<MutexGuard<'_, Said>> {
        if self.generation == fork::generation() {
            return Some(self.said.lock().unwrap_or_else(PoisonError::into_inner));
        }
        (0..TRIES).find_map(|_| match self.said.try_lock() {
            Ok(said) => Some(said),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                thread::yield_now();
                None
            }
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// What was said before a fork is known after it; but where a thread held the lock that the child does not have, the child
    /// goes on without.
    #[test]
    fn a_lock_that_a_fork_left_held_is_not_waited_for() {
        let mut reasons = Reasons::new();
        reasons.reset("first");
        reasons.advance("drill");
        reasons.generation = reasons.generation.wrapping_sub(1); // as in a child
        reasons.reset("second");
        let said = reasons.said();
        assert_eq!((said.reset.as_deref(), said.advance.as_deref()), (Some("second"), Some("drill")));
        let held = reasons.said.lock();
        reasons.reset("third");
        assert!(reasons.said().reset.is_none());
        drop(held);
        assert_eq!(reasons.said().reset.as_deref(), Some("second"));
    }
}
