//! The lease of a page: how far it reaches, when it is due and how it is renewed.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use flocktime_core::layout::HORIZON;
use flocktime_core::{LEASE_UNIT_US, OsSource, TimeSource, Timestamp, Unleased, fork, upper_half};

use super::block::{RECORDS_AT, Record};
use super::disk::{Disk, PageLock, Unlocked, read_block, read_ledger};
use super::ledger::Entry;
use super::page_source::follow;
use super::{HostPage, making, now_us};

/// A wall clock that has run away from the timestamps by more than this is not followed until a timestamp does: it may be a
/// glitch, and what is leased is never taken back.
pub(super) const IDLE_US: u64 = 3_600_000_000;
/// So long does a caller that extends the lease itself wait for another process that is at it.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long have those who may write to renew the lease, before one that may not says so; and only where less than this is left.
const FOR_OTHERS_NS: u64 = 2_000_000_000;
const SHORT_US: u64 = 1_000_000;

/// Upper halves in so many microseconds.
pub(super) const fn units(us: u64) -> u64 {
    us.div_ceil(LEASE_UNIT_US)
}

/// Why a lease was not renewed.
#[derive(Debug)]
pub(super) enum Unrenewed {
    /// Somebody else is at it.
    Busy,
    /// This process may not write to the page, as one that has become another user. Others may.
    Denied(io::Error),
    Os(io::Error),
}

impl From<Unlocked> for Unrenewed {
    fn from(unlocked: Unlocked) -> Self {
        match unlocked {
            Unlocked::Busy => Self::Busy,
            Unlocked::Os(error) if error.kind() == io::ErrorKind::PermissionDenied => Self::Denied(error),
            Unlocked::Os(error) => Self::Os(error),
        }
    }
}

impl HostPage {
    /// What its clocks show.
    fn wall_us(&self) -> Option<u64> {
        let followed = if self.follows { follow(&self.mapping, &self.follower).ok().flatten() } else { None };
        followed.map_or_else(&self.wall, |reading| u64::try_from(reading.wall_ns / 1000).ok())
    }

    /// How far timestamps may have come: what was issued, and where the wall clock stands, if that is believed.
    fn reach(&self, follow: bool) -> u64 {
        let latest = self.live().state.latest();
        let issued = upper_half(latest);
        let Some(wall_us) = self.wall_us().map(|us| us.min(HORIZON)) else { return issued };
        let idle_us = wall_us.saturating_sub(latest.physical_us());
        if !follow && idle_us > IDLE_US {
            return issued;
        }
        issued.max((u64::from(latest.epoch()) << 48) | (wall_us / LEASE_UNIT_US))
    }

    /// A third of the lease is used up, or somebody waits.
    pub(super) fn is_due(&self) -> bool {
        self.due_in(false) == 0
    }

    /// Upper halves that may go by until it is. `follow`: as for `reach`.
    pub(super) fn due_in(&self, follow: bool) -> u64 {
        let state = &self.live().state;
        let leased = state.leased();
        if state.wanted() >= leased {
            return 0;
        }
        leased.saturating_sub(self.reach(follow)).saturating_sub(self.lease - self.lease / 3)
    }

    /// A third of the lease.
    pub(super) fn third(&self) -> Duration {
        Duration::from_micros(self.lease / 3 * LEASE_UNIT_US)
    }

    /// How long a keeper may sleep.
    pub(super) fn pause(&self) -> Duration {
        const LEAST: Duration = Duration::from_millis(1);
        Duration::from_micros(self.due_in(false).saturating_mul(LEASE_UNIT_US)).clamp(LEAST, self.third().max(LEAST))
    }

    /// Makes room durable up to `least`, and at least the usual, and then says so, if it is `still_due` when it is this process's turn.
    pub(super) fn renew(&self, least: u64, still_due: impl FnOnce() -> bool) -> Result<(), Unrenewed> {
        let _alone = self.alone().ok_or(Unrenewed::Busy)?;
        let lock = PageLock::try_new(&self.file, &self.path)?;
        if still_due() { self.extend(&lock, least, false).map_err(Unrenewed::Os) } else { Ok(()) }
    }

    /// `follow`: as far as the wall clock, wherever it is.
    pub(super) fn extend(&self, lock: &PageLock, least: u64, follow: bool) -> io::Result<()> {
        // A program that closes descriptors which are not its own may have given their numbers to another file by now.
        if making::identity(&lock.file)? != self.header.file {
            return Err(io::Error::from_raw_os_error(libc::ESTALE));
        }
        let disk: &dyn Disk = self.disk.as_deref().unwrap_or(&lock.file);
        let live = self.live();
        live.set_writer(process::id());
        let leased = live.state.leased();
        let bound = self.reach(follow).max(live.state.wanted()).max(least).saturating_add(self.lease).max(leased);
        let model = Record {
            page: self.header.id,
            sequence: 0,
            bound,
            limit: bound,
            written_us: now_us(),
            process: process::id(),
        };
        let ledger = read_ledger(disk, self.header.id)?;
        for entry in ledger.entries(model, bound, leased, live.confirmed(), 2 * self.lease) {
            write(disk, entry, ledger.0[entry.slot])?;
            // Before those are woken who waited for it, and may look.
            self.errno.store(0, Ordering::Relaxed);
            self.renewals.fetch_add(u64::from(entry.record.bound == bound), Ordering::Relaxed);
            live.confirm(entry.record.sequence, entry.record.bound);
        }
        Ok(())
    }

