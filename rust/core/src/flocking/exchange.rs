//! Two messages, four readings of two oscillators.

/// One message there and one back, as NTP takes them (RFC 5905, section 8): sent at `t0` and answered message received at
/// `t3` by this member's oscillator, received at `t1` and answered at `t2` by the peer's. Nanoseconds of H.
///
/// The answer need not follow at once: any message back closes the exchange, so that one-way traffic in both directions is
/// enough. Every number may be a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named above")]
pub struct Exchange {
    pub t0: u64,
    pub t1: u64,
    pub t2: u64,
    pub t3: u64,
}

/// What an exchange says: at `at_ns` of this member's H the peer's H was `offset_ns` ahead, give or take `error_ns`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Own H in the middle of the exchange, nanoseconds.
    pub at_ns: u64,
    /// The peer's H less one's own, nanoseconds.
    pub offset_ns: i64,
    /// The true offset lies within so much, if the peer told the truth, nanoseconds.
    pub error_ns: f64,
}

/// Longer exchanges say too little.
const LONGEST_NS: u64 = 20_000_000_000;
/// Oscillators that were not compared yet differ by less than this share.
pub(super) const UNKNOWN_RATE: f64 = 250e-6;

impl Exchange {
    /// `θ = ((t1 − t0) + (t2 − t3)) / 2`, `δ = (t3 − t0) − (t2 − t1) / (1 + rate)`, `|error| ≤ δ / 2`: the peer's pause is
    /// measured by its own oscillator, which runs `rate` faster, known to within `rate_error`.
    ///
    /// `None` for what cannot be: an answer before its question, or a pause longer than the whole.
    pub fn sample(&self, rate: f64, rate_error: f64) -> Option<Sample> {
        let elapsed = self.t3.checked_sub(self.t0).filter(|&elapsed| elapsed <= LONGEST_NS)?;
        let pause = self.t2.checked_sub(self.t1).filter(|&pause| pause <= 2 * LONGEST_NS)?;
        let there = i128::from(self.t1.wrapping_sub(self.t0) as i64);
        let back = i128::from(self.t2.wrapping_sub(self.t3) as i64);
        let pause_ns = pause as f64;
        let doubt_ns = pause_ns * rate_error;
        let delay_ns = elapsed as f64 - pause_ns / (1.0 + rate);
        if delay_ns + doubt_ns < 0.0 {
            return None;
        }
        let offset_ns = (there + back).div_euclid(2) as i64;
        Some(Sample {
            at_ns: self.t0 + elapsed / 2,
            offset_ns,
            error_ns: delay_ns.max(0.0) * (0.5 + UNKNOWN_RATE) + doubt_ns + 1.0,
        })
    }
}
