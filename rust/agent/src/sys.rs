//! Calls of the operating system that no safe crate offers.

#[cfg(unix)]
use std::sync::Once;

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
