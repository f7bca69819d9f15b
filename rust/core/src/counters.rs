//! What a clock has absorbed, refused and survived.

use crate::merge::Unusual;
use crate::sync::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// The live counters. None of them is touched on the ordinary path.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: AtomicU64),+ }

        /// A snapshot of a clock's counters. Other threads may count on while it is taken; each number is exact by itself.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)+
            /// The reason given to the latest reset.
            pub last_reset: Option<String>,
            /// The reason given to the latest step to a new epoch.
            pub last_advance: Option<String>,
            /// Nodes refused for drift within the last ten minutes, at most sixteen, the latest last.
            pub suspects: Vec<u64>,
            /// Three or more suspects: who refuses everybody is probably wrong itself.
            pub suspect_self: bool,
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)+ ..Stats::default() }
            }
        }
    };
}

counters! {
    /// Times that 4,096 timestamps within one microsecond carried into the physical part.
    carries,
    /// Times that the source moved back against monotonic time.
    backward_jumps,
    /// The same, ahead.
    forward_jumps,
    /// Readings before 1970 or beyond the horizon, taken as the nearest usable one.
    readings_out_of_range,
    /// Remote timestamps refused for drift.
    refused_drift,
    /// Remote timestamps refused for their epoch.
    refused_epoch,
    /// Remote timestamps refused as collisions.
    refused_collision,
    /// Taken all the same beyond the drift limit.
    adopted_beyond_limit,
    /// Passed over beyond the drift limit.
    ignored,
    /// Taken in part beyond the drift limit.
    clamped,
    /// Own-node timestamps from above taken all the same.
    collisions_adopted,
    /// Steps to a higher epoch that came with a message.
    epochs_adopted,
    /// Steps to a higher epoch that the operator took.
    epochs_advanced,
    /// Resets.
    resets,
    /// Times that the clock took a new node id after a fork.
    forks,
}

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn unusual(&self, what: Unusual) {
        count(match what {
            Unusual::AdoptedBeyondLimit => &self.adopted_beyond_limit,
            Unusual::Ignored => &self.ignored,
            Unusual::Clamped => &self.clamped,
            Unusual::CollisionAdopted => &self.collisions_adopted,
        });
    }
}
