//! Agreeing on time with a few neighbours: pure functions, numbers in, numbers out.
//!
//! Readings of free-running oscillators come in as [`Exchange`]s, a [`PeerFilter`] for each peer turns them into an
//! [`Estimate`] and a [`Rate`], each peer that may vote becomes a [`Vote`], and once a round [`step`] says how this member's
//! disciplined clock is to move. [`Progress`] keeps what rounds add up to. Nothing here reads a clock, draws a number or knows
//! an address; the same inputs give the same outputs, to the bit, in every implementation (IEEE 754 sums, products, quotients
//! and square roots, in the order written; no fused operation).
//!
//! Units: `_ns` nanoseconds; rates and slews are dimensionless (1 ppm is `1e-6`); `H` is a member's free-running oscillator.

mod anchors;
mod exchange;
mod filter;
mod progress;
mod robust;
mod step;
mod tuning;

pub use anchors::{Anchor, UtcStep, WORST_ANCHOR_NS, utc_step, within_most};
pub use exchange::{Exchange, Sample};
pub use filter::{Estimate, PeerFilter, Rate};
pub use progress::{Progress, Standing, State};
pub use step::{Own, Step, Vote, step};
pub use tuning::Tuning;
