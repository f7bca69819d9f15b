//! How many forks lie between the first process and this one. The hot path reads this instead of asking for the process id.

use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// This process's generation: a clock that remembers another one was copied by a fork.
#[inline]
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Called in the child of every fork, before anything else runs there. Only sets a number, so it may run in a fork handler.
pub fn entered_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
