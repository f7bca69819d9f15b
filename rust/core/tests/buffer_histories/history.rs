//! Threads that call at random, and the record of when each call began and ended.

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::queues::Queue;
use crate::spec::{Answer, Op};

/// One call, and the moments between which it took effect: a count that all threads share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) thread: usize,
    pub(crate) op: Op,
    pub(crate) answer: Answer,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Call {
    pub(crate) const fn overlaps(&self, other: &Self) -> bool {
        self.thread != other.thread && self.from < other.to && other.from < self.to
    }
}

/// `SplitMix64`: every round follows from the seed, though not how its threads interleave.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % end
    }

    fn op(&mut self, value: u32) -> Op {
        match self.below(32) {
            0..14 => Op::Push(value),
            14..22 => Op::Pop,
            22..27 => Op::Drain(1 + self.below(3) as usize),
            27..31 => Op::Watermark,
            _ => Op::Close,
        }
    }
}

/// Two or three threads make a few calls each, as nearly at once as can be had.
///
/// The longer a history, the more orders of it there may be to search.
pub(crate) fn record(queue: &impl Queue, random: &mut Random) -> Vec<Call> {
    let threads = 2 + random.below(2) as usize;
    let plans = (0..threads).map(|thread| (0..6).map(|at| random.op(10 * thread as u32 + at)).collect::<Vec<_>>());
    let plans: Vec<_> = plans.collect();
    let (arrived, moments) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let moment = || moments.fetch_add(1, Ordering::SeqCst);
    let play = |(thread, plan): (usize, Vec<Op>)| {
        arrived.fetch_add(1, Ordering::SeqCst);
        let mut turns = 0;
        while arrived.load(Ordering::SeqCst) < threads {
            turns += 1;
            if turns % 1000 == 0 { thread::yield_now() } else { hint::spin_loop() }
        }
        let call = |op: Op| {
            let from = moment();
            let answer = queue.call(&op);
            Call { thread, op, answer, from, to: moment() }
        };
        plan.into_iter().map(call).collect::<Vec<_>>()
    };
    let mut history: Vec<Call> = thread::scope(|scope| {
        let handles: Vec<_> = plans.into_iter().enumerate().map(|part| scope.spawn(|| play(part))).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    });
    excuse(&mut history);
    history
}

/// An empty batch says nothing where a push was under way.
fn excuse(history: &mut [Call]) {
    let pushes: Vec<_> = history.iter().filter(|call| matches!(call.answer, Answer::Pushed(_))).cloned().collect();
    for call in history {
        if call.answer == Answer::Drained(Vec::new()) && pushes.iter().any(|push| push.overlaps(call)) {
            call.answer = Answer::NothingYet;
        }
    }
}
