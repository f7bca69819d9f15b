//! [`SharedState`]: the state of a clock in memory that several processes share, and the bound that none of them passes.
//!
//! # The word
//!
//! ```text
//! most significant                                       least significant
//! | epoch 16 | physical 52 | logical 12 | node 48 xor check of the other 80 |
//! ```
//!
//! A timestamp but for its last field. Whoever knows the node can tell by it whether the word is one that a clock has written:
//! what lies in a file may have been damaged or belong to somebody else. It costs a multiplication, where a checksum
//! beside the word could not be swapped together with it.
//!
//! # The lease
//!
//! `leased` is the upper half of a timestamp: epoch and physical, the latter in units of 16 microseconds. No process issues a
//! timestamp whose upper half is not below it. It only grows, and only to what a disk has confirmed. So one that was allowed
//! stays so, and the swap need not look again.

use portable_atomic::AtomicU128;

use crate::Timestamp;
use crate::epoch_gate::StepRecord;
use crate::layout::{EPOCH_SHIFT, NODE_BITS, NODE_MASK};
use crate::sync::{AtomicU64, AtomicWord, Ordering};

/// Microseconds in a unit of a lease.
pub const LEASE_UNIT_US: u64 = 16;

/// The memory that clocks of several processes advance. All of it may be zero, which is a state that no clock has written.
///
/// Any thread of any process may call anything at any time; nobody waits for anybody, so one that is killed leaves nothing behind.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub struct SharedState {
    word: AtomicU128,
    leased: AtomicU64,
    /// The highest upper half that was asked for in vain.
    wanted: AtomicU64,
    /// Steps of the epoch are as rare for all processes together as for one.
    pub(crate) steps: StepRecord,
    /// Tells a wish from damage: what is granted is durable, and is never taken back.
    wanted_check: AtomicU64,
}

impl SharedState {
    /// The latest timestamp, if a clock of this node has written it.
    pub fn genuine(&self, node: u64) -> Option<Timestamp> {
        Some(self.latest()).filter(|latest| latest.node() == node)
    }

    /// The latest timestamp, issued or adopted.
    #[inline]
    pub fn latest(&self) -> Timestamp {
        unseal(self.word.load(Ordering::Acquire))
    }

    /// Puts the state to `start`, whatever it was, and forgets what was wanted and which step was taken. For whoever knows that no
    /// genuine state is lost.
    pub fn begin(&self, start: Timestamp) {
        self.wanted.store(0, Ordering::Relaxed);
        self.wanted_check.store(0, Ordering::Relaxed);
        self.steps.clear();
        self.word.store(seal(start), Ordering::Release);
    }

    /// The upper half that every timestamp lies below.
    #[inline]
    pub fn leased(&self) -> u64 {
        self.leased.load(Ordering::Acquire)
    }

    /// Sets the lease. It is raised by whoever has made it durable, and lowered only where it was never confirmed.
    pub fn lease(&self, upper_half: u64) {
        self.leased.store(upper_half, Ordering::Release);
    }

    /// The highest upper half that was asked for, in vain where it is not below the lease; zero where nobody has asked for what lies
    /// there.
    pub fn wanted(&self) -> u64 {
        let wanted = self.wanted.load(Ordering::Acquire);
        if self.wanted_check.load(Ordering::Acquire) == wanted.wrapping_mul(MIXER) { wanted } else { 0 }
    }

    /// Asks for room up to this timestamp. Who was killed in the middle of it has not asked.
    pub fn want(&self, stamp: Timestamp) {
        let own = upper_half(stamp);
        while self.wanted() < own {
            // Others that ask now may come between the two, and then one of both asks again.
            self.wanted.store(own, Ordering::Release);
            self.wanted_check.store(own.wrapping_mul(MIXER), Ordering::Release);
        }
    }

    /// Whether a clock may issue it.
    #[inline]
    pub fn allows(&self, stamp: Timestamp) -> bool {
        upper_half(stamp) < self.leased()
    }
}

/// As it was found, sealed, and what that means: so that a swap need not seal it again.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    sealed: u128,
    pub(crate) stamp: Timestamp,
}

impl Seen {
    #[inline]
    pub(crate) const fn new(stamp: Timestamp) -> Self {
        Self { sealed: seal(stamp), stamp }
    }

    #[inline]
    fn found(sealed: u128) -> Self {
        Self { sealed, stamp: unseal(sealed) }
    }
}

/// The word of a state, for whoever advances it within its lease.
pub(crate) struct SealedWord<'a>(pub(crate) &'a SharedState);