    /// This process may not renew it: whether that is a failure by now, because nobody else does either.
    pub(super) fn is_denied(&self) -> bool {
        let state = &self.live().state;
        let (leased, now_ns) = (state.leased(), OsSource.monotonic_ns());
        if self.denied_at.swap(leased, Ordering::Relaxed) != leased {
            self.denied_since_ns.store(now_ns, Ordering::Relaxed);
        }
        let for_ns = now_ns.saturating_sub(self.denied_since_ns.load(Ordering::Relaxed));
        let left = leased.saturating_sub(self.reach(false));
        for_ns >= FOR_OTHERS_NS && (state.wanted() >= leased || left < units(SHORT_US))
    }

    /// What the operating system said, for those who wait.
    pub(super) fn failed(&self, error: &io::Error) -> i32 {
        const EIO: i32 = 5;
        let errno = error.raw_os_error().unwrap_or(EIO);
        self.errno.store(errno, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::AcqRel);
        self.live().announce();
        errno
    }

    /// Waits until this timestamp lies below the lease, at most for so long; false: it does not yet. The keepers of all processes
    /// are called.
    ///
    /// # Errors
    ///
    /// [`Unleased::Failed`] where this process's keeper tried meanwhile and the operating system refused, or where it cannot have
    /// one, and nobody else has renewed it.
    pub fn wait_for_room(self: &Arc<Self>, stamp: Timestamp, patience: Duration) -> Result<bool, Unleased> {
        let unkept = self.see_to_keeper(); // a child's may not have started
        let (live, begun) = (self.live(), Instant::now());
        let failures = self.failures.load(Ordering::Acquire);
        live.state.want(stamp);
        live.call();
        loop {
            let seen = live.renewals();
            if live.state.allows(stamp) {
                return Ok(true);
            }
            if self.failures.load(Ordering::Acquire) != failures {
                return Err(Unleased::Failed(self.errno.load(Ordering::Relaxed)));
            }
            let Some(left) = patience.checked_sub(begun.elapsed()) else {
                return unkept.map(|()| false).map_err(Unleased::Failed);
            };
            live.wait_for_renewal(seen, left);
        }
    }

    /// Renews the lease on the caller's thread, until this timestamp lies below it.
    ///
    /// # Errors
    ///
    /// [`Unleased::Failed`] where the operating system refuses; where it is only this process that may not write, if nobody else did
    /// within two seconds. [`Unleased::Late`] where another process has been at it for ten.
    pub fn extend_now(&self, stamp: Timestamp) -> Result<(), Unleased> {
        let (live, begun) = (self.live(), Instant::now());
        live.state.want(stamp);
        loop {
            let seen = live.renewals();
            if live.state.allows(stamp) {
                return Ok(());
            }
            match self.renew(0, || self.is_due()) {
                Ok(()) => {}
                Err(Unrenewed::Busy) if begun.elapsed() > PATIENCE => return Err(Unleased::Late),
                Err(Unrenewed::Busy) => live.wait_for_renewal(seen, Duration::from_millis(1)),
                Err(Unrenewed::Denied(_)) if !self.is_denied() => {
                    live.call();
                    live.wait_for_renewal(seen, Duration::from_millis(5));
                }
                Err(Unrenewed::Denied(error) | Unrenewed::Os(error)) => {
                    return Err(Unleased::Failed(self.failed(&error)));
                }
            }
        }
    }

    /// Renews the lease on the caller's thread, as far as this timestamp. Waits for the disk, and for nobody else.
    ///
    /// # Errors
    ///
    /// [`Unleased::Failed`] where the operating system refuses, [`Unleased::Late`] where another process is at it, or only another one
    /// may be.
    pub fn extend_at_once(&self, stamp: Timestamp) -> Result<(), Unleased> {
        let state = &self.live().state;
        match self.renew(upper_half(stamp), || !state.allows(stamp)) {
            Ok(()) if state.allows(stamp) => Ok(()),
            Ok(()) | Err(Unrenewed::Busy | Unrenewed::Denied(_)) => Err(Unleased::Late),
            Err(Unrenewed::Os(error)) => Err(Unleased::Failed(self.failed(&error))),
        }
    }

    /// The only thread of this process that renews; `None`: another one is. A mark of another generation is that of a thread which
    /// a fork left behind.
    fn alone(&self) -> Option<Alone<'_>> {
        let mark = u64::from(fork::generation()) + 1;
        let found = self.busy.load(Ordering::Relaxed);
        let taken =
            found != mark && self.busy.compare_exchange(found, mark, Ordering::Acquire, Ordering::Relaxed).is_ok();
        taken.then_some(Alone(self))
    }
}

/// Makes a record durable. One that the disk does not confirm is taken back, as far as it lets us, and `before` put in its place:
/// nobody relies on it, and starts that went on from its bound would lead by another lease each time that one fails.
fn write(disk: &dyn Disk, entry: Entry, before: Option<Record>) -> io::Result<()> {
    let at = RECORDS_AT[entry.slot];
    let kept = read_block(disk, at)?;
    disk.write(at, &entry.record.to_block()).and_then(|()| disk.sync()).inspect_err(|_| {
        let kept = before.map_or(kept, |record| Record { written_us: now_us(), ..record }.to_block());
        let _best_effort = disk.write(at, &kept);
    })
}

struct Alone<'a>(&'a HostPage);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.busy.store(0, Ordering::Release);
    }
}
