//! Every interleaving of the loop that advances a clock, on a miniature word. What that proves, and what it does not, is
//! written in `sync.rs`. Run with
//! `cargo --config 'target."cfg(all())".rustflags=["--cfg=loom"]' test --release -p flocktime-core --test loom --lib`.
#![cfg(loom)]

use std::convert::Infallible;
use std::panic;

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
