//! A process joins a page, and makes it where there is none.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use flocktime_core::{fork, lowest, upper_half};
use portable_atomic::AtomicU128;

use super::block::{HEADER_AT, Header, LIVE_AT, PAGE_MAGIC, Record, SIZE};
use super::disk::{Disk, PageLock, Unlocked, read_block, read_ledger};
use super::fault::{Fault, PageError};
use super::lease::units;
use super::ledger::Ledger;
use super::live::Live;
use super::mapping::Mapping;
use super::status::Found;
use super::{HostPage, Wall, keeper, making, now_us};
use crate::random::fresh_node;
use crate::sys;

/// A file that was changed so much after a lease had ended was changed by somebody else: clocks of file systems are coarse.
const SLACK_US: u64 = 2_000_000;

/// How a page is opened.
pub struct PageConfig {
    /// How far ahead the bound lies that is made durable.
    pub lease: Duration,
    /// The wall clock of the clocks that will use it.
    pub wall: Wall,
    /// Whether those clocks follow the host's flock member, and that one only where there is none.
    pub follows: bool,
    /// How long to wait for another process that is writing.
    pub patience: Duration,
    /// What to write to, instead of the file. For tests.
    pub disk: Option<Box<dyn Disk>>,
}

impl PageConfig {
    /// A lease of three seconds, for clocks that follow nothing but this.
    pub fn new(wall: impl Fn() -> Option<u64> + Send + Sync + 'static) -> Self {
        let (lease, patience) = (Duration::from_secs(3), Duration::from_secs(10));
        Self { lease, wall: Box::new(wall), follows: false, patience, disk: None }
    }
}

impl HostPage {
    /// Opens the page, or makes it. Its lease is renewed before this returns, if that is due: it then waits for the disk once or twice.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, or what the operating system refuses.
    pub fn open(path: &Path, config: PageConfig) -> Result<Arc<Self>, PageError> {
        sys::watch_forks();
        Self::join(path, config).map_err(|fault| fault.at(path))
    }

    fn join(path: &Path, config: PageConfig) -> Result<Arc<Self>, Fault> {
        if !AtomicU128::is_lock_free() {
            return Err(Fault::Unsupported { what: "a lock-free compare-and-swap of 128 bits" });
        }
        let lease = units(config.lease.as_micros() as u64);
        let (file, made) = open_or_make(path, (config.wall)(), lease)?;
        let metadata = file.metadata().map_err(Fault::os("asking for its size"))?;
        let size = metadata.len();
        if !metadata.is_file() {
            return Err(Fault::Foreign);
        }
        if size != SIZE {
            return Err(if size == 0 || begins_as_a_page(&file) {
                Fault::Size { found: size }
            } else {
                Fault::Foreign
            });
        }
        let header = read_block(&file, HEADER_AT).map_err(Fault::os("reading"))?;
        let header = Header::from_block(&header)?;
        if making::identity(&file).map_err(Fault::os("asking for its identity"))? != header.file {
            return Err(Fault::Copied);
        }
        // What cannot be read would end the process when it is looked at in memory.
        read_block(&file, LIVE_AT as u64).map_err(Fault::os("reading"))?;
        let mapping = Mapping::new(&file).map_err(Fault::os("mapping"))?;
        let lock = lock(&file, path, &mapping, config.patience)?;
        let ledger = read_ledger(config.disk.as_deref().unwrap_or(&lock.file), header.id);
        let ledger = ledger.map_err(Fault::os("reading"))?;
        if ledger.latest().is_some_and(|latest| latest.sequence <= 1) {
            making::sync_directory(path)?; // whoever made it may have been killed before
        }
        let restored = changed_since(&file, &ledger, lease).map_err(Fault::os("asking for its age"))?;
        let (found, damaged_record) = begin(&mapping, &ledger, &header, restored)?;
        let page = Arc::new(Self {
            path: path.to_owned(),
            header,
            file,
            disk: config.disk,
            mapping,
            lease,
            wall: config.wall,
            follows: config.follows,
            follower: Arc::default(),
            found: if made { Found::Made } else { found },
            damaged_record,
            busy: AtomicU64::new(0),
            kept: AtomicU32::new(fork::generation()),
            renewals: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            errno: AtomicI32::new(0),
            denied_at: AtomicU64::new(0),
            denied_since_ns: AtomicU64::new(0),
        });
        // Many that come and go on a page in use need not all write.
        if page.due_in(true) == 0 {
            page.extend(&lock, 0, true).map_err(Fault::os("writing the lease"))?;
        }
        keeper::keep(&page).map_err(Fault::os("starting a thread"))?;
        Ok(page)
    }
}

