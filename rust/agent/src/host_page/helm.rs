//! [`Helm`]: the role of the one flock member that says to a page's clocks what to follow.
//!
//! Who has it is known by what is published, and by nothing else: there is no lock that a stopped process would keep. Whoever
//! wants it waits until it has seen the other one publish (and is refused), or has not seen it for five rounds. A member that was
//! stopped for longer than that finds another one's record when it goes on, and stops publishing.

use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use flocktime_core::flocking::State;
use flocktime_core::{Guidance, OsSource, TimeSource, fork};

use super::HostPage;
use super::fault::{Fault, PageError};
use super::opening::lock;
use super::rudder::Posted;
use crate::random::fresh_u64;

/// Between two looks at the member that may still be at work.
const SLICE: Duration = Duration::from_millis(5);
/// How long to wait for a process that is renewing the lease.
const PATIENCE: Duration = Duration::from_secs(10);

/// Another member has taken the role, while this one was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Its process.
    pub by: u32,
}

/// The role, for as long as this lives and nobody had to take it over. Dropping it says goodbye: clocks then follow the OS clock.
///
/// It belongs to the process that took it; in a forked child, dropping its copy does nothing.
pub struct Helm {
    page: Arc<HostPage>,
    generation: u32,
    /// What was published last; its token is this member's.
    latest: Posted,
    /// The line of the member before, which is followed until this one's flock has synchronised.
    inherited: Option<Posted>,
}

impl Helm {
    /// Takes the role, unless a member publishes: that takes as long to find out as it needs for a round, and where the member
    /// was killed or stopped five rounds. `round_ns`: how often this one will publish, at least. `interrupted` is asked meanwhile
    /// and ends the waiting.
    ///
    /// # Errors
    ///
    /// [`Fault::Taken`] with the process that publishes; what the operating system refuses.
    pub fn take(page: &Arc<HostPage>, round_ns: u64, interrupted: impl Fn() -> bool) -> Result<Self, PageError> {
        Self::wait_and_take(page, round_ns, interrupted).map_err(|fault| fault.at(page.path()))
    }

    fn wait_and_take(page: &Arc<HostPage>, round_ns: u64, interrupted: impl Fn() -> bool) -> Result<Self, Fault> {
        let token = fresh_u64();
        let mut seen = None;
        loop {
            match at_work(page) {
                Some(other) if seen.is_some_and(|seen| seen != (other.token, other.posted_ns)) => {
                    return Err(Fault::Taken { holder: other.process });
                }
                Some(other) => seen = Some((other.token, other.posted_ns)),
                None => {
                    let _lock = lock(&page.file, &page.path, page.live(), PATIENCE)?;
                    if at_work(page).is_none() {
                        return Ok(Self::begin(page, round_ns, token));
                    }
                    seen = Some((token, 0)); // somebody was faster
                }
            }
            if interrupted() {
                let error = std::io::ErrorKind::Interrupted.into();
                return Err(Fault::Os { what: "waiting for the flock member before", error });
            }
            thread::sleep(SLICE);
        }
    }

    /// For whoever holds the lock.
    fn begin(page: &Arc<HostPage>, round_ns: u64, token: u64) -> Self {
        let now_ns = OsSource.raw_ns();
        let before = page.live().rudder.look().posted;
        let latest = Posted {
            guidance: Guidance::default(),
            state: State::Alone,
            error_ns: None,
            round_ns,
            steered_ns: now_ns,
            posted_ns: before.map_or(0, |before| before.posted_ns), // nothing so far is from after this
            process: process::id(),
            token,
            left: false,
        };
        let inherited = before.filter(|before| before.is_followed(now_ns));
        let mut helm = Self { page: Arc::clone(page), generation: fork::generation(), latest, inherited };
        let _first = helm.publish(&Guidance::default(), State::Alone, None);
        helm
    }

    /// Publishes this, a line over the operating system's raw counter. Until that is in force, the line of the member before goes
    /// on, as long as it would without this one.
    ///
    /// # Errors
    ///
    /// [`Replaced`]: nothing was published, and nothing ever will be.
    pub fn publish(&mut self, guidance: &Guidance, state: State, error_ns: Option<u64>) -> Result<(), Replaced> {
        let now_ns = OsSource.raw_ns();
        if guidance.in_force {
            self.inherited = None;
        }
        let own = Posted { guidance: *guidance, state, error_ns, steered_ns: now_ns, posted_ns: now_ns, ..self.latest };
        self.post(match self.inherited.filter(|inherited| inherited.is_followed(now_ns)) {
            Some(Posted { guidance: line, steered_ns, error_ns, .. }) => {
                Posted { guidance: Guidance { refuse: guidance.refuse, ..line }, steered_ns, error_ns, ..own }
            }
            None => own,
        })
    }

    fn post(&mut self, posted: Posted) -> Result<(), Replaced> {
        let rudder = &self.page.live().rudder;
        let other = |before_ns| {
            let found = rudder.look().posted;
            found.filter(|found| found.token != posted.token && found.posted_ns > before_ns)
        };
        if let Some(other) = other(self.latest.posted_ns) {
            return Err(Replaced { by: other.process });
        }
        if !rudder.post(posted)
            && let Some(other) = other(0)
        {
            return Err(Replaced { by: other.process });
        }
        self.latest = posted;
        Ok(())
    }

    /// When something was published last, by the raw counter.
    pub fn published_ns(&self) -> u64 {
        self.latest.posted_ns
    }
}

impl Drop for Helm {
    fn drop(&mut self) {
        if self.generation == fork::generation() {
            let posted_ns = OsSource.raw_ns();
            let _replaced = self.post(Posted { left: true, posted_ns, ..self.latest });
        }
    }
}

/// The member that publishes, as far as one can tell.
fn at_work(page: &HostPage) -> Option<Posted> {
    let posted = page.live().rudder.look().posted;
    let now_ns = OsSource.raw_ns();
    posted.filter(|posted| posted.is_published(now_ns))
}
