//! [`ClockBound`]: what a running `ClockBound` daemon says the operating system's clock may be wrong by.
//!
//! The daemon publishes a record of 80 bytes in a file, by default `/var/run/clockbound/shm0`, described in its `docs/PROTOCOL.md` as
//! "Shared Memory Protocol Version 2". All in the machine's byte order:
//!
//! ```text
//!  0  magic, two words of 32 bits: 0x414d5a4e 0x43420200      48  bound of CLOCK_REALTIME's error, nanoseconds, i64
//!  8  size, u32      12  version, u16     14  generation, u16  56  disruption marker, u64
//! 16  as of, CLOCK_MONOTONIC: seconds i64, nanoseconds i64     64  largest drift, ppb, u32
//! 32  void after, likewise                                     68  status, i32       72  disruption support, u8
//! ```
//!
//! The generation is odd while the daemon writes, and zero before it has. The file is opened anew and read each time: it is never
//! written to, nothing is mapped that somebody might cut short, and a daemon that was started again is found. The marker is not
//! held against the hypervisor's: a migrated machine is seen when the daemon says so.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};
use std::thread;

use flocktime_core::{Bound, OsSource, SourceFailed, TimeSource, Vouched, Voucher, grown};

const SIZE: usize = 80;
const HEADER: usize = 16;
const MAGIC: [u32; 2] = [0x414d_5a4e, 0x4342_0200];
const VERSION: u16 = 2;
/// A record that keeps changing while it is read is read again so often.
const TRIES: usize = 1_000;
const SYNCHRONISED: i32 = 1;
const FREE_RUNNING: i32 = 2;
/// So long after the record was made its status is believed: the daemon may be starting again.
const GRACE_NS: i128 = 5_000_000_000;
/// A record may be from the future by so much: it is dated by a clock of another resolution.
const BLUR_NS: i128 = 1_000_000;
/// No clock drifts by as much as time goes.
const MOST_DRIFT_PPB: u32 = 1_000_000_000;

/// Why a record cannot be read.
#[derive(Debug)]
pub enum ClockBoundFault {
    /// The operating system refuses.
    Os(io::Error),
    /// The file is too short for a record; its bytes.
    Size(u64),
    /// It is none of `ClockBound`'s.
    Foreign,
    /// It is of another version.
    Version(u16),
    /// No daemon has written it yet.
    Unwritten,
    /// A daemon is in the middle of writing it, and stays there.
    Unsettled,
    /// Its numbers cannot be.
    Damaged,
}

impl From<io::Error> for ClockBoundFault {
    fn from(error: io::Error) -> Self {
        Self::Os(error)
    }
}

/// Where a daemon's record is.
#[derive(Clone, Debug)]
pub struct ClockBound(PathBuf);

impl ClockBound {
    /// Reads it once, to see that it is one.
    ///
    /// # Errors
    ///
    /// [`ClockBoundFault`].
    pub fn open(path: &Path) -> Result<Self, ClockBoundFault> {
        Record::read(path)?;
        Ok(Self(path.to_owned()))
    }

    /// The operating system's clock with the daemon's bound. Nobody vouches where the record cannot be read any more, is void, or says
    /// that nobody knows or that the clock was disrupted.
    ///
    /// # Errors
    ///
    /// The operating system's clock cannot be read.
    pub fn vouched(&self) -> Result<Vouched, SourceFailed> {
        let record = Record::read(&self.0);
        // In this order: what lies between the two readings makes the bound wider.
        let wall_ns = OsSource.wall_ns()?;
        let monotonic_ns = OsSource.monotonic_ns();
        Ok(Vouched { wall_ns, bound: record.ok().and_then(|record| record.bound_at(monotonic_ns)) })
    }
}

/// What the daemon says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    as_of_ns: i128,
    void_after_ns: i128,
    bound_ns: u64,
    max_drift_ppb: u32,
    status: i32,
}

