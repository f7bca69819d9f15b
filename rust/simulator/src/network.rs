//! What becomes of a datagram on its way: delay, loss, duplication, damage, partitions. The bytes themselves are the engine's.
//!
//! All of it is a function of seed, link and instant, so that no datagram's fate depends on any other datagram.

use crate::delay::Draw;
use crate::random::{Purpose, Seeds};
use crate::scenario::{Faultiness, Net};

/// When and how a datagram arrives; twice where it was duplicated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// Arrivals, true time.
    pub(crate) arrivals: [Option<i64>; 2],
    /// A bit of it that is the other way round, as a fraction of 2^32 of its length.
    pub(crate) damage: Option<u32>,
}

/// Who cannot speak to whom from when to when.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    /// The first instant of it.
    pub(crate) from_ns: i64,
    /// The first instant after it.
    pub(crate) to_ns: i64,
    /// By member: on the far side.
    pub(crate) far: Vec<bool>,
}

impl Cut {
    /// Whether it lies between these two at this instant.
    pub(crate) fn parts(&self, true_ns: i64, from: u32, to: u32) -> bool {
        (self.from_ns..self.to_ns).contains(&true_ns) && self.far[from as usize] != self.far[to as usize]
    }
}

/// All links.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    delay: Draw,
    faults: Faultiness,
    asymmetry_ns: f64,
    cuts: Vec<Cut>,
    seeds: Seeds,
}

impl Network {
    /// As the scenario describes it.
    pub(crate) fn new(net: &Net, cuts: Vec<Cut>, seeds: Seeds) -> Self {
        Self { delay: net.delay.ready(), faults: net.faults, asymmetry_ns: net.asymmetry_us * 1e3, cuts, seeds }
    }

    /// The fate of what is sent now. `purpose` keeps gossip and application messages apart.
    pub(crate) fn fate(&self, purpose: Purpose, true_ns: i64, from: u32, to: u32) -> Fate {
        if self.cuts.iter().any(|cut| cut.parts(true_ns, from, to)) {
            return Fate::default();
        }
        let link = u64::from(from) << 32 | u64::from(to);
        let random = &mut self.seeds.stream(purpose, [link, true_ns as u64, 0]);
        if random.chance(self.faults.loss) {
            return Fate::default();
        }
        let base_ns = true_ns + self.lead(from, to);
        let first = base_ns + self.delay.draw(from, to, random);
        let second = random.chance(self.faults.duplication).then(|| base_ns + self.delay.draw(from, to, random));
        let damage = random.chance(self.faults.damage).then(|| random.word() as u32);
        Fate { arrivals: [Some(first), second], damage }
    }

    /// What this direction takes longer than the other one, where it does.
    fn lead(&self, from: u32, to: u32) -> i64 {
        if self.asymmetry_ns == 0.0 {
            return 0;
        }
        let pair = [u64::from(from.min(to)), u64::from(from.max(to)), 0];
        let longer = self.seeds.stream(Purpose::Asymmetry, pair).normal(self.asymmetry_ns);
        let longer = if from < to { longer } else { -longer };
        longer.max(0.0) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(net: &Net, cuts: Vec<Cut>) -> Network {
        Network::new(net, cuts, Seeds(5))
    }

    fn fates(network: &Network, from: u32, to: u32) -> impl Iterator<Item = Fate> {
        (0..20_000).map(move |i| network.fate(Purpose::Delay, i * 1_000, from, to))
    }

    /// A partition lets nothing through between its sides while it lasts, and everything within them, before and after.
    #[test]
    fn partition_cuts() {
        let cut = Cut { from_ns: 5_000_000, to_ns: 10_000_000, far: vec![false, false, true, true] };
        let network = network(&Net::default(), vec![cut]);
        for (from, to, crosses) in [(0, 1, false), (2, 3, false), (0, 2, true), (3, 1, true)] {
            for (i, fate) in fates(&network, from, to).enumerate() {
                let during = (5_000..10_000).contains(&i);
                assert_eq!(fate == Fate::default(), crosses && during, "{from} to {to}, {i} us");
            }
        }
    }

    /// Loss, duplication and damage happen as often as asked for.
    #[test]
    fn faults_are_as_frequent_as_asked() {
        let faults = Faultiness { loss: 0.05, duplication: 0.1, damage: 0.02 };
        let network = network(&Net { faults, ..Net::default() }, Vec::new());
        let count = |what: fn(&Fate) -> bool| fates(&network, 0, 1).filter(what).count() as f64 / 20_000.0;
        assert!((count(|fate| fate.arrivals[0].is_none()) - 0.05).abs() < 0.01);
        assert!((count(|fate| fate.arrivals[1].is_some()) - 0.095).abs() < 0.01);
        assert!((count(|fate| fate.damage.is_some()) - 0.019).abs() < 0.005);
    }

    /// One direction of an asymmetric link is longer, always the same one, and the other one is as without.
    #[test]
    fn asymmetry_belongs_to_the_link() {
        let even = network(&Net::default(), Vec::new());
        let skewed = network(&Net { asymmetry_us: 100.0, ..Net::default() }, Vec::new());
        let longer = |from, to| {
            let pairs = fates(&skewed, from, to).zip(fates(&even, from, to));
            let differences: Vec<i64> =
                pairs.map(|(a, b)| a.arrivals[0].unwrap_or(0) - b.arrivals[0].unwrap_or(0)).collect();
            assert!(differences.iter().all(|&difference| difference == differences[0]));
            differences[0]
        };
        for (a, b) in [(0, 1), (1, 2), (0, 2), (5, 9)] {
            let (there, back) = (longer(a, b), longer(b, a));
            assert!((there > 0) != (back > 0) && there.min(back) == 0, "{there} ns and {back} ns");
        }
    }

    /// A datagram's fate depends on nothing but seed, link and instant.
    #[test]
    fn fates_are_independent() {
        let network = network(&Net::default(), Vec::new());
        let alone = network.fate(Purpose::Delay, 77, 3, 4);
        let _ = fates(&network, 4, 3).count();
        assert_eq!(network.fate(Purpose::Delay, 77, 3, 4), alone);
        assert_ne!(network.fate(Purpose::Delay, 78, 3, 4), alone);
        assert_ne!(network.fate(Purpose::TrafficDelay, 77, 3, 4), alone);
    }
}
