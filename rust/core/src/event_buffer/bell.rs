//! [`Bell`]: threads that wait for something to change, and those that change it.
//!
//! # Why nobody sleeps on
//!
//! A thread that waits counts itself, then looks; a thread that changes something swaps a cursor, then looks at the count.
//! All four are sequentially consistent, so at least one of them sees the other. What the waiting one looks at is the
//! *cursor*: where it has moved and the event is not written yet (or its slot not free), it says [`Sight::Soon`] and naps
//! instead of sleeping, because after its swap the other thread only stores, and nothing orders a store before a look.
//!
//! On x86 a swap is a full barrier and a look is a plain load: a push costs nothing for it while nobody waits.

use std::time::Instant;

use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard, Ordering};

/// What a waiting thread sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// What it waits for.
    There,
    /// Somebody is about to do it.
    Soon,
    /// Nothing.
    Nothing,
}

#[derive(Debug)]
pub(super) struct Bell {
    waiting: AtomicU64,
    lock: Mutex<()>,
    rung: Condvar,
}

impl Bell {
    pub(super) fn new() -> Self {
        let waiting = AtomicU64::new(0);
        #[cfg(loom)]
        waiting.store(0, Ordering::SeqCst); // see `CursorWord::new`
        Self { waiting, lock: Mutex::new(()), rung: Condvar::new() }
    }

    /// Wakes one of those who wait, or all of them where there is enough for several.
    #[inline]
    pub(super) fn ring(&self, for_several: bool) {
        if self.waiting.load(Ordering::SeqCst) != 0 {
            self.wake(for_several);
        }
    }

    /// Rings when it goes out of scope, also because the thread is unwound.
    #[inline]
    pub(super) const fn ring_after(&self, for_several: bool) -> RingAfter<'_> {
        RingAfter { bell: self, for_several }
    }

    #[cold]
    fn wake(&self, for_several: bool) {
        // Whoever holds the lock may have looked before the change. When it is free they sleep, and hear the bell.
        drop(self.locked());
        if for_several {
            self.rung.notify_all();
        } else {
            self.rung.notify_one();
        }
    }

    /// Returns when `look` sees what the caller waits for, or the deadline has come. `look` changes nothing.
    pub(super) fn wait(&self, deadline: Option<Instant>, look: impl Fn() -> Sight) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.locked();
        let mut naps = 0;
        loop {
            let sight = look();
            naps += u32::from(sight == Sight::Soon);
            if sight == Sight::There || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break;
            }
            guard = self.sleep(guard, deadline, (sight == Sight::Soon).then_some(naps));
        }
        drop(guard);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if naps > 0 {
            // It may have heard rings for events behind the one that it waited for, which were meant for others.
            self.rung.notify_all();
        }
    }

    #[cfg(not(loom))]
    fn sleep<'a>(
        &'a self,
        guard: MutexGuard<'a, ()>,
        deadline: Option<Instant>,
        nap: Option<u32>,
    ) -> MutexGuard<'a, ()> {
        use std::sync::PoisonError;
        use std::time::Duration;

        /// A producer stopped between claim and write is looked after a thousand times a second; it is rare.
        const NAP: Duration = Duration::from_millis(1);
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match (nap, left) {
            (None, None) => self.rung.wait(guard).unwrap_or_else(PoisonError::into_inner),
            (None, Some(left)) => self.rung.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0,
            (Some(_), left) => {
                let time = left.map_or(NAP, |left| left.min(NAP));
                self.rung.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// The model checker has no time: a nap lets the others go on.
    #[cfg(loom)]
    fn sleep<'a>(&'a self, guard: MutexGuard<'a, ()>, _: Option<Instant>, nap: Option<u32>) -> MutexGuard<'a, ()> {
        if let Some(mut naps) = nap {
            drop(guard);
            crate::sync::snooze(&mut naps);
            self.locked()
        } else {
            self.rung.wait(guard).unwrap()
        }
    }

    fn locked(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(super) struct RingAfter<'a> {
    bell: &'a Bell,
    for_several: bool,
}

impl Drop for RingAfter<'_> {
    #[inline]
    fn drop(&mut self) {
        self.bell.ring(self.for_several);
    }
}
