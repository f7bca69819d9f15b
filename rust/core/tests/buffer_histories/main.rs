//! Whatever threads do to a buffer at once, it looks as if they had done it one after the other: their calls are recorded, and
//! each history is held against a sequential queue, whose order is that of the stamps.

mod history;
mod queues;
mod spec;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Instant;

use flocktime_core::{BufferConfig, Clock, Config, EventBuffer};

use history::{Call, Random, record};
use queues::{Mistake, Mistaken, Queue, Still};
use spec::{Answer, Op, is_linearizable};

/// Or as many as `HISTORIES_ROUNDS` says.
const ROUNDS: usize = 4000;

/// A number from the environment, if it is set.
fn setting<N: std::str::FromStr>(name: &str) -> Option<N> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

/// Another one each time, unless `HISTORIES_SEED` is set.
fn seed() -> u64 {
    let seed = setting("HISTORIES_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("HISTORIES_SEED={seed}");
    seed
}

/// Records rounds, each of a new queue with room for one to three, until one is not linearizable; that one.
fn find_bad<Q: Queue>(make: impl Fn(usize) -> Q, rounds: usize) -> Option<Vec<Call>> {
    let mut random = Random::new(seed());
    let start = Instant::now();
    let (mut calls, mut overlaps) = (0, 0);
    for round in 0..rounds {
        let capacity = 1 + round % 3;
        let history = record(&make(capacity), &mut random);
        calls += history.len();
        overlaps += history.iter().filter(|call| history.iter().any(|other| call.overlaps(other))).count();
        if !is_linearizable(&history, capacity) {
            return Some(history);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{rounds} histories of {calls} calls, {overlaps} of which overlapped others, {seconds:.1} s");
    None
}

/// Of the buffer as it is shipped: pushes, pops, batches, watermarks and `close` by two or three threads at once.
#[test]
fn histories_are_linearizable() {
    let make = |capacity| {
        let clock = Arc::new(Clock::new(Still::default(), Config::new(|| 7)));
        EventBuffer::new(clock, BufferConfig::new(capacity)).unwrap()
    };
    if let Some(history) = find_bad(make, setting("HISTORIES_ROUNDS").unwrap_or(ROUNDS)) {
        panic!("not linearizable: {history:#?}");
    }
}

/// A queue behind a lock passes: what is refused below is the mistake, not the queue.
#[test]
fn a_locked_queue_passes() {
    assert_eq!(find_bad(|capacity| Mistaken::new(capacity, Mistake::None), ROUNDS / 4), None);
}

/// Each mistake is found in a few rounds.
#[test]
fn mistakes_are_found() {
    for mistake in Mistake::ALL {
        let bad = find_bad(|capacity| Mistaken::new(capacity, mistake), 100 * ROUNDS);
        assert!(bad.is_some(), "{mistake:?} survived");
    }
}

/// The calls of thread 0, then one of thread 1 that begins at `from` and ends at `to`. Thread 0's calls take a tick each, from 10
/// on: begin at 10, end at 11, begin at 12.
fn judge(calls: &[(Op, Answer)], (op, answer): (Op, Answer), from: usize, to: usize) -> bool {
    let own = calls.iter().zip(0..).map(|((op, answer), at)| Call {
        thread: 0,
        op: op.clone(),
        answer: answer.clone(),
        from: 10 + 2 * at,
        to: 11 + 2 * at,
    });
    let other = Call { thread: 1, op, answer, from, to };
    is_linearizable(&own.chain([other]).collect::<Vec<_>>(), 2)
}

/// The checker itself, on histories made by hand: what has returned counts, and what overlaps may count.
#[test]
fn the_checker_knows_its_trade() {
    let push = |value, stamp| (Op::Push(value), Answer::Pushed(stamp));
    let pop = |value, stamp| (Op::Pop, Answer::Popped(stamp, value));
    let empty = || (Op::Pop, Answer::Empty);
    let two = [push(0, 5), push(1, 6)];
    assert!(judge(&two, empty(), 1, 2), "empty before the push");
    assert!(judge(&two, empty(), 1, 20), "empty beside the push");
    assert!(!judge(&two, empty(), 20, 21), "empty after the push");
    assert!(judge(&two, pop(0, 5), 20, 21));
    assert!(!judge(&two, pop(1, 6), 20, 21), "the second before the first");
    assert!(!judge(&two, pop(0, 5), 1, 2), "popped before it was pushed");
    assert!(!judge(&two, pop(0, 7), 20, 21), "under another stamp");
    assert!(!judge(&[push(0, 6), push(1, 5)], empty(), 1, 2), "stamps that go back");
    assert!(!judge(&two, (Op::Push(2), Answer::Pushed(7)), 20, 21), "three in two places");
    assert!(judge(&two, (Op::Push(2), Answer::Full), 12, 13), "full from the second on");
    assert!(!judge(&two, (Op::Push(2), Answer::Full), 1, 2), "full of nothing");
    assert!(!judge(&two, (Op::Watermark, Answer::Promised(5)), 20, 21), "an event inside has this stamp");
    assert!(judge(&two, (Op::Watermark, Answer::Promised(4)), 1, 20));
    assert!(!judge(&two, (Op::Watermark, Answer::Promised(5)), 1, 2), "an event comes with this stamp");
    assert!(judge(&two, (Op::Pop, Answer::NotReady { ticket: 0 }), 10, 12), "claimed, not written");
    assert!(!judge(&two, (Op::Pop, Answer::NotReady { ticket: 0 }), 20, 21), "written long ago");
    assert!(!judge(&two, (Op::Pop, Answer::NotReady { ticket: 1 }), 1, 2), "not claimed yet");
    assert!(!judge(&two, (Op::Close, Answer::Done), 1, 2), "pushed after close");
    assert!(judge(&two, (Op::Close, Answer::Done), 20, 21));
}