impl AtomicWord for SealedWord<'_> {
    type Value = Seen;

    #[inline]
    fn load(&self) -> Seen {
        Seen::found(self.0.word.load(Ordering::Acquire))
    }

    #[inline]
    fn swap_if(&self, current: Seen, new: Seen) -> Result<(), Seen> {
        let swapped =
            self.0.word.compare_exchange_weak(current.sealed, new.sealed, Ordering::AcqRel, Ordering::Acquire);
        swapped.map(|_| ()).map_err(Seen::found)
    }
}

/// Epoch and physical as a lease has them, rounded down.
#[inline]
pub const fn upper_half(stamp: Timestamp) -> u64 {
    (stamp.to_u128() >> 64) as u64
}

/// The first timestamp with this upper half.
pub fn lowest(upper_half: u64, node: u64) -> Timestamp {
    Timestamp::from_u128(u128::from(upper_half) << 64).with_node(node)
}

#[inline]
const fn seal(stamp: Timestamp) -> u128 {
    let word = stamp.to_u128();
    word ^ check(word)
}

#[inline]
fn unseal(word: u128) -> Timestamp {
    Timestamp::from_u128(word ^ check(word))
}

/// Odd, so that a bit changes its own place in the product, and without a pattern: digits of the golden ratio.
const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;

/// 48 bits that any one bit of the upper 80 changes.
#[inline]
const fn check(word: u128) -> u128 {
    // The epoch goes to the upper end, where the part of the product is that is kept.
    let folded = (word >> NODE_BITS) as u64 ^ ((word >> EPOCH_SHIFT) as u64) << NODE_BITS;
    (folded.wrapping_mul(MIXER) >> (64 - NODE_BITS)) as u128 & NODE_MASK
}

/// Memory of a clock that several processes share, and somebody who makes room in it.
pub trait SharedPlace: Send + Sync {
    /// The memory. Always the same.
    fn state(&self) -> &SharedState;

    /// Called for a timestamp that the lease does not allow; a clock that was told to go on tries again.
    ///
    /// # Errors
    ///
    /// Why there is no room.
    fn make_room(&self, stamp: Timestamp) -> Result<(), Unleased>;

    /// Called at the first use in a forked child, which shares the memory but has none of its parent's threads.
    fn enter_child(&self);
}

/// Why a lease has no room for a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unleased {
    /// It was not renewed in time, and the caller does not wait for it.
    Late,
    /// The operating system refuses to make more of it durable, with this error number.
    Failed(i32),
    /// Whoever waited was interrupted, and keeps the details itself.
    Interrupted,
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What was sealed is what comes out, and any one bit that is changed gives it away.
        #[test]
        fn a_damaged_word_is_not_genuine(word: u128, bit in 0_u32..128) {
            let stamp = Timestamp::from_u128(word);
            let state = SharedState::default();
            state.begin(stamp);
            prop_assert_eq!(state.genuine(stamp.node()), Some(stamp));
            state.word.store(seal(stamp) ^ (1 << bit), Ordering::Relaxed);
            prop_assert_eq!(state.genuine(stamp.node()), None);
        }

        /// A lease allows what lies below it, to the unit.
        #[test]
        fn a_lease_is_exclusive(word: u128, leased: u64) {
            let stamp = Timestamp::from_u128(word);
            let state = SharedState::default();
            state.lease(leased);
            prop_assert_eq!(state.allows(stamp), stamp < lowest(leased, 0));
        }
    }

    /// The highest wish counts. What lies there and nobody has asked for does not, and keeps nobody from asking.
    #[test]
    fn a_damaged_wish_is_none() {
        let state = SharedState::default();
        assert_eq!(state.wanted(), 0);
        for (asked, wanted) in [(5, 5), (9, 9), (7, 9)] {
            state.want(lowest(asked, 0));
            assert_eq!(state.wanted(), wanted);
        }
        for bit in 0..64 {
            state.wanted.fetch_xor(1 << bit, Ordering::Relaxed);
            assert_eq!(state.wanted(), 0);
            state.want(lowest(9, 0));
            assert_eq!(state.wanted(), 9);
            state.wanted_check.fetch_xor(1 << bit, Ordering::Relaxed);
            assert_eq!(state.wanted(), 0);
            state.want(lowest(9, 0));
        }
        state.begin(Timestamp::MIN);
        assert_eq!(state.wanted(), 0);
    }

    /// Memory that nobody has written is no state of any node but that of zero.
    #[test]
    fn nothing_is_not_genuine() {
        assert_eq!(SharedState::default().genuine(1), None);
        assert!(!SharedState::default().allows(Timestamp::MIN));
    }
}
