//! What an exchange and a filter say about another oscillator contains the truth.
#![allow(clippy::unwrap_used, reason = "tests")]

use flocktime_core::flocking::{Exchange, PeerFilter, Sample};
use proptest::prelude::*;

/// `SplitMix64` (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// About normal: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// A peer whose oscillator runs at this rate against one's own and wanders.
struct Peer {
    random: Random,
    rate: f64,
    wander: f64,
    /// Own H and how far the peer's was ahead of it then.
    at_ns: u64,
    ahead_ns: f64,
}

const BOOT_NS: i64 = 77_000_000_000_000;

impl Peer {
    fn new(seed: u64, rate: f64, wander: f64) -> Self {
        Self { random: Random(seed), rate, wander, at_ns: 5_000_000_000_000, ahead_ns: 0.0 }
    }

    /// The true lead at an own H, at most a few seconds on.
    fn truth(&self, at_ns: u64) -> f64 {
        self.ahead_ns + self.rate * (at_ns as f64 - self.at_ns as f64)
    }

    fn pass(&mut self, seconds: f64) {
        let ns = (seconds * 1e9) as u64;
        self.ahead_ns += self.rate * ns as f64;
        self.at_ns += ns;
        self.rate += self.wander * seconds.sqrt() * self.random.normal();
    }

    /// An exchange that begins now, with one-way delays of a LAN: 100 µs and as much more by chance, one of a hundred 5 ms more.
    fn exchange(&mut self) -> Exchange {
        let [there, back] = [0, 1].map(|_| {
            let spike = if self.random.unit() < 0.01 { self.random.exponential(5e6) } else { 0.0 };
            (100e3 + self.random.exponential(100e3) + spike) as u64
        });
        let pause = self.random.exponential(50e3) as u64;
        let (t0, h1) = (self.at_ns, self.at_ns + there);
        let h2 = h1 + pause;
        let theirs = |h: u64| (h as i64 + BOOT_NS + self.truth(h).round() as i64) as u64;
        Exchange { t0, t1: theirs(h1), t2: theirs(h2), t3: h2 + back }
    }

    fn insert(&mut self, filter: &mut PeerFilter) -> Option<bool> {
        let exchange = self.exchange();
        let (rate, doubt) = filter.rate().map_or((0.0, 250e-6), |rate| (rate.value, 1e-7 + 3.0 * rate.error));
        exchange.sample(rate, doubt).map(|sample| filter.insert(sample))
    }
}

