//! The counter H of one machine against true time: a rate error that wanders, and the injected faults.
//!
//! True time is `i64` nanoseconds since the start of the run. H is made of pieces of constant rate, each at most as long as the
//! interval of the wander; within a piece it is integer arithmetic, hence the same everywhere, monotone, and exactly invertible.

use crate::random::Stream;

/// Rates are kept in units of 2^-40, about 1e-12.
const RATE_BITS: u32 = 40;
const RATE_ONE: f64 = (1_u64 << RATE_BITS) as f64;
/// A piece with this extra rate stands still.
const STOPPED: i64 = -(1 << RATE_BITS);

/// How a rate moves by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wander {
    /// Standard deviation of the change in one second, ppm.
    pub(crate) ppm: f64,
    /// How often the rate changes, nanoseconds.
    pub(crate) every_ns: i64,
    /// The rate never leaves this range, ppm either way.
    pub(crate) most_ppm: f64,
}

/// One counter. Readings must be asked for in the order of true time.
#[derive(Clone, Debug)]
pub(crate) struct Oscillator {
    /// The wandering rate error, ppm.
    ppm: f64,
    /// What a fault adds to it, ppm.
    added_ppm: f64,
    wander: Wander,
    random: Stream,
    piece: Piece,
    /// When the rate changes next by itself.
    changes_ns: i64,
    /// Stands still until then.
    frozen_until_ns: i64,
}

/// H between two changes.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from_ns: i64,
    /// H at `from_ns`.
    h_ns: u64,
    /// Extra rate, units of 2^-40.
    rate: i64,
    /// The piece holds before this.
    until_ns: i64,
}

impl Piece {
    fn at(&self, true_ns: i64) -> u64 {
        let elapsed = true_ns - self.from_ns;
        let extra = (i128::from(elapsed) * i128::from(self.rate)) >> RATE_BITS;
        self.h_ns.saturating_add_signed(elapsed + extra as i64)
    }
}

impl Oscillator {
    /// Starts at true time 0 with H at `h_ns` and this rate error.
    pub(crate) fn new(h_ns: u64, ppm: f64, wander: Wander, random: Stream) -> Self {
        let piece = Piece { from_ns: 0, h_ns, rate: 0, until_ns: 0 };
        let mut oscillator =
            Self { ppm, added_ppm: 0.0, wander, random, piece, changes_ns: wander.every_ns, frozen_until_ns: 0 };
        oscillator.begin_piece(0);
        oscillator
    }

    /// H at this instant, not before an earlier one that was asked for.
    pub(crate) fn at(&mut self, true_ns: i64) -> u64 {
        self.roll(true_ns);
        self.piece.at(true_ns)
    }

    /// The first instant from `now_ns` on at which H is at least `h_ns`, or the end of what is known of the future, whichever comes
    /// first: there, ask again.
    pub(crate) fn when(&mut self, h_ns: u64, now_ns: i64) -> i64 {
        self.roll(now_ns);
        let piece = self.piece;
        if piece.at(now_ns) >= h_ns {
            return now_ns;
        }
        if piece.rate == STOPPED || piece.at(piece.until_ns) < h_ns {
            return piece.until_ns;
        }
        // Close by division, exact by looking.
        let wanted = (h_ns - piece.h_ns) as f64 / (1.0 + piece.rate as f64 / RATE_ONE);
        let mut instant = (piece.from_ns + wanted as i64).clamp(now_ns, piece.until_ns);
        while piece.at(instant) < h_ns {
            instant += 1;
        }
        while instant > now_ns && piece.at(instant - 1) >= h_ns {
            instant -= 1;
        }
        instant
    }

    /// The rate error now, ppm, whether it stands still or not.
    pub(crate) fn rate_ppm(&self) -> f64 {
        self.ppm + self.added_ppm
    }

    /// H jumps. It stops at 0.
    pub(crate) fn step(&mut self, true_ns: i64, by_ns: i64) {
        self.begin_piece(true_ns);
        self.piece.h_ns = self.piece.h_ns.saturating_add_signed(by_ns);
    }

    /// H stands still for so long and stays behind afterwards.
    pub(crate) fn freeze(&mut self, true_ns: i64, for_ns: i64) {
        self.roll(true_ns);
        self.frozen_until_ns = self.frozen_until_ns.max(true_ns + for_ns);
        self.begin_piece(true_ns);
    }

    /// H runs so much faster than by itself, ppm; not added to an earlier call.
    pub(crate) fn add_rate(&mut self, true_ns: i64, ppm: f64) {
        self.roll(true_ns);
        self.added_ppm = ppm;
        self.begin_piece(true_ns);
    }

