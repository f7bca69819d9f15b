//! [`Log`]: the latest transitions of a member, for whoever waits for one.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flocktime_core::flocking::State;

use crate::gossip::Route;

/// So many transitions are kept. Who asks too late sees a gap in the serial numbers.
pub const LOG: usize = 64;
/// A transition names so many wrong peers at most.
pub const MAX_WRONG: usize = 32;

/// A peer that lies outside the gate and has for long.
#[derive(Clone, Debug, PartialEq)]
pub struct WrongPeer {
    /// How it is reached or recognised.
    pub route: Route,
    /// Its node id.
    pub node: u64,
    /// Its disciplined clock less this member's, nanoseconds, where that is known.
    pub offset_ns: Option<f64>,
}

/// A change of how a member stands, or of whom it calls wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// Counts from 1, the state that the member was started in.
    pub serial: u64,
    /// How it stood.
    pub before: State,
    /// How it stands.
    pub state: State,
    /// Whom it calls wrong, the first [`MAX_WRONG`].
    pub wrong: Vec<WrongPeer>,
    /// How many it calls wrong.
    pub wrong_total: usize,
    /// H of this member.
    pub raw_ns: u64,
}

/// How the member's thread stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Running,
    /// It was stopped.
    Stopped,
    /// It came to a bad end; the clock runs on as it ran then.
    Failed {
        /// What it said.
        reason: String,
    },
    /// This is a forked child, and the thread is its parent's.
    Detached,
}

#[derive(Debug)]
struct Inner {
    entries: VecDeque<Transition>,
    status: Status,
}

/// Written by the member's thread, read by any.
#[derive(Debug)]
pub(super) struct Log {
    inner: Mutex<Inner>,
    changed: Condvar,
}

impl Log {
    pub(super) fn new(state: State, raw_ns: u64) -> Self {
        let first = Transition { serial: 1, before: state, state, wrong: Vec::new(), wrong_total: 0, raw_ns };
        Self {
            inner: Mutex::new(Inner { entries: VecDeque::from([first]), status: Status::Running }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn add(&self, state: State, mut wrong: Vec<WrongPeer>, raw_ns: u64) {
        let wrong_total = wrong.len();
        wrong.truncate(MAX_WRONG);
        let mut inner = self.lock();
        let (serial, before) = inner.entries.back().map_or((1, state), |last| (last.serial + 1, last.state));
        if inner.entries.len() == LOG {
            inner.entries.pop_front();
        }
        inner.entries.push_back(Transition { serial, before, state, wrong, wrong_total, raw_ns });
        drop(inner);
        self.changed.notify_all();
    }

    /// The end, good or bad. The first one counts.
    pub(super) fn end(&self, status: Status) {
        let mut inner = self.lock();
        if inner.status == Status::Running {
            inner.status = status;
        }
        drop(inner);
        self.changed.notify_all();
    }

    pub(super) fn status(&self) -> Status {
        self.lock().status.clone()
    }

    pub(super) fn latest(&self) -> Option<Transition> {
        self.lock().entries.back().cloned()
    }

    /// What came after `seen`. Waits for it, but not where nothing will come any more.
    pub(super) fn wait(&self, seen: u64, timeout: Duration) -> Vec<Transition> {
        let nothing_yet = |inner: &mut Inner| {
            inner.status == Status::Running && inner.entries.back().is_none_or(|last| last.serial <= seen)
        };
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, nothing_yet);
        let (inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        inner.entries.iter().filter(|entry| entry.serial > seen).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log is bounded, serial numbers go on, and whoever asks too late can tell.
    #[test]
    fn old_transitions_make_room() {
        let log = Log::new(State::Alone, 0);
        let total = LOG as u64 + 10;
        for raw_ns in 2..=total {
            let wrong = WrongPeer { route: Route::Caller { origin: raw_ns, nonce: 1 }, node: raw_ns, offset_ns: None };
            log.add(if raw_ns % 2 == 0 { State::Joining } else { State::Alone }, vec![wrong; 40], raw_ns);
        }
        let kept = log.wait(0, Duration::ZERO);
        assert_eq!((kept.len(), kept[0].serial, kept[LOG - 1].serial), (LOG, total - LOG as u64 + 1, total));
        assert!(kept.windows(2).all(|two| two[0].state == two[1].before && two[0].serial + 1 == two[1].serial));
        assert!(kept.iter().all(|entry| (entry.wrong.len(), entry.wrong_total) == (MAX_WRONG, 40)));
        assert_eq!(log.wait(total - 1, Duration::ZERO).len(), 1);
    }

    /// Nobody waits for what will not come: an end wakes at once, and the first end is the one that counts.
    #[test]
    fn an_end_wakes_who_waits() {
        let log = Log::new(State::Alone, 0);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| log.wait(1, Duration::from_mins(1)));
            log.end(Status::Stopped);
            log.end(Status::Failed { reason: "late".to_owned() });
            assert_eq!(waiting.join().expect("it waited"), []);
        });
        assert_eq!(log.status(), Status::Stopped);
        assert_eq!(log.wait(0, Duration::from_mins(1)).len(), 1);
    }
}
