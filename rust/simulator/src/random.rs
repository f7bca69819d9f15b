//! Randomness that keeps apart what has nothing to do with each other.
//!
//! Every draw belongs to a purpose and to what it is for (a member, a link, an instant). So two runs of one seed that differ
//! in a fault differ in nothing else: an attack on one member changes no delay between others, and pairs of runs can be compared.

use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use twox_hash::XxHash3_64;

/// What a stream of numbers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Purpose {
    /// Rate, wander and start of a counter.
    Oscillator = 1,
    /// Where the operating system's clock stands.
    OsClock,
    /// When a member starts.
    Boot,
    /// The randomness that a machine asks for.
    Machine,
    /// Ids of a process.
    Identity,
    /// Whom a member knows.
    Contacts,
    /// When and to whom a member sends messages of its own.
    Traffic,
    /// Delay, loss and damage of one datagram.
    Delay,
    /// The same of one application message.
    TrafficDelay,
    /// The difference between both ways of a link.
    Asymmetry,
    /// Who is replaced.
    Churn,
}

/// The seed of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeds(pub(crate) u64);

impl Seeds {
    /// The numbers for `purpose` of whatever the three words name.
    pub(crate) fn stream(self, purpose: Purpose, which: [u64; 3]) -> Stream {
        Stream(Xoshiro256PlusPlus::seed_from_u64(self.word(purpose, which)))
    }

    /// The first number of such a stream, where one is enough.
    pub(crate) fn word(self, purpose: Purpose, which: [u64; 3]) -> u64 {
        let mut key = [0; 32];
        for (chunk, word) in key.chunks_exact_mut(8).zip([purpose as u64, which[0], which[1], which[2]]) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        XxHash3_64::oneshot_with_seed(self.0, &key)
    }
}

/// One stream of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// 64 random bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..n`; 0 for no choice at all.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        // A 128-bit product is off by less than n in 2^64.
        ((u128::from(self.word()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Exponential with this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        let x: f64 = Exp1.sample(&mut self.0);
        x * mean
    }

    /// Normal with mean 0.
    pub(crate) fn normal(&mut self, sd: f64) -> f64 {
        let x: f64 = StandardNormal.sample(&mut self.0);
        x * sd
    }

    /// From a distribution of the crate `rand_distr`.
    pub(crate) fn draw(&mut self, distribution: &impl Distribution<f64>) -> f64 {
        distribution.sample(&mut self.0)
    }
}