/// Runs for so long, an exchange every second or few, and calls with the true lead each time.
fn watch(seed: u64, rate: f64, wander: f64, seconds: f64, mut look: impl FnMut(&PeerFilter, &Peer, bool)) {
    let (mut peer, mut filter, mut passed) = (Peer::new(seed, rate, wander), PeerFilter::new(), 0.0);
    while passed < seconds {
        let pause = 0.5 + peer.random.exponential(1.5);
        peer.pass(pause);
        passed += pause;
        let jumped = peer.insert(&mut filter).unwrap();
        peer.pass(0.05);
        look(&filter, &peer, jumped);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The true offset in the middle of an exchange lies within the error that the sample gives, for any delays, pauses and
    /// rates within the doubt (to a nanosecond of rounding at each of four readings and the peer's nanoseconds being longer).
    #[test]
    fn a_sample_contains_the_truth(
        there in 0_u64..2_000_000_000, back in 0_u64..2_000_000_000, pause in 0_u64..15_000_000_000,
        rate in -250e-6_f64..250e-6, known in 0.0_f64..1.0, lead in -1_000_000_000_000_i64..1_000_000_000_000,
    ) {
        let t0 = 9_000_000_000_000_u64;
        let (h1, h2) = (t0 + there, t0 + there + pause);
        let truth = |h: f64| lead as f64 + rate * (h - t0 as f64);
        let theirs = |h: u64| (h as i64 + truth(h as f64).round() as i64) as u64;
        let exchange = Exchange { t0, t1: theirs(h1), t2: theirs(h2), t3: h2 + back };
        let assumed = rate * known;
        let sample = exchange.sample(assumed, (rate - assumed).abs()).expect("an exchange that was");
        let wrong = (sample.offset_ns as f64 - truth(sample.at_ns as f64)).abs();
        prop_assert!(wrong <= sample.error_ns + 3.0, "{wrong} off, said {}", sample.error_ns);
    }

    /// No numbers make a sample panic, and what it gives is finite and not negative.
    #[test]
    fn any_numbers_make_a_sample_or_none(
        t in prop::array::uniform4(prop_oneof![
            any::<u64>(), Just(0), Just(u64::MAX), Just(1 << 63), 0_u64..100_000_000_000,
        ]),
        rate in -1e-3_f64..1e-3, doubt in 0.0_f64..1e-3,
    ) {
        let [t0, t1, t2, t3] = t;
        if let Some(sample) = (Exchange { t0, t1, t2, t3 }).sample(rate, doubt) {
            prop_assert!(sample.error_ns.is_finite() && sample.error_ns >= 0.0);
            prop_assert!((t0..=t3).contains(&sample.at_ns));
        }
    }

    /// Any samples at all leave a filter with finite numbers, and a rate that can be.
    #[test]
    fn any_samples_leave_finite_numbers(
        samples in prop::collection::vec((any::<u64>(), any::<i64>(), 0.0_f64..1e11), 1..80),
        near in any::<bool>(),
        now in any::<u64>(),
    ) {
        let mut filter = PeerFilter::new();
        for (at, offset, error_ns) in samples {
            let (at_ns, offset_ns) = if near { (at % 900_000_000_000, offset % 10_000_000) } else { (at, offset) };
            filter.insert(Sample { at_ns, offset_ns, error_ns });
            if let Some(rate) = filter.rate() {
                prop_assert!(rate.value.abs() <= 500e-6 && rate.error >= 0.0 && rate.error <= 2e-6, "{rate:?}");
            }
            let estimate = filter.estimate(now).unwrap();
            prop_assert!(estimate.error_ns.is_finite() && estimate.error_ns >= 0.0);
        }
        prop_assert!(format!("{filter:?}").matches("Sample").count() <= 16, "{filter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    /// Where the peer's oscillator is said to be is where it is, to within the error that is given, but for one look of a
    /// hundred, and always to within three of it: what is known of a rate is known with a probability only.
    #[test]
    fn an_estimate_contains_the_truth(seed in any::<u64>(), rate in -200e-6_f64..200e-6, wander in 0.0_f64..0.01e-6) {
        let (mut looks, mut wrong) = (0, 0);
        watch(seed, rate, wander, 700.0, |filter, peer, _| {
            let estimate = filter.estimate(peer.at_ns).unwrap();
            let off = ((estimate.offset_ns - BOOT_NS) as f64 - peer.truth(peer.at_ns)).abs();
            looks += 1;
            wrong += usize::from(off > estimate.error_ns + 2.0);
            assert!(off <= 3.0 * estimate.error_ns, "{off} off, said {}", estimate.error_ns);
        });
        prop_assert!(100 * wrong <= looks, "{wrong} of {looks} outside");
    }

    /// An honest oscillator, however fast, noisy and delayed, is never said to have jumped.
    #[test]
    fn honest_oscillators_do_not_jump(seed in any::<u64>(), rate in -200e-6_f64..200e-6, wander in 0.0_f64..0.01e-6) {
        watch(seed, rate, wander, 700.0, |filter, peer, jumped| {
            assert!(!jumped && filter.jumps() == 0, "at {}", peer.at_ns);
        });
    }

    /// A jump of two milliseconds or more is noticed at the next sample of ordinary delay, either way, and afterwards the
    /// estimate is right again.
    #[test]
    fn jumps_are_noticed(
        seed in any::<u64>(), rate in -200e-6_f64..200e-6, settle in 0_u32..400,
        by in prop_oneof![2e6_f64..1e13, -1e13_f64..-2e6],
    ) {
        let (mut peer, mut filter) = (Peer::new(seed, rate, 0.005e-6), PeerFilter::new());
        for _ in 0..=settle {
            peer.pass(1.0);
            peer.insert(&mut filter);
        }
        peer.ahead_ns += by;
        for _ in 0..6 {
            peer.pass(1.0);
            peer.insert(&mut filter);
        }
        prop_assert!(filter.jumps() >= 1, "not noticed");
        let estimate = filter.estimate(peer.at_ns).unwrap();
        let off = ((estimate.offset_ns - BOOT_NS) as f64 - peer.truth(peer.at_ns)).abs();
        prop_assert!(off <= 2.0 * estimate.error_ns, "{off} off, said {}", estimate.error_ns);
    }
}

/// Of an oscillator that does not wander the measured rate is within four of its standard errors, but for one look of a hundred;
/// it is known after a minute.
#[test]
fn the_rate_error_is_honest() {
    let (mut looks, mut wrong, mut worst) = (0, 0, 0.0_f64);
    for seed in 1..=40_u64 {
        let rate = (seed as f64 - 20.0) * 10e-6;
        let mut known = false;
        watch(seed, rate, 0.0, 300.0, |filter, peer, _| {
            if let Some(measured) = filter.rate() {
                let sigmas = (measured.value - rate).abs() / measured.error;
                (looks, wrong, worst) = (looks + 1, wrong + i32::from(sigmas > 4.0), worst.max(sigmas));
            }
            known = filter.rate().is_some();
            assert!(known || peer.at_ns < 5_000_000_000_000 + 90_000_000_000, "seed {seed}: unknown at {}", peer.at_ns);
        });
        assert!(known, "seed {seed}");
    }
    println!("{wrong} of {looks} looks beyond four standard errors, the worst at {worst:.1}");
    assert!(f64::from(wrong) < 0.01 * f64::from(looks), "{wrong} of {looks}, worst {worst}");
}

/// Of one that wanders by 0.01 ppm a √s the rate is known to a few tenths of a ppm after ten minutes.
#[test]
fn a_wandering_rate_is_followed() {
    for seed in 1..=20_u64 {
        let mut last = 0.0;
        watch(seed, 30e-6, 0.01e-6, 900.0, |filter, peer, _| {
            last = filter.rate().map_or(1.0, |rate| (rate.value - peer.rate).abs());
        });
        assert!(last < 0.6e-6, "seed {seed}: {last}");
    }
}
