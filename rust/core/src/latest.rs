//! [`Latest`]: a few words that one thread replaces and any number of others read, without a lock and without waiting.
//!
//! Two copies and a version. The version says which copy holds; the writer fills the other one and then moves the version
//! on. So a writer that is preempted half-way blocks nobody: what it has written so far lies where nobody looks. A reader
//! starts over only where the version has moved under it, which takes a whole write.
//!
//! # Why nothing is torn
//!
//! Version `v` holds in copy `v & 1`. A reader that found `v` may be overtaken by the write that makes `v + 2`, which fills
//! the same copy. Its stores release what came before them, the version `v + 1` among it, and the reader's loads acquire: who
//! has seen one of the new words sees at least `v + 1` when it looks at the version again, and starts over. Acquire and
//! release are all that this needs, and a model checker walks through all of it (`tests/loom.rs`).

use crate::fork;
use crate::sync::{AtomicU64, Ordering};

/// The mark of no writer. That of a writer is its process's fork generation plus one.
const NOBODY: u64 = 0;

/// `N` words, always read as they were written together.
///
/// Any thread may read and write at any time. Readers never block and never wait for a writer; they start over when a write
/// was completed meanwhile. Of two writers at once, one is sent away.
///
/// ```
/// use flocktime_core::Latest;
/// let latest = Latest::new([1, 10]);
/// assert!(latest.try_write([2, 20]));
/// assert_eq!(latest.read(|&[one, ten]| (one, ten)), (2, 20));
/// ```
///
/// # Hazard
///
/// A fork in the middle of a write leaves the child with a writer that does not exist there. The mark says so, because it
/// names the fork generation: the first writer of the child takes its place. That needs [`fork::entered_child`] to be called
/// in children; where nobody does, a child may find itself unable to write for ever, though never unable to read.
///
/// # Several processes
///
/// Its layout is fixed, and zero is a value of it, so it may lie in memory that processes share. The mark means nothing there:
/// who writes is then for them to settle, and [`Latest::replace`] is the way.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Latest<const N: usize> {
    /// How many writes there were. Its lowest bit is the copy that holds.
    version: AtomicU64,
    copies: [[AtomicU64; N]; 2],
    /// The mark of the writer at work, or [`NOBODY`].
    writer: AtomicU64,
}

impl<const N: usize> Latest<N> {
    /// Holds these words.
    pub fn new(words: [u64; N]) -> Self {
        Self {
            version: AtomicU64::new(0),
            copies: [words.map(AtomicU64::new), words.map(AtomicU64::new)],
            writer: AtomicU64::new(NOBODY),
        }
    }

