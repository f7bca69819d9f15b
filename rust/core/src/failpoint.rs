//! Places in a push where a test may stop or unwind the thread that comes by. With the feature `failpoints` off, as in every
//! build that ships, nothing is left of them.

/// Where a push is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Stamped, nothing claimed.
    Stamped,
    /// Claimed, nothing written.
    Claimed,
    /// Written, not handed on.
    Written,
    /// Handed on; waiting consumers not woken yet.
    Published,
}

#[cfg(feature = "failpoints")]
mod hook {
    use std::cell::RefCell;

    use super::Step;

    type Hook = Box<dyn FnMut(Step)>;

    thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }

    /// Calls `hook` at each step of this thread's pushes from now on, in place of an earlier one. It may wait, or panic.
    pub fn set(hook: impl FnMut(Step) + 'static) {
        HOOK.set(Some(Box::new(hook)));
    }

    #[inline]
    pub(crate) fn pass(step: Step) {
        if let Some(mut hook) = HOOK.take() {
            hook(step);
            HOOK.set(Some(hook));
        }
    }
}

#[cfg(feature = "failpoints")]
pub use hook::set;

#[cfg(feature = "failpoints")]
pub(crate) use hook::pass;

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
#[allow(clippy::inline_always, reason = "nothing")]
pub(crate) const fn pass(_: Step) {}
