//! Runs one scenario and prints its outcome: `sim SCENARIO [SEED] [WHAT]`.
//!
//! `SCENARIO` is a JSON text or the name of a file that holds one. `WHAT` is `outcome` (JSON, the default), `summary` (JSON without
//! series and members) or `table` (one line a sample). The time it took goes to standard error.

use std::error::Error;
use std::time::Instant;

use flocktime_simulator::{Outcome, Scenario, run};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, rest @ ..] = arguments.as_slice() else {
        return Err("usage: sim SCENARIO [SEED] [outcome|summary|table]".into());
    };
    let text =
        if scenario.trim_start().starts_with('{') { scenario.clone() } else { std::fs::read_to_string(scenario)? };
    let scenario = Scenario::from_json(&text)?;
    let seed = rest.first().map_or(Ok(1), |seed| seed.parse())?;
    let start = Instant::now();
    let mut outcome = run(&scenario, seed, &mut |_| true)?;
    let took = start.elapsed();
    match rest.get(1).map_or("outcome", String::as_str) {
        "outcome" => println!("{}", serde_json::to_string(&outcome)?),
        "summary" => {
            outcome.series.clear();
            outcome.members.clear();
            println!("{}", serde_json::to_string_pretty(&outcome)?);
        }
        "table" => table(&outcome),
        other => return Err(format!("no such output: {other}").into()),
    }
    let per_datagram = took.as_secs_f64() * 1e6 / outcome.totals.delivered.max(1) as f64;
    eprintln!(
        "{:.2} s, {} events, {} datagrams, {per_datagram:.2} us a datagram",
        took.as_secs_f64(),
        outcome.totals.events,
        outcome.totals.delivered,
    );
    Ok(())
}

fn table(outcome: &Outcome) {
    let us = |ns: Option<i64>| ns.map_or("-".into(), |ns| format!("{:.1}", ns as f64 / 1e3));
    let number = |n: Option<i64>| n.map_or("-".into(), |n| n.to_string());
    println!("    t/s  alive  sync    skew/us     p99/us  all skew/us  stamp skew  stamp err  rate/ppm  accused");
    for sample in &outcome.series {
        println!(
            "{:7.1} {:6} {:5} {:>10} {:>10} {:>12} {:>11} {:>10} {:>9} {:>8}",
            sample.t_s,
            sample.alive,
            sample.synchronised,
            us(sample.skew_ns),
            us(sample.p99_ns),
            us(sample.all_skew_ns),
            number(sample.stamp_skew_us),
            number(sample.stamp_error_us),
            sample.common_rate_ppm.map_or("-".into(), |rate| format!("{rate:.2}")),
            sample.honest_accused,
        );
    }
}