    fn roll(&mut self, true_ns: i64) {
        while self.piece.until_ns <= true_ns {
            let end = self.piece.until_ns;
            if end >= self.changes_ns {
                let seconds = self.wander.every_ns as f64 / 1e9;
                let moved = self.ppm + self.random.normal(self.wander.ppm * seconds.sqrt());
                self.ppm = moved.clamp(-self.wander.most_ppm, self.wander.most_ppm);
                self.changes_ns += self.wander.every_ns;
            }
            self.begin_piece(end);
        }
    }

    /// A new piece that begins where the present one is at `true_ns`.
    fn begin_piece(&mut self, true_ns: i64) {
        let h_ns = self.piece.at(true_ns);
        let frozen = self.frozen_until_ns > true_ns;
        let until_ns = if frozen { self.changes_ns.min(self.frozen_until_ns) } else { self.changes_ns };
        let rate = if frozen { STOPPED } else { (self.rate_ppm() * 1e-6 * RATE_ONE).round() as i64 };
        self.piece = Piece { from_ns: true_ns, h_ns, rate, until_ns };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seeds};
    use proptest::prelude::*;

    fn oscillator(seed: u64, ppm: f64) -> Oscillator {
        let wander = Wander { ppm: 0.05, every_ns: 1_000_000_000, most_ppm: 100.0 };
        Oscillator::new(1 << 45, ppm, wander, Seeds(seed).stream(Purpose::Oscillator, [0; 3]))
    }

    proptest! {
        /// H never runs backward, and advances by elapsed time within the largest rate error, a nanosecond for each piece.
        #[test]
        fn advances_with_time(seed: u64, ppm in -100.0..100.0, steps in prop::collection::vec(1_i64..3_000_000_000, 1..40)) {
            let mut oscillator = oscillator(seed, ppm);
            let (mut t, mut h) = (0, oscillator.at(0));
            for step in steps {
                let next = oscillator.at(t + step);
                let error = (next as i64 - h as i64) - step;
                prop_assert!(next >= h);
                prop_assert!(error.abs() as f64 <= step as f64 * 100e-6 + 5.0, "{error} ns in {step} ns");
                (t, h) = (t + step, next);
            }
        }

        /// `when` is the first instant at which H has got there; where it is not known yet, the future is asked again.
        #[test]
        fn when_is_the_inverse(seed: u64, ppm in -100.0..100.0, start in 0_i64..5_000_000_000, ahead in 1_u64..3_000_000_000) {
            let mut oscillator = oscillator(seed, ppm);
            let wanted = oscillator.at(start) + ahead;
            let mut before = oscillator.clone();
            let mut t = start;
            let mut looks = 0;
            while oscillator.at(t) < wanted {
                t = oscillator.when(wanted, t);
                looks += 1;
                prop_assert!(looks < 10);
            }
            prop_assert!(before.at(t - 1) < wanted);
        }

        /// A freeze costs H exactly its length, to the nanoseconds of rounding and the rate error; a step moves it by exactly its size.
        #[test]
        fn faults_do_what_they_say(seed: u64, from in 0_i64..2_000_000_000, length in 1_i64..5_000_000_000, by in -3_600_000_000_000_i64..3_600_000_000_000) {
            let mut healthy = oscillator(seed, 30.0);
            let mut frozen = healthy.clone();
            let at = frozen.at(from);
            frozen.freeze(from, length);
            prop_assert_eq!(frozen.at(from + length / 2), at);
            prop_assert_eq!(frozen.at(from + length), at);
            let end = from + length + 1_000_000_000;
            let behind = healthy.at(end) as i64 - frozen.at(end) as i64;
            prop_assert!((behind - length).abs() as f64 <= length as f64 * 100e-6 + 20.0);
            let before = frozen.at(end);
            frozen.step(end, by);
            prop_assert_eq!(frozen.at(end) as i64 - before as i64, by);
        }
    }

    /// The rate of a long run stays inside its range, and wanders by about what was asked for.
    #[test]
    fn wanders_by_the_root_of_time() {
        let seconds = 400;
        let changes: Vec<f64> = (0..400)
            .map(|seed| {
                let mut oscillator = oscillator(seed, 0.0);
                oscillator.at(seconds * 1_000_000_000);
                oscillator.rate_ppm()
            })
            .collect();
        let sd = (changes.iter().map(|change| change * change).sum::<f64>() / changes.len() as f64).sqrt();
        assert!((0.85..1.15).contains(&sd), "sd {sd} ppm after {seconds} s of 0.05 ppm a root second");
    }
}
