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
#[repr(transparent)]
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

    /// As if none had been taken.
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Release);
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const START: u64 = 7_000_000_123;
    const SECOND: u64 = 1_000_000_000;

    fn taken(to: u16, at_ns: u64) -> StepRecord {
        let record = StepRecord::default();
        assert_eq!(record.gate(to - 1, at_ns), EpochGate::Step { from: to - 1 });
        assert!(record.take(to, at_ns));
        record
    }

    /// A step is spent for a minute, to the microsecond, whatever the monotonic clock shows.
    #[test]
    fn a_step_is_spent_for_a_minute() {
        for (at, epoch) in [(0, 1), (START, 1), (START, 0x1234), (START, MAX_EPOCH - 1)] {
            let record = taken(epoch, at);
            let just_before = at / 1000 * 1000 + 60 * SECOND - 1_000;
            assert_eq!(record.gate(epoch, just_before), EpochGate::Shut { from: epoch, wait_us: 1 });
            assert!(!record.take(epoch + 1, just_before));
            assert_eq!(record.gate(epoch, just_before + 1_000), EpochGate::Step { from: epoch });
            assert!(record.take(epoch + 1, just_before + 1_000));
            assert!(!record.take(epoch, just_before + 2_000), "the new step has replaced the old one");
        }
    }

    /// Whoever comes with the step that is already recorded passes, and does not begin the minute anew.
    #[test]
    fn the_recorded_step_may_be_joined() {
        let record = taken(5, START);
        assert_eq!(record.gate(4, START + 30 * SECOND), EpochGate::Step { from: 4 });
        assert!(record.take(5, START + 30 * SECOND));
        assert_eq!(record.gate(5, START + 60 * SECOND), EpochGate::Step { from: 5 });
    }

    /// The time is compared modulo its 48 bits.
    #[test]
    fn the_time_wraps() {
        let last_us = TIME_MASK;
        let record = taken(1, last_us * 1000);
        assert_eq!(record.gate(1, (last_us + 1) * 1000), EpochGate::Shut { from: 1, wait_us: PAUSE_US - 1 });
        assert_eq!(record.gate(1, (last_us + PAUSE_US) * 1000), EpochGate::Step { from: 1 });
    }
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