    /// What `look` makes of the words. It runs while they hold, as the version says. What else it reads is of about that time,
    /// in no strict order with it: the processor may read a counter some nanoseconds before the words, or after the second
    /// look at the version.
    ///
    /// Lock-free: it starts over only because a writer was done meanwhile. `look` may run several times, of which the last
    /// one counts.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    pub fn read<T>(&self, mut look: impl FnMut(&[u64; N]) -> T) -> T {
        let mut version = self.version.load(Ordering::Acquire);
        loop {
            // Two ways and not one computed address: the processor then reads ahead of the version. 1.5 ns of 32.
            let words = if version & 1 == 0 { load(&self.copies[0]) } else { load(&self.copies[1]) };
            let seen = look(&words);
            let now = self.version.load(Ordering::Acquire);
            if now == version {
                return seen;
            }
            version = now;
        }
    }

    /// Replaces the words, unless another thread is at it: then nothing is written, and the answer is false.
    #[must_use = "false: another thread was writing, and nothing was written"]
    pub fn try_write(&self, words: [u64; N]) -> bool {
        let begun = self.begin();
        if begun {
            self.finish(self.version.load(Ordering::Relaxed), words);
        }
        begun
    }

    /// Replaces the words by what `next` makes of them, with no other write in between, unless another thread is at it: then
    /// nothing is written, and the answer is false. `next` must not panic: nobody could write any more.
    #[must_use = "false: another thread was writing, and nothing was written"]
    pub fn try_update(&self, next: impl FnOnce(&[u64; N]) -> [u64; N]) -> bool {
        let begun = self.begin();
        if begun {
            let version = self.version.load(Ordering::Relaxed);
            self.finish(version, next(&load(&self.copies[(version & 1) as usize])));
        }
        begun
    }

    /// Replaces the words without asking for the mark. For whoever is the only writer by another rule, which a process that was
    /// stopped half-way may break when it goes on: of two such writes the later one is told (false), and until the next one
    /// readers may find words of both. So the words need a checksum.
    #[must_use = "false: somebody else has written meanwhile"]
    pub fn replace(&self, words: [u64; N]) -> bool {
        let version = self.version.load(Ordering::Acquire);
        let next = version.wrapping_add(1);
        for (slot, word) in self.copies[(next & 1) as usize].iter().zip(words) {
            slot.store(word, Ordering::Release);
        }
        self.version.compare_exchange(version, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The words before those that hold. A write that is under way changes them, so they may be of two writes.
    pub fn before(&self) -> [u64; N] {
        load(&self.copies[1 - (self.version.load(Ordering::Acquire) & 1) as usize])
    }

    /// Takes the writer's mark, unless another thread of this process has it.
    fn begin(&self) -> bool {
        let mark = u64::from(fork::generation()) + 1;
        let found = self.writer.load(Ordering::Relaxed);
        // The mark of another generation is that of a thread which the fork left behind: it never comes back.
        found != mark && self.writer.compare_exchange(found, mark, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Writes behind the mark, and gives it back.
    fn finish(&self, version: u64, words: [u64; N]) {
        let next = version.wrapping_add(1);
        for (slot, word) in self.copies[(next & 1) as usize].iter().zip(words) {
            slot.store(word, Ordering::Release);
        }
        self.version.store(next, Ordering::Release);
        self.writer.store(NOBODY, Ordering::Release);
    }
}

/// Each load acquires: none of what follows, above all the second look at the version, may come before it.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the hot path")]
fn load<const N: usize>(copy: &[AtomicU64; N]) -> [u64; N] {
    std::array::from_fn(|at| copy[at].load(Ordering::Acquire))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// What was written last is read, however often it was written; the version may wrap.
    #[test]
    fn the_last_write_is_read() {
        let latest = Latest::new([0, 0, 0]);
        latest.version.store(u64::MAX - 3, Ordering::Relaxed);
        for round in 0..10 {
            assert!(latest.try_write([round, round + 1, round + 2]));
            assert_eq!(latest.read(|&words| words), [round, round + 1, round + 2]);
        }
    }

    /// The closure runs again where a write was completed while it ran, and only then.
    #[test]
    fn a_look_that_was_overtaken_runs_again() {
        let latest = Latest::new([1]);
        let mut looks = Vec::new();
        let seen = latest.read(|&[word]| {
            looks.push(word);
            assert!(looks.len() > 2 || latest.try_write([word + 1]));
            word
        });
        assert_eq!((seen, looks), (3, vec![1, 2, 3]));
    }

    /// An update has the words for itself: who comes meanwhile is sent away, and does not wait.
    #[test]
    fn an_update_is_alone() {
        let latest = Latest::new([1]);
        let mut within = true;
        assert!(latest.try_update(|&[word]| {
            within = latest.try_write([7]) || latest.try_update(|&words| words);
            [word + 1]
        }));
        assert_eq!((within, latest.read(|&words| words)), (false, [2]));
    }

    /// A write without the mark replaces the words whoever has left one behind, and keeps the words before.
    #[test]
    fn a_write_without_the_mark_keeps_the_words_before() {
        let latest = Latest::new([0, 0]);
        latest.writer.store(u64::from(fork::generation()) + 1, Ordering::Relaxed); // somebody killed elsewhere
        assert!(latest.replace([1, 10]) && latest.replace([2, 20]));
        assert_eq!((latest.read(|&words| words), latest.before()), ([2, 20], [1, 10]));
        assert_eq!(size_of::<Latest<15>>(), 256, "as the host page has it");
    }

    /// A second writer is sent away; one that a fork left behind half-way is replaced, and what it had begun is never seen.
    #[test]
    fn a_writer_left_behind_by_a_fork_is_replaced() {
        let latest = Latest::new([1, 10]);
        let own = u64::from(fork::generation()) + 1;
        latest.writer.store(own, Ordering::Relaxed);
        assert!(!latest.try_write([2, 20]));
        latest.copies[1][0].store(99, Ordering::Relaxed); // half of a write
        latest.writer.store(own + 1, Ordering::Relaxed); // of another generation
        assert_eq!(latest.read(|&words| words), [1, 10]);
        assert!(latest.try_write([3, 30]));
        assert_eq!(latest.read(|&words| words), [3, 30]);
        assert!(latest.try_write([4, 40]), "the mark was taken away");
        latest.writer.store(own + 1, Ordering::Relaxed);
        assert!(latest.try_update(|&[one, ten]| [one + 1, ten + 10]), "an update replaces it likewise");
        assert_eq!(latest.read(|&words| words), [5, 50]);
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// Of two updates at once the one that was sent away has changed nothing, and the others build upon each other.
    #[test]
    fn loom_updates_are_not_lost() {
        loom::model(|| {
            let latest = Arc::new(Latest::new([0, 0]));
            let update = |latest: &Latest<2>| u64::from(latest.try_update(|&[one, ten]| [one + 1, ten + 10]));
            let other = Arc::clone(&latest);
            let thread = thread::spawn(move || update(&other) + update(&other));
            let done = update(&latest) + thread.join().unwrap();
            assert_eq!(latest.read(|&words| words), [done, 10 * done]);
            assert!(done > 0);
        });
    }
}
