//! Distances within a set of clocks.

/// Sorted readings, nanoseconds.
pub(crate) struct Spread(Vec<i64>);

impl Spread {
    /// Of readings in any order.
    pub(crate) fn of(mut readings: Vec<i64>) -> Self {
        readings.sort_unstable();
        Self(readings)
    }

    /// Latest less earliest; `None` for nobody.
    pub(crate) fn skew(&self) -> Option<i64> {
        Some(self.0.last()?.saturating_sub(*self.0.first()?))
    }

    /// The upper one of two in the middle.
    pub(crate) fn median(&self) -> Option<i64> {
        self.0.get(self.0.len() / 2).copied()
    }

    /// Standard deviation; `None` for nobody.
    pub(crate) fn sd(&self) -> Option<f64> {
        let first = *self.0.first()?;
        let n = self.0.len() as f64;
        let from_first = |reading: &i64| reading.saturating_sub(first) as f64;
        let mean = self.0.iter().map(from_first).sum::<f64>() / n;
        Some((self.0.iter().map(|reading| (from_first(reading) - mean).powi(2)).sum::<f64>() / n).sqrt())
    }

    /// Median distance from the median.
    pub(crate) fn mad(&self) -> Option<i64> {
        let median = self.median()?;
        Self::of(self.0.iter().map(|reading| reading.saturating_sub(median).saturating_abs()).collect()).median()
    }

    /// The least distance that this share of all pairs does not exceed; `None` for fewer than two.
    pub(crate) fn pairwise(&self, share: f64) -> Option<i64> {
        let n = self.0.len() as u64;
        let pairs = n * n.saturating_sub(1) / 2;
        if pairs == 0 {
            return None;
        }
        let wanted = ((pairs as f64 * share).ceil() as u64).clamp(1, pairs);
        let (mut low, mut high) = (0, self.skew()?);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.pairs_within(middle) >= wanted { high = middle } else { low = middle + 1 }
        }
        Some(low)
    }

    fn pairs_within(&self, distance: i64) -> u64 {
        let (mut first, mut pairs) = (0, 0);
        for (place, reading) in self.0.iter().enumerate() {
            while reading.saturating_sub(self.0[first]) > distance {
                first += 1;
            }
            pairs += (place - first) as u64;
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The share of pairs is that of all pairs, sorted.
        #[test]
        fn pairwise_is_a_quantile_of_all_pairs(readings in prop::collection::vec(-1_000_i64..1_000, 2..40), share in 0.01_f64..1.0) {
            let spread = Spread::of(readings.clone());
            let mut pairs: Vec<i64> = Vec::new();
            for (i, a) in readings.iter().enumerate() {
                pairs.extend(readings[..i].iter().map(|b| (a - b).abs()));
            }
            pairs.sort_unstable();
            let wanted = ((pairs.len() as f64 * share).ceil() as usize).clamp(1, pairs.len());
            prop_assert_eq!(spread.pairwise(share), Some(pairs[wanted - 1]));
            prop_assert_eq!(spread.skew(), pairs.last().copied());
        }
    }

    /// Nobody and one alone have no pairs.
    #[test]
    fn needs_two() {
        assert_eq!(Spread::of(vec![]).skew(), None);
        assert_eq!(Spread::of(vec![]).pairwise(0.5), None);
        assert_eq!(Spread::of(vec![7]).pairwise(0.5), None);
        assert_eq!((Spread::of(vec![7]).skew(), Spread::of(vec![7]).median()), (Some(0), Some(7)));
        assert_eq!(Spread::of(vec![1, 2, 3, 4, 50]).mad(), Some(1));
    }
}
