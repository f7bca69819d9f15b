//! [`PageSource`]: the time of the host's flock member, for every clock on the page.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flocktime_core::{OsSource, Reading, SourceFailed, TimeSource};

use super::HostPage;
use super::mapping::Mapping;
use super::rudder::{Following, Look};

/// No limit of its own.
const NO_LIMIT: u64 = u64::MAX;

/// What this process has seen of the member's records.
#[derive(Debug)]
pub(super) struct Follower {
    /// Looks that found a damaged record.
    pub(super) damaged: AtomicU64,
    /// The drift limit of the latest look: every received timestamp asks for it, and a look takes longer.
    limit_us: AtomicU64,
}

impl Default for Follower {
    fn default() -> Self {
        Self { damaged: AtomicU64::new(0), limit_us: AtomicU64::new(NO_LIMIT) }
    }
}

/// Shows the line that the host's flock member publishes, over the operating system's raw counter, as long as that is fresh
/// enough; else what `base` shows.
///
/// Takes no lock and waits for nobody, whatever becomes of the member. It may step either way where it begins to follow and
/// where it ceases to; a clock absorbs that, as it does any step of a source. Clones are of the same.
#[derive(Clone, Debug)]
pub struct PageSource<S> {
    base: S,
    mapping: Mapping,
    follower: Arc<Follower>,
}

impl<S: TimeSource> PageSource<S> {
    /// For clocks on this page.
    pub fn new(base: S, page: &HostPage) -> Self {
        Self { base, mapping: page.mapping.clone(), follower: Arc::clone(&page.follower) }
    }

    /// `Ok(None)`: the base is in force.
    fn followed(&self) -> Result<Option<Reading>, SourceFailed> {
        follow(&self.mapping, &self.follower)
    }
}

/// What the member's line shows now. `Ok(None)`: there is none to follow.
pub(super) fn follow(mapping: &Mapping, follower: &Follower) -> Result<Option<Reading>, SourceFailed> {
    let Look { posted, damaged } = mapping.rudder.look();
    let raw_ns = OsSource.raw_ns(); // after the look: a record is never from ahead
    if damaged {
        follower.damaged.fetch_add(1, Ordering::Relaxed);
    }
    let following = posted.map(|posted| (posted.guidance, posted.following(raw_ns)));
    let (read, limit_us) = match following {
        Some((guidance, Following::Synchronised | Following::Stale)) => {
            let line = guidance.discipline;
            let (slope, holds_ns) = (line.slope_at(raw_ns), line.holds_ns(raw_ns));
            (Ok(Some(Reading { wall_ns: line.at(raw_ns), slope, holds_ns })), guidance.limit_us)
        }
        Some((guidance, Following::Waiting)) if guidance.refuse => (Err(SourceFailed::NotReady), None),
        _ => (Ok(None), None),
    };
    follower.limit_us.store(limit_us.unwrap_or(NO_LIMIT), Ordering::Relaxed);
    read
}

impl<S: TimeSource> TimeSource for PageSource<S> {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        match self.followed()? {
            Some(reading) => Ok(reading.wall_ns),
            None => self.base.wall_ns(),
        }
    }

    fn reading(&self) -> Result<Reading, SourceFailed> {
        match self.followed()? {
            Some(reading) => Ok(reading),
            // Against the raw counter the base runs as fast as the operating system disciplines it: near enough.
            None => Ok(Reading { slope: 1.0, ..self.base.reading()? }),
        }
    }

    fn steady_ns(&self) -> u64 {
        OsSource.raw_ns()
    }

    fn monotonic_ns(&self) -> u64 {
        self.base.monotonic_ns()
    }

    fn raw_ns(&self) -> u64 {
        OsSource.raw_ns()
    }

    #[inline]
    fn max_drift_us(&self, configured: Option<u64>) -> Option<u64> {
        let limit = self.follower.limit_us.load(Ordering::Relaxed);
        self.base.max_drift_us(configured).map(|configured| configured.min(limit))
    }

    fn rereadable(&self) -> bool {
        self.base.rereadable()
    }
}
