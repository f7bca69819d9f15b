//! The slow layer: where UTC is, as members say whose OS clock is synchronised, and how to drift there together.

use super::Tuning;
use super::robust::gate;

/// What is added to an estimate's error when it is passed on, nanoseconds: one that nobody renews dies out.
const PASSED_ON_NS: f64 = 2e6;
/// An estimate with a greater error is none, nanoseconds.
const WORST_NS: f64 = 1e9;

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

/// Of intervals `lead ± error` those that overlap where most do (Marzullo 1984); of these the gated median. Without a majority
/// nothing: `u` is then zero.
pub fn utc_step(anchors: &[Anchor], tuning: &Tuning) -> UtcStep {
    let usable: Vec<Anchor> = anchors.iter().copied().filter(|anchor| anchor.error_ns <= WORST_NS).collect();
    let Some(point) = most_overlapped(&usable) else { return UtcStep::default() };
    let agreeing: Vec<&Anchor> =
        usable.iter().filter(|anchor| (anchor.lead_ns - point).abs() <= anchor.error_ns).collect();
    if 2 * agreeing.len() <= usable.len() {
        return UtcStep::default();
    }
    let leads: Vec<f64> = agreeing.iter().map(|anchor| anchor.lead_ns).collect();
    let Some(gate) = gate(&leads, 0.0, f64::INFINITY) else { return UtcStep::default() };
    let error_ns = agreeing.iter().map(|anchor| anchor.error_ns).fold(f64::INFINITY, f64::min) + PASSED_ON_NS;
    let slew = (tuning.utc_gain * gate.centre / 1e9).clamp(-tuning.utc_max, tuning.utc_max);
    let estimate = (error_ns <= WORST_NS).then_some(Anchor { lead_ns: gate.centre, error_ns });
    UtcStep { slew, estimate }
}

/// The lowest point that lies in as many intervals as any.
fn most_overlapped(anchors: &[Anchor]) -> Option<f64> {
    let mut edges: Vec<(f64, i32)> = Vec::with_capacity(2 * anchors.len());
    for anchor in anchors {
        edges.push((anchor.lead_ns - anchor.error_ns, -1)); // before an end at the same point: intervals are closed
        edges.push((anchor.lead_ns + anchor.error_ns, 1));
    }
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut inside, mut most, mut point) = (0, 0, None);
    for (edge, turn) in edges {
        inside -= turn;
        if inside > most {
            (most, point) = (inside, Some(edge));
        }
    }
    point
}
