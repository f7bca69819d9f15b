//! [`PagePlace`]: a page as the state of a clock, and what to do when its lease is used up.

use std::sync::Arc;
use std::time::Duration;

use flocktime_core::{SharedPlace, SharedState, Timestamp, Unleased};

use super::HostPage;
use super::lease::IDLE_US;
use super::mapping::Mapping;

/// What a clock does where the lease was not renewed in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExpiry {
    /// Waits until a keeper has renewed it.
    #[default]
    Block,
    /// Renews it on the caller's thread.
    Extend,
    /// Refuses.
    Error,
}

/// Waits between two looks at [`PagePlace::interrupted`].
const SLICE: Duration = Duration::from_millis(50);

/// Where a clock on a page keeps its state.
pub struct PagePlace {
    page: Arc<HostPage>,
    /// The page's, nearer.
    mapping: Mapping,
    on_expiry: OnExpiry,
    /// Asked now and then by whoever waits: true ends the wait.
    interrupted: Box<dyn Fn() -> bool + Send + Sync>,
}

impl PagePlace {
    /// Waits as `on_expiry` says, until `interrupted` says otherwise.
    pub fn new(
        page: Arc<HostPage>,
        on_expiry: OnExpiry,
        interrupted: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        let mapping = page.mapping.clone();
        Self { page, mapping, on_expiry, interrupted: Box::new(interrupted) }
    }

    /// Calls the keepers and waits for none of them, whatever the policy.
    ///
    /// # Errors
    ///
    /// [`Unleased::Late`] as long as there is no room.
    pub fn ask_for_room(&self, stamp: Timestamp) -> Result<(), Unleased> {
        let state = self.state();
        let _others_may_have_one = self.page.see_to_keeper();
        state.want(stamp);
        self.page.live().call();
        if state.allows(stamp) { Ok(()) } else { Err(Unleased::Late) }
    }

    /// Whether it lies in another epoch than the latest timestamp, or an hour beyond it.
    fn is_leap(&self, stamp: Timestamp) -> bool {
        let latest = self.state().latest();
        stamp.epoch() > latest.epoch() || stamp.physical_us() > latest.physical_us().saturating_add(IDLE_US)
    }

    /// The page.
    pub const fn page(&self) -> &Arc<HostPage> {
        &self.page
    }
}

impl SharedPlace for PagePlace {
    #[inline]
    fn state(&self) -> &SharedState {
        &self.mapping.state
    }

    fn make_room(&self, stamp: Timestamp) -> Result<(), Unleased> {
        match self.on_expiry {
            OnExpiry::Block => {
                while !self.page.wait_for_room(stamp, SLICE)? {
                    if (self.interrupted)() {
                        return Err(Unleased::Interrupted);
                    }
                }
                Ok(())
            }
            OnExpiry::Extend => self.page.extend_now(stamp),
            // Refused it would be durable all the same, and a start would begin there: only what goes by soon is asked for.
            OnExpiry::Error if self.is_leap(stamp) => self.page.extend_at_once(stamp),
            OnExpiry::Error => self.ask_for_room(stamp),
        }
    }

    /// Without a keeper a child goes on as long as there is room, and others may make more of it.
    fn enter_child(&self) {
        let _counted_and_tried_again = self.page.see_to_keeper();
    }
}
