//! The numbers of the control loop, in one place.

/// What a round does with what it was told. `Tuning::default()` is what a flock runs with; simulations vary it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// Time from one step to the next, nanoseconds of H.
    pub round_ns: u64,
    /// The share of the offset that a round slews away.
    pub gain: f64,
    /// The share of the rate's difference that a round takes over.
    pub rate_gain: f64,
    /// The share of the correction that a round gives up: what keeps the common rate, which nobody measures, from walking away
    /// from the oscillators by the noise of the measurements. Over a day; faster, and the halves of a cut network would part.
    pub rate_leak: f64,
    /// The gain in the first rounds in which rates are known: the first estimate is worth more than none.
    pub rate_gain_settling: f64,
    /// So many rounds those are.
    pub settling_rounds: u32,
    /// The share of the offset from UTC that a second slews away.
    pub utc_gain: f64,
    /// The gate is at least so wide, nanoseconds: less is noise.
    pub gate_min_ns: f64,
    /// The gate of a joined member is at most so wide, nanoseconds.
    pub gate_max_ns: f64,
    /// So far it reaches to hold most votes of a joined member, nanoseconds: as far as halves of a flock drift apart in ten minutes.
    pub gate_reach_ns: f64,
    /// Largest phase slew of a member whose disciplined clock nobody reads: never synchronised, or degraded.
    pub slew_joining: f64,
    /// Largest phase slew afterwards.
    pub slew_joined: f64,
    /// Largest rate correction.
    pub rate_max: f64,
    /// Largest slew towards UTC.
    pub utc_max: f64,
    /// The share that a member's own view of UTC has in its slew; the rest is what its neighbours do.
    pub utc_share: f64,
    /// An offset beyond which a member that was never synchronised jumps instead of slewing, nanoseconds: nobody reads
    /// its disciplined clock yet.
    pub jump_joining_ns: f64,
    /// The same for a joined member, forward only.
    pub jump_joined_ns: f64,
    /// `D`: how far members may lie apart and still count as one flock, nanoseconds.
    pub max_drift_ns: f64,
    /// Synchronised is who stays within so much of the flock, nanoseconds…
    pub close_ns: f64,
    /// … for so many rounds.
    pub close_rounds: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            round_ns: 1_000_000_000,
            gain: 0.3,
            rate_gain: 0.1,
            rate_leak: 1e-5,
            rate_gain_settling: 0.5,
            settling_rounds: 30,
            utc_gain: 0.02,
            gate_min_ns: 50e3,
            gate_max_ns: 1e6,
            gate_reach_ns: 250e3,
            slew_joining: 0.05,
            slew_joined: 500e-6,
            rate_max: 200e-6,
            utc_max: 50e-6,
            utc_share: 0.1,
            jump_joining_ns: 1e6,
            jump_joined_ns: 128e6,
            max_drift_ns: 500e6,
            close_ns: 1e6,
            close_rounds: 10,
        }
    }
}

/// The widest slews and rate corrections that a line may have, and a packet can say.
const MOST_SLEW: f64 = 0.06;
const MOST_RATE: f64 = 0.001;

impl Tuning {
    /// The first number that is out of bounds, with its name and the most that it may be; the least is zero.
    pub fn offender(&self) -> Option<(&'static str, f64, f64)> {
        let mut copy = *self;
        let offends = |value: f64, most: f64| !(0.0..=most).contains(&value);
        let bounds = copy.bounds().into_iter();
        bounds.map(|(name, value, most)| (name, *value, most)).find(|&(_, value, most)| offends(value, most))
    }

    /// The same with every number within its bounds: the nearest, and the default where there is none.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let mut usual = Self::default();
        for ((_, value, most), (_, usual, _)) in self.bounds().into_iter().zip(usual.bounds()) {
            *value = if value.is_nan() { *usual } else { value.clamp(0.0, most) };
        }
        Self { round_ns: self.round_ns.max(1), ..self }
    }

    fn bounds(&mut self) -> [(&'static str, &mut f64, f64); 17] {
        [
            ("gain", &mut self.gain, f64::MAX),
            ("rate_gain", &mut self.rate_gain, f64::MAX),
            ("rate_leak", &mut self.rate_leak, f64::MAX),
            ("rate_gain_settling", &mut self.rate_gain_settling, f64::MAX),
            ("utc_gain", &mut self.utc_gain, f64::MAX),
            ("gate_min_ns", &mut self.gate_min_ns, f64::MAX),
            ("gate_max_ns", &mut self.gate_max_ns, f64::MAX),
            ("gate_reach_ns", &mut self.gate_reach_ns, f64::MAX),
            ("slew_joining", &mut self.slew_joining, MOST_SLEW),
            ("slew_joined", &mut self.slew_joined, MOST_SLEW),
            ("rate_max", &mut self.rate_max, MOST_RATE),
            ("utc_max", &mut self.utc_max, MOST_RATE),
            ("utc_share", &mut self.utc_share, f64::MAX),
            ("jump_joining_ns", &mut self.jump_joining_ns, f64::MAX),
            ("jump_joined_ns", &mut self.jump_joined_ns, f64::MAX),
            ("max_drift_ns", &mut self.max_drift_ns, f64::MAX),
            ("close_ns", &mut self.close_ns, f64::MAX),
        ]
    }

    /// A round in seconds.
    pub fn round_s(&self) -> f64 {
        self.round_ns as f64 / 1e9
    }
}
