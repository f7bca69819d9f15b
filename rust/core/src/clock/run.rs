//! A reservation of many timestamps at once.

use crate::Timestamp;
use crate::layout::UNIT;

/// A reservation: consecutive timestamps of one call.
#[derive(Clone, Debug)]
pub struct Run {
    pub(super) first: Timestamp,
    pub(super) count: usize,
}

impl Run {
    /// The first and the last of those that are left; `None` of none.
    pub fn ends(&self) -> Option<(Timestamp, Timestamp)> {
        let more = self.count.checked_sub(1)? as u128;
        Some((self.first, Timestamp::from_u128(self.first.to_u128().wrapping_add(more * UNIT))))
    }
}

impl Iterator for Run {
    type Item = Timestamp;

    #[inline]
    fn next(&mut self) -> Option<Timestamp> {
        self.count = self.count.checked_sub(1)?;
        let next = self.first;
        self.first = Timestamp::from_u128(next.to_u128().wrapping_add(UNIT));
        Some(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Run {}
