//! Averages that a minority cannot move far.

/// Centre and gate of a set of numbers, some of which may be lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gate {
    /// The median, snapped to one of the numbers: of two middle ones that which lies nearer to zero.
    pub(super) centre: f64,
    /// How far from the centre a number may lie.
    pub(super) width: f64,
}

/// So many lie within the gate…
const MOST: f64 = 0.6;
/// … with this to spare.
const MOST_MARGIN: f64 = 1.2;

/// The median and a gate of three standard deviations about it, the deviation estimated from the median absolute deviation
/// (1.4826 times it for normal noise; Hampel 1974), within the limits. `None` for no numbers.
///
/// It also holds three of five, where these lie within `reach`: where two halves of a flock meet again, each would else shut the
/// other out. Fewer liars than two of five cannot widen it so, and more of them not beyond that.
pub(super) fn gate(values: &[f64], narrowest: f64, widest: f64, reach: f64, tie: f64) -> Option<Gate> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let centre = snapped_median(&sorted, tie)?;
    let mut distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    distances.sort_by(f64::total_cmp);
    let deviation = 3.0 * 1.4826 * middle(&distances);
    let most = MOST_MARGIN * distances[((distances.len() as f64 * MOST) as usize).min(distances.len() - 1)];
    Some(Gate { centre, width: deviation.max(most.min(reach)).max(narrowest).min(widest) })
}

impl Gate {
    pub(super) fn admits(&self, value: f64) -> bool {
        (value - self.centre).abs() <= self.width
    }

    /// The mean of what the gate admits; the centre is always among it.
    pub(super) fn mean(&self, values: &[f64]) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for &value in values {
            if self.admits(value) {
                sum += value - self.centre;
                count += 1.0;
            }
        }
        if count > 0.0 { self.centre + sum / count } else { self.centre }
    }
}

/// Of two in the middle that lie farther apart than `tie` the greater one.
fn snapped_median(sorted: &[f64], tie: f64) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted[sorted.len() / 2 - 1];
    Some(if lower.abs() <= upper.abs() && upper - lower <= tie { lower } else { upper })
}

/// The median proper: of an even number the mean of the two in the middle.
pub(super) fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}
