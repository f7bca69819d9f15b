//! From what was seen to the numbers of a run.

use flocktime_agent::gossip::{PeerReport, Route};
use flocktime_core::flocking::State;

use crate::engine::Engine;
use crate::fault::Standing;
use crate::os_clock::START_NS;
use crate::outcome::{MemberOutcome, Named, Outcome, Sample, Summary};
use crate::queue::Address;
use crate::station::Station;
use crate::statistics::Spread;

/// No outcome lists more of anything.
const MOST_NAMED: usize = 64;
const MOST_MEMBERS: usize = 256;
/// Processes that are younger may still be on their way.
const ENOUGH_TO_JOIN_NS: i64 = 60_000_000_000;

/// All that is known at the end.
pub(crate) fn outcome(mut engine: Engine<'_>) -> Outcome {
    let now_ns = engine.now_ns;
    add_counters(&mut engine);
    let flock_ns = engine.judge.flock.map(|flock| flock.time_at(now_ns));
    let named: Vec<Named> = engine.judge.named(&engine.stations, MOST_NAMED);
    let mut summary = summarise(&engine.judge.series);
    summary.never_joined = never_joined(&engine.stations, now_ns);
    let mut joins = std::mem::take(&mut engine.judge.joins_s);
    joins.sort_by(f64::total_cmp);
    summary.join_median_s = joins.get(joins.len() / 2).copied();
    summary.join_max_s = joins.last().copied();
    let small = engine.stations.len() <= MOST_MEMBERS;
    let members = engine.stations.iter_mut().filter_map(|station| {
        let member = describe(station, now_ns, flock_ns);
        let dull = member.standing == Standing::Honest && member.state == State::Synchronised.name();
        (small || !dull).then_some(member)
    });
    Outcome {
        name: engine.scenario.name.clone(),
        nodes: engine.scenario.nodes,
        seconds: engine.scenario.seconds,
        seed: engine.seeds.0,
        trace: format!("{:016x}", engine.trace),
        summary,
        named,
        members: members.take(MOST_MEMBERS).collect(),
        totals: engine.judge.totals,
        series: engine.judge.series,
    }
}

fn add_counters(engine: &mut Engine<'_>) {
    let totals = &mut engine.judge.totals;
    totals.events = engine.queue.scheduled();
    for station in &engine.stations {
        let Some(process) = station.process.as_deref() else { continue };
        let counters = process.machine.counters();
        totals.rounds += counters.rounds;
        if station.standing == Standing::Faulty {
            continue;
        }
        totals.jumps += counters.jumps;
        totals.samples += counters.samples;
        totals.rejected += counters.received - counters.accepted;
        totals.refused_gossip += process.world.refused();
    }
}

fn never_joined(stations: &[Station], now_ns: i64) -> u32 {
    let late = |station: &&Station| {
        let process = station.process.as_deref().filter(|_| station.standing == Standing::Honest);
        process.is_some_and(|process| process.joined_ns.is_none() && now_ns - process.started_ns >= ENOUGH_TO_JOIN_NS)
    };
    stations.iter().filter(late).count() as u32
}

fn summarise(series: &[Sample]) -> Summary {
    let late = &series[series.len() - series.len().div_ceil(4)..];
    let all = |what: fn(&Sample) -> Option<i64>| late.iter().filter_map(what);
    let rates: Vec<f64> = late.iter().filter_map(|sample| sample.common_rate_ppm).collect();
    let first_below = |limit_ns: i64| {
        let below = |sample: &&Sample| sample.alive > 1 && sample.all_skew_ns.is_some_and(|skew| skew < limit_ns);
        series.iter().find(below).map(|sample| sample.t_s)
    };
    Summary {
        skew_max_ns: all(|sample| sample.skew_ns).max(),
        skew_median_ns: Spread::of(all(|sample| sample.skew_ns).collect()).median(),
        settled_skew_max_ns: all(|sample| sample.settled_skew_ns).max(),
        p99_max_ns: all(|sample| sample.p99_ns).max(),
        stamp_skew_max_us: all(|sample| sample.stamp_skew_us).max(),
        stamp_error_max_us: all(|sample| sample.stamp_error_us).max(),
        stamp_lead_max_us: late.iter().map(|sample| sample.stamp_lead_us).max().unwrap_or(0),
        common_rate_ppm: (!rates.is_empty()).then(|| rates.iter().sum::<f64>() / rates.len() as f64),
        slowest_ppm: late.iter().map(|sample| sample.slowest_ppm).fold(f64::INFINITY, f64::min),
        fastest_ppm: late.iter().map(|sample| sample.fastest_ppm).fold(f64::NEG_INFINITY, f64::max),
        below_1ms_s: first_below(1_000_000),
        below_100us_s: first_below(100_000),
        honest_accused_max: late.iter().map(|sample| sample.honest_accused).max().unwrap_or(0),
        ..Summary::default()
    }
}

fn describe(station: &mut Station, now_ns: i64, flock_ns: Option<i64>) -> MemberOutcome {
    let (h_ns, os) = station.read(now_ns);
    let nobody = MemberOutcome {
        member: station.address.station,
        standing: station.standing,
        state: "down",
        joined_s: None,
        lead_ns: None,
        suspects_itself: false,
        clock_suspects_itself: false,
        accuses: Vec::new(),
        apart_from: Vec::new(),
        stamp_lead_us: None,
        jumps: 0,
    };
    let Some(process) = station.process.as_deref() else { return nobody };
    process.world.set(h_ns, os, None);
    let address = |route: &Route| match route {
        Route::Address(address) => Address::from_socket(*address).map(|address| address.station),
        Route::Label(_) | Route::Caller { .. } => None,
    };
    let next_us = process.world.next_us();
    let report = process.machine.report(&process.world);
    let drift_ns = process.machine.settings().tuning.max_drift_ns;
    let apart = |peer: &&PeerReport| peer.offset_ns.is_some_and(|offset_ns| offset_ns.abs() > drift_ns);
    let apart_from = report.peers.iter().filter(apart).filter_map(|peer| address(&peer.route));
    MemberOutcome {
        state: process.machine.state().name(),
        joined_s: process.joined_ns.map(|joined_ns| (joined_ns - process.started_ns) as f64 / 1e9),
        lead_ns: flock_ns.map(|flock_ns| process.time_at(h_ns).saturating_sub(flock_ns)),
        suspects_itself: report.suspects_itself,
        apart_from: apart_from.take(MOST_NAMED).collect(),
        clock_suspects_itself: process.world.clock().stats().suspect_self,
        accuses: process.machine.wrong_peers().filter_map(|(route, _, _)| address(route)).take(MOST_NAMED).collect(),
        stamp_lead_us: next_us.map(|stamp_us| stamp_us.saturating_sub((START_NS + now_ns) / 1000)),
        jumps: process.machine.counters().jumps,
        ..nobody
    }
}
