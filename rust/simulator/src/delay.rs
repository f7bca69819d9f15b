//! How long a datagram takes.

use rand_distr::Gamma;
use serde::{Deserialize, Serialize};

use crate::random::Stream;

/// One-way delays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delay {
    /// 100 µs and an exponential 100 µs; one in a hundred an exponential 5 ms more.
    #[default]
    Lan,
    /// 20 ms and an exponential 2 ms.
    Wan,
    /// Processes of one machine: 10 µs and an exponential 6 µs; one in a hundred an exponential 100 µs more.
    Loopback,
    /// The same form with other numbers.
    Jitter(Jitter),
    /// Measured round trips between places.
    Matrix(Matrix),
}

/// A least delay, an exponential on top, and another one now and then.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jitter {
    /// The least delay, microseconds.
    pub base_us: f64,
    /// Mean of what is added to it.
    #[serde(default)]
    pub mean_us: f64,
    /// So many in one have a spike as well.
    #[serde(default)]
    pub spike_share: f64,
    /// Mean of a spike.
    #[serde(default)]
    pub spike_us: f64,
}

/// Round trips between places. Members are dealt to the places in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Names of the places.
    pub regions: Vec<String>,
    /// `links[from][to]`.
    pub links: Vec<Vec<RoundTrip>>,
}

/// What `ping` says about a link, milliseconds there and back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundTrip {
    /// The least.
    pub min_ms: f64,
    /// The mean.
    pub avg_ms: f64,
    /// The standard deviation.
    pub mdev_ms: f64,
}

const LAN: Jitter = Jitter { base_us: 100.0, mean_us: 100.0, spike_share: 0.01, spike_us: 5_000.0 };
const WAN: Jitter = Jitter { base_us: 20_000.0, mean_us: 2_000.0, spike_share: 0.0, spike_us: 0.0 };
const LOOPBACK: Jitter = Jitter { base_us: 10.0, mean_us: 6.0, spike_share: 0.01, spike_us: 100.0 };

/// A [`Delay`] made ready to draw from.
#[derive(Clone, Debug)]
pub(crate) enum Draw {
    /// One for all links.
    Jitter(Jitter),
    /// One for each pair of places.
    Links {
        /// How many places there are.
        places: usize,
        /// Row by row.
        links: Vec<Link>,
    },
}

/// One direction of a link between places, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    least_ns: f64,
    /// What comes on top: mean and deviation of the measured round trip, shared evenly by both ways.
    above: Option<Gamma<f64>>,
}

impl Link {
    fn of(trip: RoundTrip) -> Self {
        let mean_ns = (trip.avg_ms - trip.min_ms) / 2.0 * 1e6;
        // Two independent ways of equal variance make up that of the round trip.
        let variance = trip.mdev_ms * 1e6 * (trip.mdev_ms * 1e6) / 2.0;
        let above = (mean_ns > 0.0 && variance > 0.0)
            .then(|| Gamma::new(mean_ns * mean_ns / variance, variance / mean_ns).ok())
            .flatten();
        Self { least_ns: trip.min_ms / 2.0 * 1e6, above }
    }
}

impl Delay {
    /// Ready to draw from.
    pub(crate) fn ready(&self) -> Draw {
        match self {
            Self::Lan => Draw::Jitter(LAN),
            Self::Wan => Draw::Jitter(WAN),
            Self::Loopback => Draw::Jitter(LOOPBACK),
            Self::Jitter(jitter) => Draw::Jitter(*jitter),
            Self::Matrix(matrix) => Draw::Links {
                places: matrix.regions.len(),
                links: matrix.links.iter().flatten().map(|&trip| Link::of(trip)).collect(),
            },
        }
    }
}

impl Draw {
    /// Nanoseconds from one member to another, at least one.
    pub(crate) fn draw(&self, from: u32, to: u32, random: &mut Stream) -> i64 {
        let ns = match self {
            Self::Jitter(jitter) => jitter.draw_us(random) * 1e3,
            Self::Links { places, links } => {
                let link = &links[from as usize % places * places + to as usize % places];
                link.least_ns + link.above.map_or(0.0, |above| random.draw(&above))
            }
        };
        (ns as i64).max(1)
    }
}

impl Jitter {
    fn draw_us(&self, random: &mut Stream) -> f64 {
        let spike = if random.chance(self.spike_share) { random.exponential(self.spike_us) } else { 0.0 };
        self.base_us + random.exponential(self.mean_us) + spike
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seeds};

    fn moments(delay: &Delay, to: u32) -> (f64, f64, i64) {
        let (draw, mut random) = (delay.ready(), Seeds(11).stream(Purpose::Delay, [0; 3]));
        let delays: Vec<i64> = (0..200_000).map(|_| draw.draw(0, to, &mut random)).collect();
        let mean = delays.iter().sum::<i64>() as f64 / delays.len() as f64;
        let variance = delays.iter().map(|&d| (d as f64 - mean).powi(2)).sum::<f64>() / delays.len() as f64;
        (mean, variance.sqrt(), delays.into_iter().min().unwrap_or(0))
    }

    /// Mean and least delay of each kind of network are what its description says.
    #[test]
    fn delays_are_as_described() {
        for (delay, mean_us, least_us) in
            [(Delay::Lan, 250.0, 100.0), (Delay::Wan, 22_000.0, 20_000.0), (Delay::Loopback, 17.0, 10.0)]
        {
            let (mean, _, least) = moments(&delay, 1);
            assert!((mean / 1e3 / mean_us - 1.0).abs() < 0.02, "{delay:?}: mean {mean} ns");
            assert!((least_us..least_us * 1.01).contains(&(least as f64 / 1e3)), "{delay:?}: least {least} ns");
        }
    }

    /// A measured link has half of its round trip's least and mean each way, and both ways together its deviation.
    #[test]
    fn measured_links_keep_their_moments() {
        let link = RoundTrip { min_ms: 24.0, avg_ms: 25.0, mdev_ms: 0.5 };
        let own = RoundTrip { min_ms: 0.1, avg_ms: 0.1, mdev_ms: 0.0 };
        let matrix = Matrix { regions: vec!["a".into(), "b".into()], links: vec![vec![own, link], vec![link, own]] };
        let (mean, sd, least) = moments(&Delay::Matrix(matrix.clone()), 1);
        assert!((mean / 1e6 - 12.5).abs() < 0.01, "mean {mean} ns");
        assert!((sd * 2_f64.sqrt() / 1e6 - 0.5).abs() < 0.01, "sd {sd} ns");
        assert!(least >= 12_000_000);
        assert!((moments(&Delay::Matrix(matrix), 2).0 - 50_000.0).abs() < 1e-6, "members are dealt to places in turn");
    }
}
