//! What a clock is made with.

use crate::Timestamp;
use crate::merge::{OnCollision, OnDrift};

/// What a clock is made with. `Config::new` gives the defaults.
pub struct Config {
    /// The node id; `None`: one of `fresh_node`, and another one after a fork.
    pub node: Option<u64>,
    /// Gives a random node id of 48 bits. Randomness is a parameter here.
    pub fresh_node: Box<dyn Fn() -> u64 + Send + Sync>,
    /// How far remote timestamps may lead, inclusive, microseconds; `None`: no limit.
    pub max_drift_us: Option<u64>,
    /// Beyond that.
    pub on_drift: OnDrift,
    /// A remote timestamp of one's own node from above.
    pub on_collision: OnCollision,
    /// Start after this timestamp; at most [`HORIZON`](crate::layout::HORIZON).
    pub last: Option<Timestamp>,
    /// Start in this epoch, unless `last` is of a higher one.
    pub epoch: u16,
}

impl Config {
    /// A random node, half a second of drift, everything else refused.
    pub fn new(fresh_node: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            node: None,
            fresh_node: Box::new(fresh_node),
            max_drift_us: Some(500_000),
            on_drift: OnDrift::Reject,
            on_collision: OnCollision::Reject,
            last: None,
            epoch: 0,
        }
    }
}
