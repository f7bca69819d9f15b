//! Where each field sits in the 128 bits, and the limits that follow.
//!
//! ```text
//! most significant                                                     least significant
//! | epoch 16 | physical 52 (microseconds since 1970-01-01 UTC) | logical 12 | node 48 |
//! ```

/// Bits of the node, the least significant field.
pub const NODE_BITS: u32 = 48;
/// Bits of the logical counter.
pub const LOGICAL_BITS: u32 = 12;
/// Bits of the physical part.
pub const PHYSICAL_BITS: u32 = 52;

/// The largest node id.
pub const MAX_NODE: u64 = (1 << NODE_BITS) - 1;
/// The largest logical counter: 4,096 timestamps share a microsecond.
pub const MAX_LOGICAL: u16 = (1 << LOGICAL_BITS) - 1;
/// The largest physical part, 2112-09-17.
pub const MAX_PHYSICAL: u64 = (1 << PHYSICAL_BITS) - 1;
/// The largest epoch.
pub const MAX_EPOCH: u16 = u16::MAX;

pub(crate) const LOGICAL_SHIFT: u32 = NODE_BITS;
pub(crate) const PHYSICAL_SHIFT: u32 = NODE_BITS + LOGICAL_BITS;
pub(crate) const EPOCH_SHIFT: u32 = NODE_BITS + LOGICAL_BITS + PHYSICAL_BITS;

/// One step of the counter. Adding it to a full counter carries into `physical`, which is what is wanted.
pub(crate) const UNIT: u128 = 1 << LOGICAL_SHIFT;
pub(crate) const NODE_MASK: u128 = UNIT - 1;

/// The last instant that a clock accepts or reads: a day before the end, so that no carry reaches the epoch. Carrying through
/// that day takes 3.5e14 timestamps without the physical clock moving: half a year of nothing but `now()`, or two minutes of
/// reservations that nobody looks at, which are refused in the end.
pub const HORIZON: u64 = MAX_PHYSICAL - 86_400_000_000;

/// The most timestamps that one reservation takes: 65,536 are 16 microseconds of counter.
pub const MAX_BATCH: usize = 65_536;
