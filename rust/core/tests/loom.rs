//! Every interleaving of the loop that advances a clock, on a miniature word. What that proves, and what it does not, is
//! written in `sync.rs`. And of `Latest`, on two words, as it is shipped. Run with
//! `cargo --config 'target."cfg(all())".rustflags=["--cfg=loom"]' test --release -p flocktime-core --test loom --lib`.
#![cfg(loom)]

use std::convert::Infallible;
use std::panic;

use flocktime_core::Latest;
use flocktime_core::sync::{AtomicWord, advance};
use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::thread;

// The miniature: epoch 8 | physical 40 | logical 16, without a node. The rules are those of `merge`, on fewer bits.
const EPOCH: u64 = 1 << 56;
const PHYSICAL: u64 = 1 << 16;

fn tick(state: u64, physical: u64) -> u64 {
    (state / EPOCH * EPOCH + physical * PHYSICAL).max(state + 1)
}

fn now(word: &impl AtomicWord<Value = u64>, physical: u64) -> u64 {
    advance(word, |state| Ok::<_, Infallible>(tick(state, physical))).unwrap()
}

fn update(word: &impl AtomicWord<Value = u64>, physical: u64, remote: u64) -> u64 {
    advance(word, |state| Ok::<_, Infallible>(tick(state.max(remote), physical))).unwrap()
}

fn advance_epoch(word: &impl AtomicWord<Value = u64>, physical: u64) -> u64 {
    advance(word, |state| Ok::<_, Infallible>(tick((state / EPOCH + 1) * EPOCH + physical * PHYSICAL, physical)))
        .unwrap()
}

fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Runs each body on a thread of its own over one word; asserts that nothing was issued twice and nothing went back.
fn issue<W>(word: W, bodies: Vec<fn(&W) -> Vec<u64>>)
where
    W: AtomicWord<Value = u64> + Send + Sync + 'static,
{
    let word = Arc::new(word);
    let threads: Vec<_> = bodies
        .into_iter()
        .map(|body| {
            let word = Arc::clone(&word);
            thread::spawn(move || body(&word))
        })
        .collect();
    let issued: Vec<Vec<u64>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for one in &issued {
        assert!(one.windows(2).all(|pair| pair[0] < pair[1]), "a thread saw time go back: {issued:?}");
    }
    let mut all = issued.concat();
    let total = all.len();
    all.sort_unstable();
    assert_eq!(word.load(), all[total - 1], "the word is not the latest issued: {issued:?}");
    all.dedup();
    assert_eq!(all.len(), total, "issued twice: {issued:?}");
}

/// Two threads, two calls each, readings that cross.
#[test]
fn now_and_now() {
    explore(|| {
        issue(
            AtomicU64::new(0),
            vec![|word| vec![now(word, 5), now(word, 5)], |word| vec![now(word, 6), now(word, 4)]],
        );
    });
}

/// A receive beside a send.
#[test]
fn now_and_update() {
    explore(|| {
        issue(
            AtomicU64::new(0),
            vec![|word| vec![now(word, 5), now(word, 5)], |word| {
                let remote = 5 * PHYSICAL + 7;
                let received = update(word, 5, remote);
                assert!(received > remote);
                vec![received]
            }],
        );
    });
}

/// Three threads: a send, a receive, an operator.
#[test]
fn now_update_and_advance_epoch() {
    explore(|| {
        issue(
            AtomicU64::new(0),
            vec![|word| vec![now(word, 5)], |word| vec![update(word, 5, 9 * PHYSICAL)], |word| {
                vec![advance_epoch(word, 4)]
            }],
        );
    });
}

/// What one thread issued and handed over by other means, another one exceeds: acquire and release are enough for that.
#[test]
fn handed_over() {
    explore(|| {
        let word = Arc::new(AtomicU64::new(0));
        let mailbox = Arc::new((AtomicU64::new(0), AtomicBool::new(false)));
        let sender = {
            let (word, mailbox) = (Arc::clone(&word), Arc::clone(&mailbox));
            thread::spawn(move || {
                mailbox.0.store(now(&*word, 5), Ordering::Relaxed);
                mailbox.1.store(true, Ordering::Release);
            })
        };
        let before = mailbox.1.load(Ordering::Acquire).then(|| mailbox.0.load(Ordering::Relaxed));
        let after = now(&*word, 3);
        assert!(before.is_none_or(|before| after > before));
        sender.join().unwrap();
    });
}

/// A word whose swap is a load and a store: the mistake that the models must catch.
struct LoadThenStore(AtomicU64);

impl AtomicWord for LoadThenStore {
    type Value = u64;

    fn load(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn swap_if(&self, current: u64, new: u64) -> Result<(), u64> {
        match self.load() {
            found if found == current => {
                self.0.store(new, Ordering::Release);
                Ok(())
            }
            found => Err(found),
        }
    }
}

/// The models are able to fail.
#[test]
fn the_load_then_store_mutant_is_caught() {
    let caught = panic::catch_unwind(|| {
        explore(|| issue(LoadThenStore(AtomicU64::new(0)), vec![|word| vec![now(word, 5)], |word| vec![now(word, 5)]]));
    });
    let message = *caught.expect_err("the mutant survived").downcast::<String>().expect("a message");
    assert!(message.contains("issued twice"), "{message}");
}

/// Two words that are always written as `[n, 10 n]`, and however they are kept.
trait Pair: Send + Sync + 'static {
    fn write(&self, n: u64) -> bool;
    fn read(&self) -> [u64; 2];
}