impl Record {
    fn read(path: &Path) -> Result<Self, ClockBoundFault> {
        // A pipe that nobody writes to is not waited for: it has no size.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let size = file.metadata()?.len();
        if size < SIZE as u64 {
            return Err(ClockBoundFault::Size(size));
        }
        let mut seen = 0;
        for _ in 0..TRIES {
            let (mut before, mut bytes, mut after) = ([0; HEADER], [0; SIZE], [0; HEADER]);
            file.read_exact_at(&mut before, 0)?;
            seen = generation(&before)?;
            fence(Ordering::Acquire);
            file.read_exact_at(&mut bytes, 0)?;
            fence(Ordering::Acquire);
            file.read_exact_at(&mut after, 0)?;
            if seen != 0 && seen % 2 == 0 && before == after {
                return Self::decode(&bytes);
            }
            thread::yield_now();
        }
        Err(if seen == 0 { ClockBoundFault::Unwritten } else { ClockBoundFault::Unsettled })
    }

    fn decode(bytes: &[u8; SIZE]) -> Result<Self, ClockBoundFault> {
        let word = |at: usize| u64::from_ne_bytes(std::array::from_fn(|place| bytes[at + place]));
        let half = |at: usize| u32::from_ne_bytes(std::array::from_fn(|place| bytes[at + place]));
        let moment = |at: usize| i128::from(word(at) as i64) * 1_000_000_000 + i128::from(word(at + 8) as i64);
        let record = Self {
            as_of_ns: moment(16),
            void_after_ns: moment(32),
            bound_ns: u64::try_from(word(48) as i64).map_err(|_| ClockBoundFault::Damaged)?,
            max_drift_ppb: half(64),
            status: half(68) as i32,
        };
        if record.max_drift_ppb >= MOST_DRIFT_PPB { Err(ClockBoundFault::Damaged) } else { Ok(record) }
    }

    fn bound_at(&self, monotonic_ns: u64) -> Option<Bound> {
        let now_ns = i128::from(monotonic_ns);
        let known = matches!(self.status, SYNCHRONISED | FREE_RUNNING);
        if !known || now_ns >= self.void_after_ns || now_ns < self.as_of_ns - BLUR_NS {
            return None;
        }
        let age_ns = u64::try_from((now_ns - self.as_of_ns).max(0)).unwrap_or(u64::MAX);
        Some(Bound {
            error_ns: grown(self.bound_ns, age_ns, self.max_drift_ppb.into()),
            free_running: self.status == FREE_RUNNING || now_ns >= self.as_of_ns + GRACE_NS,
            by: Voucher::ClockBound,
        })
    }
}

/// The generation of a header that is one of the daemon's.
fn generation(header: &[u8; HEADER]) -> Result<u16, ClockBoundFault> {
    let half = |at: usize| u32::from_ne_bytes(std::array::from_fn(|place| header[at + place]));
    let quarter = |at: usize| u16::from_ne_bytes(std::array::from_fn(|place| header[at + place]));
    if [half(0), half(4)] != MAGIC {
        return Err(ClockBoundFault::Foreign);
    }
    match quarter(12) {
        VERSION if half(8) as usize >= SIZE => Ok(quarter(14)),
        VERSION => Err(ClockBoundFault::Size(half(8).into())),
        version => Err(ClockBoundFault::Version(version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record = Record {
        as_of_ns: 100_000_000_000,
        void_after_ns: 200_000_000_000,
        bound_ns: 10_000,
        max_drift_ppb: 1_000,
        status: SYNCHRONISED,
    };

    /// The bound grows by the daemon's own drift; it is free running after the grace, and nobody's before, after and when disrupted.
    #[test]
    fn records_age() {
        let error_ns = |record: &Record, s: u64| {
            record.bound_at(s * 1_000_000_000).map(|bound| (bound.error_ns, bound.free_running))
        };
        assert_eq!(error_ns(&RECORD, 99), None);
        assert_eq!(error_ns(&RECORD, 100), Some((10_000, false)));
        assert_eq!(error_ns(&RECORD, 102), Some((12_000, false)));
        assert_eq!(error_ns(&RECORD, 105), Some((15_000, true)));
        assert_eq!(error_ns(&RECORD, 199), Some((109_000, true)));
        assert_eq!(error_ns(&RECORD, 200), None);
        assert_eq!(error_ns(&Record { status: FREE_RUNNING, ..RECORD }, 100), Some((10_000, true)));
        for status in [0, 3, 4, -1] {
            assert_eq!(error_ns(&Record { status, ..RECORD }, 100), None);
        }
    }
}
