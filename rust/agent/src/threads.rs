//! Threads of our own in somebody else's process.

use std::io;
use std::thread::{self, JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Starts a thread that no signal interrupts: the process's handlers run on the threads they were meant for. Those that a
/// thread brings upon itself stay, so that whoever handles crashes sees them.
pub(crate) fn spawn_quietly(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let mut signals = SigSet::all();
    for own in [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGTRAP, Signal::SIGABRT] {
        signals.remove(own);
    }
    let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(run);
    before.thread_set_mask()?;
    spawned
}
