//! The event buffer beside other rings, in interleaved blocks: `cargo bench -p flocktime-benches --bench buffer`.
//!
//! ```text
//! cargo bench -p flocktime-benches --bench buffer -- [--blocks N] [--items N] [--seed N] [--only WORD] [--check]
//! ```
//!
//! Everybody carries the same: a timestamp of 128 bits and a number, where a timestamp is carried at all. With `--check` the exit
//! code is 1 if a bar is missed.

mod blocks;
mod contenders;
mod latency;
mod memory;
mod options;
mod throughput;

use std::process::ExitCode;

use blocks::{Bar, Measured};
use latency::Beside;
use options::Options;

fn main() -> ExitCode {
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    let mut missed = 0;
    for (title, unit, contenders, bars) in [
        ("1 producer, 1 consumer, taken one by one", "ns an event", contenders::one_by_one(), throughput::BARS),
        ("1 producer, 1 consumer, taken in batches", "ns an event", contenders::in_batches(), throughput::BARS),
        ("p99.9 of a push beside another producer", "ns", contenders::pushes(Beside::Producer), latency::BARS),
        ("p99.9 of a push beside a consumer", "ns", contenders::pushes(Beside::Consumer), latency::BARS),
        ("p99.9 of a push beside both, on two cores", "ns", contenders::pushes(Beside::Both), latency::BARS),
    ] {
        if title.contains(&options.only) {
            let measured = blocks::run(&contenders, &options);
            missed += report(title, unit, &measured, bars);
        }
    }
    if "memory".contains(&options.only) {
        missed += memory::report();
    }
    if options.check && missed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Prints a table, and returns how many bars are missed.
fn report(title: &str, unit: &str, measured: &Measured, bars: &[Bar]) -> usize {
    println!("\n{title} ({} interleaved blocks)\n\n{:38} {unit:>12} {:>17}", measured.blocks(), "", "quartiles");
    for (name, spread) in measured.figures() {
        println!("{name:38} {:12.1} {:8.1}-{:8.1}", spread.median, spread.lower, spread.upper);
    }
    println!();
    let mut missed = 0;
    for bar in bars {
        let Some(ratio) = measured.ratio(bar) else { continue };
        let met = bar.least.map(|least| ratio.median >= least);
        missed += usize::from(met == Some(false));
        let verdict = match (bar.least, met) {
            (Some(least), Some(true)) => format!(">= {least}  met"),
            (Some(least), _) => format!(">= {least}  MISSED"),
            (None, _) => String::new(),
        };
        let (ours, theirs) = (bar.ours, bar.theirs);
        println!(
            "{ours:24} against {theirs:30} {:6.2} ({:.2}-{:.2}) {verdict}",
            ratio.median, ratio.lower, ratio.upper
        );
    }
    missed
}
