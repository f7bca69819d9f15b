//! Calls of the operating system that no safe crate offers.

use std::fs;
#[cfg(unix)]
use std::sync::Once;

use flocktime_core::Counter;

/// The processor's time-stamp counter.
#[derive(Clone, Copy, Debug)]
pub struct Tsc(());

impl Tsc {
    /// The counter, where the kernel itself tells the time by it: it then runs at one rate on all processors, and the kernel
    /// watches that it goes on to.
    pub fn trusted() -> Option<Self> {
        const CHOSEN: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let trusted = cfg!(all(target_arch = "x86_64", target_os = "linux"))
            && fs::read_to_string(CHOSEN).is_ok_and(|chosen| chosen.trim() == "tsc");
        trusted.then_some(Self(()))
    }
}

impl Counter for Tsc {
    #[inline]
    #[allow(unsafe_code, reason = "no safe crate reads the counter without calibrating a clock of its own")]
    fn ticks(&self) -> u64 {
        // SAFETY: every x86-64 processor has the instruction; it touches no memory, and Linux lets user code run it.
        #[cfg(target_arch = "x86_64")]
        return unsafe { core::arch::x86_64::_rdtsc() };
        #[cfg(not(target_arch = "x86_64"))]
        unreachable!("`trusted` makes none here")
    }
}

/// Makes every fork of this process, whoever calls it, raise [`flocktime_core::fork::generation`] in the child.
///
/// Calling it again does nothing.
///
/// # Panics
///
/// When the C library has no memory left for the handler: without it a child would repeat its parent's timestamps.
#[allow(unsafe_code, reason = "no safe crate wraps pthread_atfork")]
pub fn watch_forks() {
    #[cfg(unix)]
    {
        static ONCE: Once = Once::new();

        extern "C" fn in_child() {
            flocktime_core::fork::entered_child();
        }

        ONCE.call_once(|| {
            // SAFETY: `in_child` is a plain function that lives as long as this library, and it only adds to an atomic,
            // which POSIX allows between fork and exec.
            let failed = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
            assert_eq!(failed, 0, "pthread_atfork failed with {failed}");
        });
    }
}