fn open_or_make(path: &Path, wall_us: Option<u64>, lease: u64) -> Result<(File, bool), Fault> {
    let open = || OpenOptions::new().read(true).write(true).open(path);
    match open() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        opened => return opened.map(|file| (file, false)).map_err(Fault::os("opening")),
    }
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| Fault::Os { what: "randomness", error: error.into() })?;
    let limit = units(wall_us.unwrap_or(0)).saturating_add(2 * lease);
    let first = Record { page: id, sequence: 1, bound: 0, limit, written_us: now_us(), process: std::process::id() };
    let made = making::make(path, id, fresh_node(), first)?;
    open().map(|file| (file, made)).map_err(Fault::os("opening"))
}

pub(super) fn lock(file: &File, path: &Path, live: &Live, patience: Duration) -> Result<PageLock, Fault> {
    let begun = Instant::now();
    loop {
        match PageLock::try_new(file, path) {
            Ok(lock) => return Ok(lock),
            Err(Unlocked::Os(error)) => return Err(Fault::Os { what: "locking", error }),
            Err(Unlocked::Busy) if begun.elapsed() > patience => return Err(Fault::Busy { holder: live.writer() }),
            // Only where two processes meet within the milliseconds that a write takes.
            Err(Unlocked::Busy) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Whether it was a page, and lacks something: what to do with it is another matter where it never was.
fn begins_as_a_page(file: &File) -> bool {
    let mut begin = [0; PAGE_MAGIC.len()];
    file.read_exact_at(&mut begin, HEADER_AT).is_ok() && begin == *PAGE_MAGIC
}

/// When the file was changed, as an upper half, if that was later than its own processes can have done: they renew the lease before it
/// ends, and write when they did.
fn changed_since(file: &File, ledger: &Ledger, lease: u64) -> io::Result<Option<u64>> {
    // Not the time of the change of the file itself, which nobody can set: `chown -R` before each start is common, and changes it.
    let changed = file.metadata()?.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let changed = units(u64::try_from(changed.as_micros()).unwrap_or(u64::MAX));
    let (Some(latest), Some((written_us, theirs))) = (ledger.latest(), ledger.written()) else { return Ok(None) };
    let ended = units(written_us).saturating_add(theirs.max(lease)).saturating_add(units(SLACK_US));
    let epoch = latest.bound >> 48 << 48;
    Ok((changed > ended).then(|| epoch.saturating_add(changed).saturating_add(lease)))
}

/// Sees to it that the state in memory is one to go on from, and returns how it was found.
fn begin(
    live: &Live,
    ledger: &Ledger,
    header: &Header,
    restored: Option<u64>,
) -> Result<(Found, Option<usize>), Fault> {
    let boot = sys::boot_id();
    let beginning = ledger.beginning().ok_or(Fault::Damaged { what: "both records of the lease" })?;
    if live.is_foreign(boot) {
        return Err(Fault::Unsupported { what: "the memory format of another version that has it open" });
    }
    let begun = live.is_begun(boot);
    let genuine = live.state.genuine(header.node).is_some_and(|latest| upper_half(latest) <= beginning.bound);
    // Memory that does not know the last record is older than that: the file system was lost and came back without it.
    let known = ledger.latest().is_some_and(|latest| latest.sequence == live.confirmed());
    if restored.is_none() && begun && genuine && known && live.state.leased() <= beginning.bound {
        return Ok((Found::Attached, beginning.damaged));
    }
    // Nobody relies on what is there: it is of another boot, or nobody's. Every timestamp ever issued lies below the bound, so
    // that a process which goes on meanwhile loses nothing either.
    if !begun {
        live.rudder.clear(); // its moments are those of a counter that has started anew
    }
    live.state.begin(lowest(beginning.bound.max(restored.unwrap_or(0)), header.node));
    live.confirm(ledger.latest().map_or(0, |latest| latest.sequence), beginning.bound);
    live.begin(boot);
    let found = match (restored, begun) {
        (Some(_), _) => Found::Restored,
        (None, true) if !genuine => Found::Damaged,
        (None, _) => Found::Restarted,
    };
    Ok((found, beginning.damaged))
}
