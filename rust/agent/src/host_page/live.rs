//! [`Live`]: the block of a page that is shared in memory and means nothing after the machine has started anew.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use flocktime_core::SharedState;

use super::rudder::Rudder;

/// The version of what follows. Processes of other versions do not touch it.
const FORMAT: u64 = 1;

/// Made of atomics only, so that any process may be killed anywhere; zero is a value of each.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(super) struct Live {
    /// The boot that the block belongs to. Zero: none.
    boot: [AtomicU64; 2],
    format: AtomicU64,
    /// The number of the record that confirmed the lease.
    confirmed: AtomicU64,
    /// Rises with each renewal, for those who wait for one.
    renewals: AtomicU32,
    /// Rises when a renewal is wanted at once, for those who can bring one about.
    calls: AtomicU32,
    /// The process that wrote last, or is at it.
    writer: AtomicU32,
    pub(super) state: SharedState,
    pub(super) rudder: Rudder,
}

/// What makes two starts of a machine differ, sixteen bytes.
pub(super) type Boot = [u8; 16];

impl Live {
    /// Whether it was begun in this boot, by a version that this one understands.
    pub(super) fn is_begun(&self, boot: Option<Boot>) -> bool {
        let words = self.boot.each_ref().map(|half| half.load(Ordering::Acquire));
        boot.is_some_and(|boot| words == halves(boot)) && self.format.load(Ordering::Relaxed) == FORMAT
    }

    /// Whether another version has begun it in this boot, and may still be at it.
    pub(super) fn is_foreign(&self, boot: Option<Boot>) -> bool {
        let words = self.boot.each_ref().map(|half| half.load(Ordering::Acquire));
        boot.is_some_and(|boot| words == halves(boot)) && self.format.load(Ordering::Relaxed) != FORMAT
    }

    /// Says that what follows holds for this boot; `None`: for nobody.
    pub(super) fn begin(&self, boot: Option<Boot>) {
        self.format.store(FORMAT, Ordering::Relaxed);
        for (half, word) in self.boot.iter().zip(halves(boot.unwrap_or_default())) {
            half.store(word, Ordering::Release);
        }
    }

    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed.load(Ordering::Acquire)
    }

    /// This record is durable, and its bound holds: wakes whoever waits for that.
    pub(super) fn confirm(&self, sequence: u64, bound: u64) {
        self.confirmed.store(sequence, Ordering::Release);
        self.state.lease(bound);
        self.announce();
    }

    /// Something has become of a renewal, if only that it failed.
    pub(super) fn announce(&self) {
        self.renewals.fetch_add(1, Ordering::AcqRel);
        wake_all(&self.renewals);
    }

    pub(super) fn renewals(&self) -> u32 {
        self.renewals.load(Ordering::Acquire)
    }

    /// Until a renewal follows the one with this number, or for so long.
    pub(super) fn wait_for_renewal(&self, after: u32, patience: Duration) {
        wait(&self.renewals, after, patience);
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Acquire)
    }

    /// Wakes those who can renew the lease, in every process.
    pub(super) fn call(&self) {
        self.calls.fetch_add(1, Ordering::AcqRel);
        wake_all(&self.calls);
    }

    /// Wakes them without a call.
    pub(super) fn nudge(&self) {
        wake_all(&self.calls);
    }

    /// Until a call follows the one with this number, or for so long.
    pub(super) fn wait_for_call(&self, after: u32, patience: Duration) {
        wait(&self.calls, after, patience);
    }

    pub(super) fn writer(&self) -> u32 {
        self.writer.load(Ordering::Relaxed)
    }

    pub(super) fn set_writer(&self, process: u32) {
        self.writer.store(process, Ordering::Relaxed);
    }
}

fn halves(boot: Boot) -> [u64; 2] {
    let word = u128::from_be_bytes(boot);
    [(word >> 64) as u64, word as u64]
}

/// Across processes: the memory, not its address, is what both mean.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn wait(word: &AtomicU32, seen: u32, patience: Duration) {
    use rustix::thread::futex;
    let Ok(timeout) = futex::Timespec::try_from(patience) else { return };
    // Woken, changed before, interrupted or too late: whoever waits looks again in each case.
    let _why = futex::wait(word, futex::Flags::empty(), seen, Some(&timeout));
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn wake_all(word: &AtomicU32) {
    use rustix::thread::futex;
    let _woken = futex::wake(word, futex::Flags::empty(), i32::MAX as u32);
}

/// Where no call waits for memory of several processes: by looking, every millisecond.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn wait(word: &AtomicU32, seen: u32, patience: Duration) {
    let begun = std::time::Instant::now();
    while word.load(Ordering::Acquire) == seen && begun.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(1).min(patience));
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn wake_all(_word: &AtomicU32) {}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// A block belongs to the boot that began it, and to nobody where the boot is not known.
    #[test]
    fn a_block_belongs_to_a_boot() {
        let live = Live::default();
        assert!(!live.is_begun(Some([0; 16])), "nobody has begun it");
        live.begin(Some([3; 16]));
        assert!(live.is_begun(Some([3; 16])) && !live.is_begun(Some([4; 16])) && !live.is_begun(None));
        live.begin(None);
        assert!(!live.is_begun(Some([3; 16])) && !live.is_begun(None));
        live.format.store(FORMAT + 1, Ordering::Relaxed);
        assert!(!live.is_foreign(Some([5; 16])));
        live.boot[0].store(halves([5; 16])[0], Ordering::Relaxed);
        live.boot[1].store(halves([5; 16])[1], Ordering::Relaxed);
        assert!(live.is_foreign(Some([5; 16])));
    }

    /// Who waits for a renewal is woken by it, and does not wait for one that has been.
    #[test]
    fn a_renewal_wakes() {
        let live = Live::default();
        let before = live.renewals();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                while live.renewals() == before {
                    live.wait_for_renewal(before, Duration::from_mins(1));
                }
            });
            live.confirm(1, 7);
            waiting.join().expect("it was woken");
        });
        live.wait_for_renewal(before, Duration::from_mins(1));
        assert_eq!((live.confirmed(), live.state.leased()), (1, 7));
    }
}
