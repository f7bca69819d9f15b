//! [`Discipline`]: the disciplined clock as a line over the raw counter. Pure arithmetic, for any numbers.

/// Binary places of a rate error in fixed point: 1e-18, a ten-thousandth of a nanosecond in a day. Errors up to 8 fit.
const POINT: u32 = 60;

/// `L(H) = L0 + (1 + y)(1 + s + u)(H − H0)`; after `slew_ns`, `s` and `u` are zero.
///
/// `H` are nanoseconds of the raw counter, `L` nanoseconds since 1970. Rates are dimensionless. The slews end by themselves,
/// so that a stalled agent, a stopped process or a forked child does not run away: 5 % for a minute would be 3 s.
///
/// With `|y| ≤ 200 ppm`, `|s| ≤ 5 %` and `|u| ≤ 50 ppm` the slope stays above 0.94, and L never runs backward in H. For numbers
/// beyond that it is still defined (saturating, without a panic), but then it may.
///
/// ```
/// use flocktime_core::Discipline;
/// let fast = Discipline { h0_ns: 1_000, l0_ns: 50_000, y: 0.0, s: 0.05, u: 0.0, slew_ns: 2_000 };
/// assert_eq!(fast.at(2_000), 51_050);
/// assert_eq!(fast.at(11_000), 60_100, "2,000 ns of slewing, not 10,000");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[allow(clippy::many_single_char_names, reason = "the names of the formula")]
pub struct Discipline {
    /// Where it begins, raw nanoseconds. Before that it stands still.
    pub h0_ns: u64,
    /// What it shows there, nanoseconds since 1970.
    pub l0_ns: i64,
    /// Rate correction.
    pub y: f64,
    /// Phase slew.
    pub s: f64,
    /// Slow slew towards UTC.
    pub u: f64,
    /// How long the slews last, raw nanoseconds.
    pub slew_ns: u64,
}

impl Discipline {
    /// So many words hold one.
    pub const WORDS: usize = 6;

    /// L at this H, to the nanosecond, rounded down. Before `h0_ns` it is `l0_ns`; beyond 64 bits it is the nearest that fits.
    #[inline]
    pub fn at(&self, h_ns: u64) -> i64 {
        let elapsed = h_ns.saturating_sub(self.h0_ns);
        let slewing = elapsed.min(self.slew_ns);
        // Exact, hence monotonic: one nanosecond of H adds one, and a product that falls by less than one. Both products
        // together stay below 2^64 · 2^63.
        let gained = i128::from(slewing) * fixed(self.error_slewing()) + i128::from(elapsed - slewing) * fixed(self.y);
        let shown = i128::from(self.l0_ns) + i128::from(elapsed) + (gained >> POINT);
        shown.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// Nanoseconds of L in a nanosecond of H. Before `h0_ns` it is what it will be there.
    pub fn slope_at(&self, h_ns: u64) -> f64 {
        let slewing = h_ns.saturating_sub(self.h0_ns) <= self.slew_ns;
        1.0 + if slewing { self.error_slewing() } else { self.y }
    }

    /// For how many nanoseconds of H that slope holds: none before `h0_ns`, for ever once the slews are over.
    pub fn holds_ns(&self, h_ns: u64) -> u64 {
        match h_ns.checked_sub(self.h0_ns) {
            None => 0,
            Some(elapsed) => self.slew_ns.checked_sub(elapsed).unwrap_or(u64::MAX),
        }
    }

    /// Another line from here on, which shows at this H what this one does.
    ///
    /// It begins at `h_ns` also where that lies before this one's beginning: a counter that was set back goes on at once.
    #[must_use]
    pub fn rebased(&self, h_ns: u64, y: f64, s: f64, u: f64, slew_ns: u64) -> Self {
        Self { h0_ns: h_ns, l0_ns: self.at(h_ns), y, s, u, slew_ns }
    }

    /// The fields in their order, numbers with a point by their bits.
    pub fn to_words(self) -> [u64; Self::WORDS] {
        let Self { h0_ns, l0_ns, y, s, u, slew_ns } = self;
        [h0_ns, l0_ns as u64, y.to_bits(), s.to_bits(), u.to_bits(), slew_ns]
    }

    /// The inverse of [`Discipline::to_words`].
    pub fn from_words([h0_ns, l0_ns, y, s, u, slew_ns]: [u64; Self::WORDS]) -> Self {
        let [y, s, u] = [y, s, u].map(f64::from_bits);
        Self { h0_ns, l0_ns: l0_ns as i64, y, s, u, slew_ns }
    }

    /// The slope less one while it slews. From the small numbers: adding them to one first would cost digits.
    fn error_slewing(&self) -> f64 {
        let slew = self.s + self.u;
        self.y + slew + self.y * slew
    }
}

/// A rate error in fixed point. What does not fit is as far off as fits; what is no number is none.
fn fixed(error: f64) -> i128 {
    const SCALE: f64 = (1_u64 << POINT) as f64;
    i128::from((error * SCALE) as i64)
}