impl Pair for Latest<2> {
    fn write(&self, n: u64) -> bool {
        self.try_write([n, 10 * n])
    }

    fn read(&self) -> [u64; 2] {
        Latest::read(self, |&words| words)
    }
}

/// Two writes after each other beside a reader that looks twice: nothing torn, nothing back, and the last one holds.
fn read_beside_two_writes(pair: impl Pair) {
    let pair = Arc::new(pair);
    let writer = {
        let pair = Arc::clone(&pair);
        thread::spawn(move || assert!(pair.write(1) && pair.write(2), "nobody else writes"))
    };
    let seen = [pair.read(), pair.read()];
    writer.join().unwrap();
    assert!(seen.iter().all(|&[n, tens]| tens == 10 * n), "torn: {seen:?}");
    assert!(seen[0] <= seen[1], "back: {seen:?}");
    assert_eq!(pair.read(), [2, 20]);
}

/// [`read_beside_two_writes`], as it is shipped.
#[test]
fn latest_is_never_torn() {
    explore(|| read_beside_two_writes(Latest::new([0, 0])));
}

/// Two writers at once and a reader: one or both write, what one of the writers wrote last holds, and nothing is torn.
#[test]
fn latest_takes_one_writer_at_a_time() {
    explore(|| {
        let latest = Arc::new(Latest::new([0, 0]));
        let other = Arc::clone(&latest);
        let second = thread::spawn(move || other.write(2));
        let reader = Arc::clone(&latest);
        let third = thread::spawn(move || Pair::read(&*reader));
        let first = latest.write(1);
        let second = second.join().unwrap();
        let seen = third.join().unwrap();
        assert!(seen[1] == 10 * seen[0], "torn: {seen:?}");
        assert!(first || second, "both were sent away");
        let last = Pair::read(&*latest);
        assert!([(first, [1, 10]), (second, [2, 20])].contains(&(true, last)), "{first} {second} {last:?}");
        assert!(latest.write(3), "the mark was taken away");
    });
}

/// What was written before, by other means, is seen by whoever has seen the words: a reading of `Latest` acquires.
#[test]
fn latest_hands_over() {
    explore(|| {
        let latest = Arc::new(Latest::new([0, 0]));
        let before = Arc::new(AtomicU64::new(0));
        let writer = {
            let (latest, before) = (Arc::clone(&latest), Arc::clone(&before));
            thread::spawn(move || {
                before.store(1, Ordering::Relaxed);
                assert!(latest.write(1));
            })
        };
        let [n, _] = Pair::read(&*latest);
        assert!(before.load(Ordering::Relaxed) >= n);
        writer.join().unwrap();
    });
}

/// The mistakes that the models must catch: `Latest` for one writer, with a mistake of choice.
struct Mistaken {
    version: AtomicU64,
    copies: [[AtomicU64; 2]; 2],
    mistake: Mistake,
}

#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    /// Nothing is wrong: the mutants differ from what is right by their mistake alone.
    None,
    /// The writer writes where the readers are.
    OneCopy,
    /// The reader does not look at the version again.
    NoSecondLook,
    /// The reader may look at the version again before it has read the words.
    RelaxedReader,
    /// The words may be seen before the version that came before them.
    RelaxedWriter,
}

impl Mistaken {
    fn new(mistake: Mistake) -> Self {
        let copy = || [AtomicU64::new(0), AtomicU64::new(0)];
        Self { version: AtomicU64::new(0), copies: [copy(), copy()], mistake }
    }

    fn copy(&self, version: u64) -> &[AtomicU64; 2] {
        &self.copies[if self.mistake == Mistake::OneCopy { 0 } else { (version & 1) as usize }]
    }
}

impl Pair for Mistaken {
    fn write(&self, n: u64) -> bool {
        let order = if self.mistake == Mistake::RelaxedWriter { Ordering::Relaxed } else { Ordering::Release };
        let next = self.version.load(Ordering::Relaxed) + 1;
        let copy = self.copy(next);
        copy[0].store(n, order);
        copy[1].store(10 * n, order);
        self.version.store(next, Ordering::Release);
        true
    }

    fn read(&self) -> [u64; 2] {
        let order = if self.mistake == Mistake::RelaxedReader { Ordering::Relaxed } else { Ordering::Acquire };
        loop {
            let version = self.version.load(Ordering::Acquire);
            let copy = self.copy(version);
            let words = [copy[0].load(order), copy[1].load(order)];
            if self.mistake == Mistake::NoSecondLook || self.version.load(Ordering::Acquire) == version {
                return words;
            }
        }
    }
}

/// Each mistake is caught, and what is right is not.
#[test]
fn the_mutants_of_latest_are_caught() {
    explore(|| read_beside_two_writes(Mistaken::new(Mistake::None)));
    for mistake in [Mistake::OneCopy, Mistake::NoSecondLook, Mistake::RelaxedReader, Mistake::RelaxedWriter] {
        let caught = panic::catch_unwind(|| explore(move || read_beside_two_writes(Mistaken::new(mistake))));
        let message = *caught.expect_err("the mutant survived").downcast::<String>().expect("a message");
        assert!(message.contains("torn"), "{message}");
    }
}
