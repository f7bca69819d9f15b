//! The step alone, in rounds: what the formulas of contraction speak of.
//!
//! No packets, no noise and no rates: all members take their step at once, told the exact distance of each peer. What a whole flock
//! does beside it (partners that it keeps, rounds that drift past each other) is left out on purpose.

use flocktime_core::flocking::{Own, Tuning, Vote, step};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::error::Error;
use crate::os_clock::START_NS;
use crate::outcome::{Outcome, Sample, Summary, Totals};
use crate::random::{Purpose, Seeds, Stream};
use crate::scenario::Scenario;
use crate::statistics::Spread;

/// Who tells whom in a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Synchronous {
    /// So many random others, drawn anew in each round.
    RandomPeers(u32),
    /// A fixed overlay: of a ring, those that lie so many places ahead and behind. Its spectrum is known in closed form.
    Strides(Vec<u32>),
}

/// Clocks less true time, nanoseconds; rounds are as long as the tuning says.
struct Clocks(Vec<f64>);

/// Simulates `scenario.seconds` rounds. Samples hold the spread after each; of a trace there is what the clocks showed.
///
/// # Errors
///
/// [`Error::Stopped`].
pub(crate) fn run(
    scenario: &Scenario,
    overlay: &Synchronous,
    seed: u64,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Result<Outcome, Error> {
    let (seeds, tuning) = (Seeds(seed), scenario.gossip.tuning());
    let mut clocks = Clocks::new(scenario, seeds);
    let (mut trace, mut series, mut steps) = (0, Vec::new(), 0);
    let rounds = (scenario.seconds / tuning.round_s()) as u64;
    for round in 1..=rounds {
        clocks = clocks.after_a_round(overlay, round, seeds, &tuning);
        steps += clocks.0.len() as u64;
        trace = clocks.0.iter().fold(trace, |trace, clock| XxHash3_64::oneshot_with_seed(trace, &clock.to_le_bytes()));
        series.push(clocks.sample(round as f64 * tuning.round_s()));
        if !progress(round as f64 / rounds as f64) {
            return Err(Error::Stopped { at_s: round as f64 * tuning.round_s() });
        }
    }
    Ok(Outcome {
        name: scenario.name.clone(),
        nodes: scenario.nodes,
        seconds: scenario.seconds,
        seed,
        trace: format!("{trace:016x}"),
        summary: Summary::default(),
        totals: Totals { rounds: steps, events: steps, ..Totals::default() },
        named: Vec::new(),
        members: Vec::new(),
        series,
    })
}

impl Clocks {
    fn new(scenario: &Scenario, seeds: Seeds) -> Self {
        let offset = |place: u32| {
            let mut random = seeds.stream(Purpose::OsClock, [place.into(), 0, 0]);
            random.normal(scenario.clocks.offset_sd_ms * 1e6)
        };
        Self((0..scenario.nodes).map(offset).collect())
    }

    fn after_a_round(&self, overlay: &Synchronous, round: u64, seeds: Seeds, tuning: &Tuning) -> Self {
        let own =
            Own { rate: 0.0, joined: true, rate_settled: true, degraded: false, rejoining: false, os_lead_ns: 0.0 };
        let nodes = self.0.len();
        let next = |(place, &clock): (usize, &f64)| {
            let peers = match overlay {
                Synchronous::RandomPeers(count) => {
                    draw(&mut seeds.stream(Purpose::Machine, [place as u64, round, 0]), nodes, place, *count as usize)
                }
                Synchronous::Strides(strides) => strides
                    .iter()
                    .flat_map(|&stride| {
                        let stride = stride as usize;
                        [(place + stride) % nodes, (place + nodes - stride) % nodes]
                    })
                    .collect(),
            };
            let vote = |peer: usize| Vote { lead_ns: self.0[peer] - clock, error_ns: 0.0, rate: None };
            let votes: Vec<Vote> = peers.into_iter().map(vote).collect();
            let outcome = step(&votes, &own, tuning);
            clock + outcome.jump_ns + outcome.slew * tuning.round_ns as f64
        };
        Self(self.0.iter().enumerate().map(next).collect())
    }

    fn sample(&self, t_s: f64) -> Sample {
        let nodes = self.0.len();
        let mean = self.0.iter().sum::<f64>() / nodes as f64;
        let variance = self.0.iter().map(|clock| (clock - mean).powi(2)).sum::<f64>() / nodes as f64;
        Sample {
            t_s,
            alive: nodes as u32,
            synchronised: nodes as u32,
            all_skew_ns: Spread::of(self.0.iter().map(|&clock| START_NS + clock.round() as i64).collect()).skew(),
            all_sd_ns: Some(variance.sqrt()),
            ..Sample::default()
        }
    }
}

/// Distinct others. Few of many: drawing again is cheaper than shuffling all.
fn draw(random: &mut Stream, nodes: usize, own: usize, count: usize) -> Vec<usize> {
    let mut peers = Vec::with_capacity(count);
    while peers.len() < count {
        let peer = random.below(nodes as u64) as usize;
        if peer != own && !peers.contains(&peer) {
            peers.push(peer);
        }
    }
    peers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(json: &str, seed: u64) -> Vec<Sample> {
        let scenario = Scenario::from_json(json).expect("a scenario");
        crate::run(&scenario, seed, &mut |_| true).expect("a run").series
    }

    /// The rate at which the spread shrinks between two rounds.
    fn ratio(series: &[Sample], from: usize, to: usize) -> f64 {
        let sd = |round: usize| series[round].all_sd_ns.expect("clocks");
        (sd(to) / sd(from)).powf(1.0 / (to - from) as f64)
    }

    /// With fresh random peers the spread shrinks as the formula says, for few peers and for many.
    #[test]
    fn random_peers_contract_by_the_formula() {
        for m in [1_u32, 4, 16] {
            let json = format!(
                r#"{{"nodes": 2000, "seconds": 20, "clocks": {{"offset_sd_ms": 0.005}}, "synchronous": {{"random_peers": {m}}}}}"#
            );
            let (kept, taken) = (1.0 - 0.3 * f64::from(m) / f64::from(m + 1), 0.3 / f64::from(m + 1));
            let formula = (kept * kept + f64::from(m) * taken * taken).sqrt();
            for seed in 1..4 {
                let measured = ratio(&series(&json, seed), 0, 19);
                assert!((measured / formula - 1.0).abs() < 0.01, "m {m}, seed {seed}: {measured} against {formula}");
            }
        }
    }

    /// A ring of 24 whose members hear one and five places away: the spread shrinks by 1 − κ·λ2 in the end.
    #[test]
    fn a_fixed_overlay_contracts_by_its_spectrum() {
        let json =
            r#"{"nodes": 24, "seconds": 300, "clocks": {"offset_sd_ms": 0.005}, "synchronous": {"strides": [1, 5]}}"#;
        let eigenvalue = |k: u32| {
            let angle = std::f64::consts::TAU * f64::from(k) / 24.0;
            (4.0 - 2.0 * angle.cos() - 2.0 * (5.0 * angle).cos()) / 5.0
        };
        let slowest = (1..24).map(eigenvalue).fold(f64::INFINITY, f64::min);
        let measured = ratio(&series(json, 3), 100, 140);
        assert!((measured - (1.0 - 0.3 * slowest)).abs() < 1e-4, "{measured} against {}", 1.0 - 0.3 * slowest);
    }

    /// What cannot be drawn is refused, and so is what has no meaning without machines.
    #[test]
    fn refusals() {
        for (part, sentence) in [
            (r#""synchronous": {"random_peers": 4}"#, "synchronous.random_peers is 4, must lie in 1..=3"),
            (r#""synchronous": {"random_peers": 0}"#, "synchronous.random_peers is 0"),
            (r#""synchronous": {"strides": [1, 2]}"#, "synchronous.strides is 2, must lie in 1..=1"),
            (r#""synchronous": {"strides": []}"#, "synchronous.strides (length) is 0"),
            (r#""synchronous": {"strides": [1, 1]}"#, "synchronous.strides: 1 is given twice"),
            (r#""synchronous": {"random_peers": 1}, "churn": {"every_s": 1, "share": 0.1}"#, "synchronous: knows no"),
        ] {
            let json = format!(r#"{{"nodes": 4, "seconds": 9, {part}}}"#);
            let refused = Scenario::from_json(&json).expect_err(part).to_string();
            assert!(refused.starts_with(sentence), "{part}: {refused}");
        }
    }

    /// One seed, one run; another seed, another one; and who listens can stop it.
    #[test]
    fn runs_repeat() {
        let json =
            r#"{"nodes": 10, "seconds": 9, "clocks": {"offset_sd_ms": 0.005}, "synchronous": {"random_peers": 2}}"#;
        let scenario = Scenario::from_json(json).expect("a scenario");
        let trace = |seed| crate::run(&scenario, seed, &mut |_| true).expect("a run").trace;
        assert_eq!(trace(1), trace(1));
        assert_ne!(trace(1), trace(2));
        assert_eq!(crate::run(&scenario, 1, &mut |share| share < 0.5), Err(Error::Stopped { at_s: 5.0 }));
    }
}
