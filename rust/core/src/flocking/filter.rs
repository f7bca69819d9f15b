//! What all exchanges with one peer say about its oscillator, offset and rate.
//!
//! Oscillators run freely, so samples of them stay true while disciplined clocks step and slew: a sample of last minute,
//! carried on at the measured rate, is often better than the one of this second. What is kept is the sample of least error in
//! each of sixteen stretches of time, whose length grows with what was seen, up to a window of ten minutes.

use super::Sample;
use super::exchange::UNKNOWN_RATE;

const STRETCHES: usize = 16;
const SHORTEST_NS: u64 = 1_171_875_000;
const LONGEST_NS: u64 = SHORTEST_NS << 5;
/// Samples older than this are dropped.
const WINDOW_NS: u64 = STRETCHES as u64 * LONGEST_NS;
/// A rate with a greater error of its own is not used. The gated mean of many is far better than each, and oscillators that were
/// not compared yet differ by as much.
const USABLE_RATE_ERROR: f64 = 20e-6;
/// What an oscillator may do that its past does not tell: a share of the time since.
const WANDER: f64 = 0.15e-6;
/// Two samples that contradict each other by more than their errors and this mean that an oscillator has jumped.
const MARGIN_NS: f64 = 20e3;
/// Noise that no delay shows: interrupts, and the reading itself.
const FLOOR_NS: f64 = 500.0;

/// How much faster the peer's oscillator runs, and the standard error of that.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "named above")]
pub struct Rate {
    pub value: f64,
    pub error: f64,
}

/// The peer's H less one's own at one instant, nanoseconds, and what it may be wrong by.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "named above")]
pub struct Estimate {
    pub offset_ns: i64,
    pub error_ns: f64,
}

/// Samples of one peer, at most sixteen.
#[derive(Clone, Debug, Default)]
pub struct PeerFilter {
    /// Each the best of its stretch, oldest first.
    best: Vec<Sample>,
    /// A stretch is `SHORTEST_NS << doublings` long.
    doublings: u32,
    rate: Option<Rate>,
    jumps: u64,
}

impl PeerFilter {
    /// A filter that has seen nothing.
    pub const fn new() -> Self {
        Self { best: Vec::new(), doublings: 0, rate: None, jumps: 0 }
    }

    /// Takes a sample in. True: it contradicts what was known, so one of the two oscillators has jumped, and everything
    /// older was dropped.
    pub fn insert(&mut self, sample: Sample) -> bool {
        let jumped = self.contradicts(&sample);
        if jumped {
            self.best.clear();
            self.doublings = 0;
            self.rate = None;
            self.jumps += 1;
        }
        let length = SHORTEST_NS << self.doublings;
        match self.best.last_mut() {
            Some(last) if last.at_ns / length == sample.at_ns / length => {
                if sample.error_ns <= last.error_ns {
                    *last = sample;
                }
            }
            Some(last) if last.at_ns > sample.at_ns => {} // closed out of order: there is a newer one
            _ => self.best.push(sample),
        }
        if self.best.len() > STRETCHES {
            self.make_room();
        }
        let oldest = sample.at_ns.saturating_sub(WINDOW_NS);
        self.best.retain(|kept| kept.at_ns >= oldest);
        self.rate = self.measured_rate();
        jumped
    }

    /// Where the peer's oscillator is at this H of one's own, or `None` before the first sample.
    pub fn estimate(&self, now_ns: u64) -> Option<Estimate> {
        let drift = self.rate.map_or(UNKNOWN_RATE, |rate| WANDER + 2.0 * rate.error);
        let age = |sample: &Sample| now_ns.abs_diff(sample.at_ns) as f64;
        let cost = |sample: &Sample| sample.error_ns + drift * age(sample);
        let mut chosen = self.best.last()?;
        for sample in self.best.iter().rev() {
            if cost(sample) < cost(chosen) {
                chosen = sample;
            }
        }
        let since = now_ns.wrapping_sub(chosen.at_ns) as i64 as f64;
        let moved = self.rate.map_or(0.0, |rate| rate.value * since) as i64;
        Some(Estimate { offset_ns: chosen.offset_ns.wrapping_add(moved), error_ns: cost(chosen) })
    }

    /// The rate, once its own error is small enough.
    pub fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// How often an oscillator has jumped.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }

    /// The least error among the samples kept, nanoseconds.
    pub fn least_error_ns(&self) -> Option<f64> {
        self.best.iter().map(|sample| sample.error_ns).reduce(f64::min)
    }

    fn contradicts(&self, sample: &Sample) -> bool {
        let Some(known) = self.estimate(sample.at_ns) else { return false };
        let age = self.best.last().map_or(0.0, |last| sample.at_ns.abs_diff(last.at_ns) as f64);
        let drift = self.rate.map_or(UNKNOWN_RATE, |rate| 10e-6 + 4.0 * rate.error);
        let apart = i128::from(sample.offset_ns) - i128::from(known.offset_ns);
        apart.unsigned_abs() as f64 > sample.error_ns + known.error_ns + drift * age + MARGIN_NS
    }

    /// Twice as long stretches while the window grows; then the oldest goes.
    fn make_room(&mut self) {
        if SHORTEST_NS << self.doublings >= LONGEST_NS {
            self.best.remove(0);
            return;
        }
        self.doublings += 1;
        let length = SHORTEST_NS << self.doublings;
        let mut merged: Vec<Sample> = Vec::with_capacity(STRETCHES + 1);
        for &sample in &self.best {
            match merged.last_mut() {
                Some(last) if last.at_ns / length == sample.at_ns / length => {
                    if sample.error_ns <= last.error_ns {
                        *last = sample;
                    }
                }
                _ => merged.push(sample),
            }
        }
        self.best = merged;
    }

    /// Weighted least squares through the samples kept. A sample weighs by what its delay exceeds the least one by: that much
    /// of it was queueing, on one way or the other.
    fn measured_rate(&self) -> Option<Rate> {
        let (first, rest) = self.best.split_first()?;
        if rest.len() < 2 {
            return None;
        }
        let least = self.least_error_ns()?;
        let point = |sample: &Sample| {
            let noise = sample.error_ns - least + 0.05 * least + FLOOR_NS;
            let x = sample.at_ns.wrapping_sub(first.at_ns) as f64;
            let y = sample.offset_ns.wrapping_sub(first.offset_ns) as f64;
            (x, y, 1.0 / (noise * noise))
        };
        let (mut sum_w, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
        for (x, y, w) in self.best.iter().map(point) {
            sum_w += w;
            sum_x += w * x;
            sum_y += w * y;
        }
        let (mean_x, mean_y) = (sum_x / sum_w, sum_y / sum_w);
        let (mut sxx, mut sxy) = (0.0, 0.0);
        for (x, y, w) in self.best.iter().map(point) {
            sxx += w * (x - mean_x) * (x - mean_x);
            sxy += w * (x - mean_x) * (y - mean_y);
        }
        // What is left beside the line says whether the noise is as it was taken to be, or more.
        let value = sxy / sxx;
        let left =
            |(x, y, w): (f64, f64, f64)| w * (y - mean_y - value * (x - mean_x)) * (y - mean_y - value * (x - mean_x));
        let excess = self.best.iter().map(point).map(left).sum::<f64>() / (rest.len() - 1) as f64;
        let rate = Rate { value, error: (excess.max(1.0) / sxx).sqrt() };
        (rate.error <= USABLE_RATE_ERROR && rate.value.abs() <= 2.0 * UNKNOWN_RATE).then_some(rate)
    }
}
