//! The atomics, and the one loop that advances a clock. Under `--cfg loom` the same loop runs on the model checker's.
//!
//! # What the models prove, and what they do not
//!
//! No model checker has a 128-bit atomic. The loop is generic over the word ([`AtomicWord`]), and the models drive it over
//! a 64-bit one with a miniature of the layout: every interleaving of up to three threads issues distinct, increasing
//! values, and a mutant that stores instead of swapping fails. What that shows is that the *loop* is right under
//! acquire-release orderings. That the 128-bit swap itself is atomic is the processor's promise, through `portable-atomic`,
//! and is tested by hammering, not proved.
//!
//! [`Latest`](crate::Latest) needs no such stand-in: its words are 64 bits wide, and the models drive it as it is shipped, with
//! mutants of one copy, without the second look and with relaxed loads or stores, each of which is caught.

portable_atomic::cfg_no_atomic_128! {
    compile_error!(
        "flocktime needs a lock-free 128-bit compare-and-swap. On x86-64 build inside its repository, whose .cargo/config.toml \
         turns it on, or set RUSTFLAGS=-Ctarget-feature=+cmpxchg16b; elsewhere use the pure-Python wheel."
    );
}

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU8, AtomicU64},
    sync::{Condvar, Mutex, MutexGuard},
};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicU8, AtomicU64},
    sync::{Condvar, Mutex, MutexGuard},
};

pub(crate) use std::sync::atomic::Ordering;

/// In a cache line of its own (two, where the processor fetches them in pairs): another thread's swap must not take away what
/// lies beside it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

/// `std`'s, by the model checker's interface.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Shows where the value lies. Whoever reads there has made sure that nobody writes.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    pub(crate) fn with<R>(&self, look: impl FnOnce(*const T) -> R) -> R {
        look(self.0.get())
    }

    /// Shows where the value lies. Whoever writes there has made sure that nobody else looks.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    pub(crate) fn with_mut<R>(&self, change: impl FnOnce(*mut T) -> R) -> R {
        change(self.0.get())
    }
}

/// Waits a moment for another thread that is in the middle of something, a longer one each time.
#[cold]
pub(crate) fn snooze(turns: &mut u32) {
    // Two that wait for a third one could take turns for ever: such an execution is not varied from there on.
    #[cfg(loom)]
    if *turns > 1 {
        loom::skip_branch();
    }
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    if *turns < 6 {
        (0..1 << *turns).for_each(|_| std::hint::spin_loop());
    } else {
        std::thread::yield_now();
    }
    *turns += 1;
}

/// A word that threads advance by compare-and-swap.
pub trait AtomicWord {
    /// What it holds.
    type Value: Copy;

    /// What it holds now, and all that its writers did before (acquire).
    fn load(&self) -> Self::Value;

    /// Replaces `current` by `new` (acquire-release), or says what is there instead. May fail without a reason.
    ///
    /// # Errors
    ///
    /// The value that was found.
    fn swap_if(&self, current: Self::Value, new: Self::Value) -> Result<(), Self::Value>;
}

/// Replaces the word by `next(word)`, starting over whenever another thread was faster; returns the new value.
///
/// Lock-free: a thread starts over only because another one succeeded. `next` may run several times.
///
/// # Errors
///
/// What `next` refuses; the word is then left as it is.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the hot path: 3 ns of 60")]
pub fn advance<W: AtomicWord, E>(
    word: &W,
    mut next: impl FnMut(W::Value) -> Result<W::Value, E>,
) -> Result<W::Value, E> {
    let mut current = word.load();
    loop {
        let new = next(current)?;
        match word.swap_if(current, new) {
            Ok(()) => return Ok(new),
            Err(found) => current = found,
        }
    }
}

impl AtomicWord for portable_atomic::AtomicU128 {
    type Value = u128;

    #[inline]
    fn load(&self) -> u128 {
        self.load(Ordering::Acquire)
    }

    #[inline]
    fn swap_if(&self, current: u128, new: u128) -> Result<(), u128> {
        self.compare_exchange_weak(current, new, Ordering::AcqRel, Ordering::Acquire).map(|_| ())
    }
}

impl AtomicWord for AtomicU64 {
    type Value = u64;

    #[inline]
    fn load(&self) -> u64 {
        self.load(Ordering::Acquire)
    }

    #[inline]
    fn swap_if(&self, current: u64, new: u64) -> Result<(), u64> {
        self.compare_exchange_weak(current, new, Ordering::AcqRel, Ordering::Acquire).map(|_| ())
    }
}
