//! The slow layer: where UTC is, as members say whose OS clock is synchronised, and how to drift there together.

use super::Tuning;
use super::robust::gate;

/// What is added to an estimate's error when it is passed on, nanoseconds: one that nobody renews dies out.
const PASSED_ON_NS: f64 = 2e6;
/// An estimate with a greater error is none, nanoseconds.
pub const WORST_ANCHOR_NS: f64 = 1e9;

/// What one member, perhaps this one, knows about UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    /// UTC less this member's disciplined clock, nanoseconds.
    pub lead_ns: f64,
    /// What that may be wrong by, nanoseconds.
    pub error_ns: f64,
}

/// The outcome for a round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UtcStep {
    /// The slew towards UTC: `u`.
    pub slew: f64,
    /// What most anchors agree on, with what it is passed on with.
    pub estimate: Option<Anchor>,
}

/// Of intervals `lead ± error` those that overlap where most do (Marzullo 1984); of these the median, no farther out than where
/// most overlap. Without a majority there is no estimate.
///
/// The slew is what the neighbours do, to a small part what this member itself would: one that sees other anchors than they do,
/// or none, must not drift away from them. `neighbours` are their slews, `own` the one in force.
pub fn utc_step(anchors: &[Anchor], neighbours: &[f64], own: f64, tuning: &Tuning) -> UtcStep {
    let estimate = estimate(anchors);
    let mut slews = neighbours.to_vec();
    slews.push(own);
    let common =
        gate(&slews, 1e-6, 2.0 * tuning.utc_max, f64::INFINITY, f64::INFINITY).map_or(own, |gate| gate.mean(&slews));
    let target = estimate.map_or(0.0, |anchor| tuning.utc_gain * anchor.lead_ns / 1e9);
    let target = target.clamp(-tuning.utc_max, tuning.utc_max);
    let slew = (common + tuning.utc_share * (target - common)).clamp(-tuning.utc_max, tuning.utc_max);
    UtcStep { slew, estimate }
}

fn estimate(anchors: &[Anchor]) -> Option<Anchor> {
    let usable: Vec<Anchor> = anchors.iter().copied().filter(|anchor| anchor.error_ns <= WORST_ANCHOR_NS).collect();
    let (low, high) = most_overlapped(&usable)?;
    let holds = |anchor: &&Anchor| anchor.lead_ns - anchor.error_ns <= low && anchor.lead_ns + anchor.error_ns >= high;
    let agreeing: Vec<Anchor> = usable.iter().filter(holds).copied().collect();
    if 2 * agreeing.len() <= usable.len() {
        return None;
    }
    let leads: Vec<f64> = agreeing.iter().map(|anchor| anchor.lead_ns).collect();
    let centre = gate(&leads, 0.0, f64::INFINITY, f64::INFINITY, f64::INFINITY)?.centre;
    let error_ns = agreeing.iter().map(|anchor| anchor.error_ns).fold(f64::INFINITY, f64::min) + PASSED_ON_NS;
    (error_ns <= WORST_ANCHOR_NS).then_some(Anchor { lead_ns: centre.clamp(low, high), error_ns })
}

/// From the lowest to the highest point that lies in more than half of the spans `(low, high)`: as long as more than half of them
/// hold what is sought, it is in there. `None`: no point does.
pub fn within_most(spans: &[(f64, f64)]) -> Option<(f64, f64)> {
    let mut edges: Vec<(f64, i32)> = spans.iter().flat_map(|&(low, high)| [(low, -1), (high, 1)]).collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let most = i32::try_from(spans.len() / 2).unwrap_or(i32::MAX);
    let (mut inside, mut found) = (0, None);
    for (edge, turn) in edges {
        if turn < 0 && inside == most {
            found = found.or(Some((edge, edge)));
        } else if turn > 0 && inside == most + 1 {
            found = found.map(|(low, _)| (low, edge));
        }
        inside -= turn;
    }
    found
}

/// The lowest stretch that lies in as many intervals as any.
fn most_overlapped(anchors: &[Anchor]) -> Option<(f64, f64)> {
    let mut edges: Vec<(f64, i32)> = Vec::with_capacity(2 * anchors.len());
    for anchor in anchors {
        edges.push((anchor.lead_ns - anchor.error_ns, -1)); // before an end at the same point: intervals are closed
        edges.push((anchor.lead_ns + anchor.error_ns, 1));
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut inside, mut most, mut found) = (0, 0, None);
    for pair in edges.windows(2) {
        let &[(edge, turn), (next, _)] = pair else { continue };
        inside -= turn;
        if inside > most {
            (most, found) = (inside, Some((edge, next)));
        }
    }
    found
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As long as more than half hold it, whatever is sought is inside, wherever the others lie.
        #[test]
        fn most_are_enough(right in prop::collection::vec((0.0..1e6_f64, 0.0..1e6_f64), 1..6), wrong in prop::collection::vec((-1e7..1e7_f64, 0.0..1e6_f64), 0..5)) {
            let mut spans: Vec<(f64, f64)> = right.iter().map(|&(before, after)| (-before, after)).collect();
            spans.extend(wrong.iter().take(right.len() - 1).map(|&(low, wide)| (low, low + wide)));
            let (low, high) = within_most(&spans).expect("more than half hold it");
            prop_assert!(low <= 0.0 && 0.0 <= high, "{spans:?}");
        }
    }

    /// Where no point lies in more than half of them there is nothing; the smallest cases by hand.
    #[test]
    fn no_majority_is_nothing() {
        assert_eq!(within_most(&[]), None);
        assert_eq!(within_most(&[(1.0, 2.0)]), Some((1.0, 2.0)));
        assert_eq!(within_most(&[(1.0, 2.0), (3.0, 4.0)]), None);
        assert_eq!(within_most(&[(1.0, 3.0), (3.0, 4.0)]), Some((3.0, 3.0)));
        assert_eq!(within_most(&[(0.0, 2.0), (1.0, 4.0), (3.0, 5.0)]), Some((1.0, 4.0)), "two pairs, apart");
    }
}
