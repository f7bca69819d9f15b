//! The host page: one clock for all processes of a host, in a file that they share.
//!
//! Processes advance one 128-bit word in memory; nobody asks anybody. What outlives a crash of the machine is a bound that no
//! timestamp passes: it is made durable ahead of them, a lease, and a start begins there. While the machine runs on, the word
//! itself is what a start goes on from, however the processes before it ended.
//!
//! | file | what |
//! |---|---|
//! | `block` | the durable blocks: header and records |
//! | `ledger` | which record holds, which is next: pure |
//! | `live`, `mapping` | what is shared in memory |
//! | `disk` | reading, writing, confirming, and the lock for it |
//! | `lease`, `keeper` | renewing, and the thread that sees to it |
//! | `rudder`, `helm` | what the host's flock member says about time, and who that is |
//! | `page_source` | how clocks follow it |
//! | `making`, `opening` | a file becomes a page; a process joins it |

mod block;
mod disk;
mod fault;
mod helm;
mod keeper;
mod lease;
mod ledger;
mod live;
mod making;
mod mapping;
mod opening;
mod page_source;
mod place;
mod rudder;
mod status;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::SystemTime;

use flocktime_core::{LEASE_UNIT_US, OsSource, TimeSource, fork, lowest};

pub use block::FileIdentity;
pub use disk::Disk;
pub use fault::{Fault, PageError};
pub use helm::{Helm, Replaced};
pub use opening::PageConfig;
pub use page_source::PageSource;
pub use place::{OnExpiry, PagePlace};
pub use rudder::Following;
pub use status::{Found, PageStatus};

use block::Header;
use live::Live;
use mapping::Mapping;
use page_source::Follower;

/// A page that this process has open.
///
/// Any thread may call anything at any time. Dropping it leaves the page to the other processes; the next one to open it goes on
/// where the last timestamp was.
///
/// # Forks
///
/// A forked child shares it: its clocks advance the same word. Its keeper starts with its first timestamp.
pub struct HostPage {
    path: PathBuf,
    header: Header,
    file: File,
    /// What is written to instead of the file.
    disk: Option<Box<dyn Disk>>,
    mapping: Mapping,
    /// Its length, in units of upper halves.
    lease: u64,
    wall: Wall,
    follows: bool,
    follower: Arc<Follower>,
    found: Found,
    damaged_record: Option<usize>,
    /// The mark of this process's thread that renews.
    busy: AtomicU64,
    /// The generation that has a keeper.
    kept: AtomicU32,
    renewals: AtomicU64,
    failures: AtomicU64,
    errno: AtomicI32,
    /// Where the bound was when this process was last denied to renew it, and since when it was there.
    denied_at: AtomicU64,
    denied_since_ns: AtomicU64,
}

/// The wall clock of this process's clocks, microseconds since 1970; `None`: it is not to be asked.
pub type Wall = Box<dyn Fn() -> Option<u64> + Send + Sync>;

impl HostPage {
    #[inline]
    fn live(&self) -> &Live {
        &self.mapping
    }

    /// The node of all its clocks.
    pub fn node(&self) -> u64 {
        self.header.node
    }

    /// The file that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is now.
    pub fn status(&self) -> PageStatus {
        let live = self.live();
        let look = live.rudder.look();
        let raw_ns = OsSource.raw_ns();
        let following = look.following(raw_ns);
        let followed = look.posted.filter(|posted| posted.is_followed(raw_ns));
        PageStatus {
            path: self.path.clone(),
            id: self.header.id,
            node: self.header.node,
            made_us: self.header.made_us,
            found: self.found,
            damaged_record: self.damaged_record,
            latest: live.state.latest(),
            leased_until: lowest(live.state.leased(), self.header.node),
            lease_us: self.lease * LEASE_UNIT_US,
            sequence: live.confirmed(),
            writer: live.writer(),
            renewals: self.renewals.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Acquire),
            errno: self.errno.load(Ordering::Relaxed),
            following,
            steered_ago_ns: followed.map(|posted| raw_ns.saturating_sub(posted.steered_ns)),
            error_ns: followed.and_then(|posted| posted.guidance.bound_at(raw_ns)).map(|bound| bound.error_ns),
            steersman: look.posted.map(|posted| posted.process),
            damaged_guidance: self.follower.damaged.load(Ordering::Relaxed),
        }
    }

    /// Sees to it that this process has a keeper: after a fork it has none yet. Else what the operating system said.
    fn see_to_keeper(self: &Arc<Self>) -> Result<(), i32> {
        let generation = fork::generation();
        if self.kept.load(Ordering::Relaxed) != generation
            && self.kept.swap(generation, Ordering::AcqRel) != generation
            && let Err(error) = keeper::keep(self)
        {
            self.kept.store(generation.wrapping_sub(1), Ordering::Release); // whoever comes next tries again
            return Err(self.failed(&error));
        }
        Ok(())
    }
}

impl Drop for HostPage {
    /// Wakes the keeper, which then finds nothing to keep. Without a store: it would make the file younger than its last record.
    fn drop(&mut self) {
        self.live().nudge();
    }
}

/// For people: never a reason to decide anything.
fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
