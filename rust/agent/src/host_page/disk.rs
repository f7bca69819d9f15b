//! [`Disk`]: reading, writing and confirming blocks; and the lock under which that is done.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::block::{BLOCK, Block, RECORDS_AT, Record};
use super::ledger::Ledger;
use crate::sys::ClosedInChildren;

/// Where the durable blocks of a page lie. A parameter, so that tests can have one that fails.
pub trait Disk: Send + Sync {
    /// Fills `bytes` with what lies at `at`.
    ///
    /// # Errors
    ///
    /// The operating system's word.
    fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes `bytes` at `at`. They need not be durable yet.
    ///
    /// # Errors
    ///
    /// The operating system's word; some of it may be written.
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// All that was written is durable.
    ///
    /// # Errors
    ///
    /// The operating system's word; any part of it may be durable.
    fn sync(&self) -> io::Result<()>;
}

impl Disk for File {
    fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(bytes, at)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

pub(super) fn read_block(disk: &dyn Disk, at: u64) -> io::Result<Block> {
    let mut block = [0; BLOCK];
    disk.read(at, &mut block).map(|()| block)
}

pub(super) fn read_ledger(disk: &dyn Disk, page: [u8; 16]) -> io::Result<Ledger> {
    let [first, second] = RECORDS_AT.map(|at| read_block(disk, at).map(|block| Record::from_block(&block, page)));
    Ok(Ledger([first?, second?]))
}

/// The right to write to a page, of one process at a time.
///
/// It is the operating system's, and ends with the process however that ends. It hangs on an open file, of which a forked child
/// would hold a copy: that is closed at the fork.
#[derive(Debug)]
pub(super) struct PageLock {
    _closed_in_children: ClosedInChildren,
    /// The page, opened anew for reading and writing.
    pub(super) file: File,
}

impl Drop for PageLock {
    /// Not by closing alone: a child that was forked just before its copy was to be closed, or just after, has one, and the lock
    /// would stay as long as that.
    fn drop(&mut self) {
        let _ended_with_the_file_at_the_latest = self.file.unlock();
    }
}

/// Why a page was not locked.
pub(super) enum Unlocked {
    /// Somebody else has it.
    Busy,
    Os(io::Error),
}

impl PageLock {
    /// Locks the very file, whatever has become of its path.
    pub(super) fn try_new(file: &File, path: &Path) -> Result<Self, Unlocked> {
        // Opened anew: the lock belongs to an open file, and that of `file` is shared with children.
        let own = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let open = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
        let file = open(&own).or_else(|_| open(path)).map_err(Unlocked::Os)?;
        let closed_in_children = ClosedInChildren::new(&file);
        match file.try_lock() {
            Ok(()) => Ok(Self { _closed_in_children: closed_in_children, file }),
            Err(TryLockError::WouldBlock) => {
                drop(closed_in_children);
                Err(Unlocked::Busy)
            }
            Err(TryLockError::Error(error)) => {
                drop(closed_in_children);
                Err(Unlocked::Os(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy of the open file, as a child has one that was forked in between, keeps no lock that was given back.
    #[test]
    fn a_copy_keeps_no_lock() {
        let path = std::env::temp_dir().join(format!("flocktime-lock-{:016x}", crate::random::fresh_u64()));
        let file = File::create_new(&path).expect("a file");
        let lock = PageLock::try_new(&file, &path).ok().expect("nobody has it");
        let copy = lock.file.try_clone().expect("a copy");
        assert!(matches!(PageLock::try_new(&file, &path), Err(Unlocked::Busy)));
        drop(lock);
        assert!(PageLock::try_new(&file, &path).is_ok());
        drop(copy);
        std::fs::remove_file(path).expect("it was there");
    }
}
