//! At most one step to a higher epoch a minute that nobody vouches for, without a lock that a fork could leave held.

use crate::layout::{MAX_EPOCH, NODE_BITS};
use crate::merge::EpochGate;
use crate::sync::{AtomicU64, Ordering, advance};

const PAUSE_US: u64 = 60_000_000;
const TIME_BITS: u32 = NODE_BITS; // 48 bits of microseconds: monotonic time wraps after 8.9 years, compared modulo
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// The latest step taken on nobody's word: `epoch 16 | monotonic microseconds 48`; zero: none yet, since no step leads to
/// epoch 0.
///
/// The step is recorded *before* the clock's state is raised. Whoever then raises it, the record says so already, and a
/// thread that meets the recorded epoch passes without spending anything.
#[derive(Debug, Default)]
pub(crate) struct StepRecord(AtomicU64);

impl StepRecord {
    /// What is allowed above `from` at this monotonic time.
    pub(crate) fn gate(&self, from: u16, now_ns: u64) -> EpochGate {
        let record = self.0.load(Ordering::Acquire);
        if record == 0 || epoch_of(record) == from.wrapping_add(1) {
            return EpochGate::Step { from };
        }
        match PAUSE_US.saturating_sub(elapsed_us(record, now_ns)) {
            0 => EpochGate::Step { from },
            wait_us => EpochGate::Shut { from, wait_us },
        }
    }

    /// Records the step to `to`, if it is still allowed. False: another thread took a different one meanwhile.
    pub(crate) fn take(&self, to: u16, now_ns: u64) -> bool {
        let taken = u64::from(to) << TIME_BITS | (now_ns / 1000) & TIME_MASK;
        let recorded = advance(&self.0, |record| match record {
            _ if record != 0 && epoch_of(record) == to => Ok(record),
            _ if record != 0 && elapsed_us(record, now_ns) < PAUSE_US => Err(()),
            _ => Ok(taken),
        });
        recorded.is_ok()
    }
}

const fn epoch_of(record: u64) -> u16 {
    (record >> TIME_BITS) as u16 & MAX_EPOCH
}

const fn elapsed_us(record: u64, now_ns: u64) -> u64 {
    (now_ns / 1000).wrapping_sub(record & TIME_MASK) & TIME_MASK
}

#[cfg(all(test, loom))]
mod models {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// Two threads with the same step both pass and spend one minute; with different steps only one of them passes.
    #[test]
    fn loom_one_step_a_minute() {
        for (first, second, passing) in [(1, 1, 2), (1, 2, 1)] {
            loom::model(move || {
                let record = Arc::new(StepRecord::default());
                let other = Arc::clone(&record);
                let thread = thread::spawn(move || other.take(second, 1_000));
                let passed = [record.take(first, 1_000), thread.join().unwrap()];
                assert_eq!(passed.iter().filter(|&&passed| passed).count(), passing);
                assert!(!record.take(9, 1_000), "the minute is spent");
            });
        }
    }
}
