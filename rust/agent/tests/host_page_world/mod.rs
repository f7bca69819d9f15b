//! A host with a page: a wall clock that is set by hand, and a disk that fails when told to.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use flocktime_agent::host_page::{
    Disk, Fault, Found, HostPage, OnExpiry, PageConfig, PageError, PagePlace, PageStatus,
};
use flocktime_agent::random::{fresh_node, fresh_u64};
use flocktime_core::{Clock, Config, ManualSource, TimeSource};

pub(crate) const RECORDS_AT: [usize; 2] = [4096, 8192];
pub(crate) const LIVE_AT: usize = 12288;

/// What a disk does instead of what it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No room for a write.
    Full,
    /// It writes and cannot confirm it.
    Unsynced,
    /// It writes half of it and fails.
    Torn,
}

#[derive(Default)]
struct Orders {
    failure: Option<Failure>,
    /// So much of the next write lands, and nothing after it.
    tear: Option<usize>,
    torn: bool,
}

struct OrderedDisk {
    file: File,
    orders: Arc<Mutex<Orders>>,
}

impl Disk for OrderedDisk {
    fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, at)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut orders = self.orders.lock().expect("nobody panicked");
        if let Some(lands) = orders.tear.take() {
            orders.torn = true;
            self.file.write_all_at(&bytes[..lands], at)?;
        }
        if orders.torn {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        match orders.failure {
            Some(Failure::Full) => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            Some(Failure::Torn) => {
                self.file.write_all_at(&bytes[..bytes.len() / 2], at)?;
                Err(io::Error::from_raw_os_error(libc::EIO))
            }
            None | Some(Failure::Unsynced) => self.file.write_all_at(bytes, at),
        }
    }

    fn sync(&self) -> io::Result<()> {
        match self.orders.lock().expect("nobody panicked").failure {
            Some(Failure::Unsynced) => Err(io::Error::from_raw_os_error(libc::EIO)),
            _ => self.file.sync_data(),
        }
    }
}

/// A directory that goes with its owner.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("flocktime-page-{:016x}", fresh_u64()));
        fs::create_dir(&path).expect("a directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it was there");
    }
}

pub(crate) struct Host {
    directory: Arc<Directory>,
    source: ManualSource,
    orders: Arc<Mutex<Orders>>,
    /// The page that was opened last.
    latest: Mutex<Option<Arc<HostPage>>>,
}

impl Host {
    pub(crate) fn new(wall_us: u64) -> Self {
        Self::in_directory(Arc::new(Directory::new()), wall_us)
    }

    pub(crate) fn in_directory(directory: Arc<Directory>, wall_us: u64) -> Self {
        let source = ManualSource::new(wall_us as i64).expect("a time");
        Self { directory, source, orders: Arc::default(), latest: Mutex::default() }
    }

    /// Its wall clock is the system's, which files are dated by.
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time");
        Self::new(since.as_micros() as u64)
    }

    pub(crate) fn pass(&self, us: u64) {
        self.source.advance(us).expect("a time");
    }

    pub(crate) fn pass_back(&self, us: u64) {
        self.source.step_back(us).expect("a time");
    }

    /// The page was changed at this time.
    pub(crate) fn touch(&self, us: u64) {
        let file = OpenOptions::new().write(true).open(self.path()).expect("the page");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_micros(us)).expect("it is dated");
    }

    /// When that was.
    pub(crate) fn changed_us(&self) -> u64 {
        let modified = fs::metadata(self.path()).and_then(|file| file.modified()).expect("the page");
        modified.duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_micros() as u64
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory.0
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.0.join("page")
    }

    pub(crate) fn set_wall(&self, us: u64) {
        self.source.set(us as i64).expect("a time");
    }

    /// What the page's keepers do with the disk, from here on.
    pub(crate) fn fail(&self, failure: Option<Failure>) {
        self.orders.lock().expect("nobody panicked").failure = failure;
    }

    pub(crate) fn tear_next_write(&self, lands: usize) {
        self.orders.lock().expect("nobody panicked").tear = Some(lands);
    }

    pub(crate) fn is_torn(&self) -> bool {
        self.orders.lock().expect("nobody panicked").torn
    }

    fn page(&self, path: &Path) -> Result<Arc<HostPage>, PageError> {
        let source = self.source.clone();
        let mut config = PageConfig::new(move || source.wall_us().ok().map(|us| us as u64));
        if path.is_file() {
            let file = OpenOptions::new().read(true).write(true).open(path).expect("the file");
            config.disk = Some(Box::new(OrderedDisk { file, orders: Arc::clone(&self.orders) }));
        }
        HostPage::open(path, config)
    }

    fn clock(&self, path: &Path, policy: OnExpiry) -> Result<Clock<ManualSource>, PageError> {
        let page = self.page(path)?;
        *self.latest.lock().expect("nobody panicked") = Some(Arc::clone(&page));
        let place = PagePlace::new(page, policy, || false);
        Ok(Clock::sharing(Arc::new(place), self.source.clone(), Config::new(fresh_node)))
    }

    /// A clock that stamps on this page.
    pub(crate) fn open(&self) -> Clock<ManualSource> {
        self.try_open().expect("it is opened")
    }

    pub(crate) fn try_open(&self) -> Result<Clock<ManualSource>, PageError> {
        self.clock(&self.path(), OnExpiry::Block)
    }

    /// The same with a policy, on the disk that fails when told to.
    pub(crate) fn open_on(&self, policy: OnExpiry) -> Clock<ManualSource> {
        self.open();
        self.close();
        self.clock(&self.path(), policy).expect("it is opened")
    }

    pub(crate) fn open_at(&self, path: &Path) -> Result<Clock<ManualSource>, PageError> {
        self.clock(path, OnExpiry::Block)
    }

    pub(crate) fn fault(&self) -> Fault {
        self.try_open().err().expect("it is refused").fault
    }

    /// Lets go of the page that was opened last, and waits until its keeper has: that may be about to write. The clock on it has to
    /// be gone.
    pub(crate) fn close(&self) {
        let Some(page) = self.latest.lock().expect("nobody panicked").take() else { return };
        let others = Arc::downgrade(&page);
        drop(page);
        let begun = Instant::now();
        while others.strong_count() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(10), "somebody still has the page");
            thread::yield_now();
        }
    }

    pub(crate) fn status(&self) -> PageStatus {
        self.latest.lock().expect("nobody panicked").as_ref().expect("it is open").status()
    }

    pub(crate) fn found(&self) -> Found {
        self.status().found
    }

    /// Replaces what is in the file, in place.
    pub(crate) fn overwrite(&self, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(self.path()).expect("the page");
        file.write_all_at(bytes, 0).expect("it is written");
    }

    /// What is left after the power has failed: the durable blocks, and in memory something older.
    pub(crate) fn lose_memory(&self) {
        self.close();
        *self.orders.lock().expect("nobody panicked") = Orders::default();
        let file = OpenOptions::new().write(true).open(self.path()).expect("the page");
        file.write_all_at(&[0x5a; 2048], LIVE_AT as u64).expect("it is written");
    }
}
