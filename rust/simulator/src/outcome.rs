//! What a run has shown, as plain data.

use serde::Serialize;

use crate::fault::Standing;

/// A run in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The scenario's name.
    pub name: String,
    /// How many members it started with.
    pub nodes: u32,
    /// How long it lasted, simulated seconds.
    pub seconds: f64,
    /// Its seed.
    pub seed: u64,
    /// Every datagram that arrived and every step that was taken, as one number: the same for the same scenario and seed.
    pub trace: String,
    /// The whole run in a few numbers.
    pub summary: Summary,
    /// What was counted.
    pub totals: Totals,
    /// Who was called wrong, and by how many; the most accused first, at most 64.
    pub named: Vec<Named>,
    /// The members at the end: all of a small flock, of a large one those that are not simply honest and synchronised; at most 256.
    pub members: Vec<MemberOutcome>,
    /// The run from outside, instant by instant.
    pub series: Vec<Sample>,
}

/// The honest members at one instant of true time, judged from outside. "In step" are those who are synchronised then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Simulated second.
    pub t_s: f64,
    /// Honest members that run.
    pub alive: u32,
    /// Honest and troubled ones that are in step.
    pub synchronised: u32,
    /// Honest members that know their own clock to be far off.
    pub degraded: u32,
    /// Honest members that cannot tell who is right.
    pub undecided: u32,
    /// Latest less earliest L of those in step, nanoseconds.
    pub skew_ns: Option<i64>,
    /// Median distance of two of them.
    pub p50_ns: Option<i64>,
    /// 99 of 100 pairs are closer.
    pub p99_ns: Option<i64>,
    /// Of those in step, members that know the rates of others.
    pub settled: u32,
    /// Latest less earliest L of these, nanoseconds.
    pub settled_skew_ns: Option<i64>,
    /// Latest less earliest L of all honest members, in step or not.
    pub all_skew_ns: Option<i64>,
    /// Standard deviation of the same.
    pub all_sd_ns: Option<f64>,
    /// Latest less earliest physical part of the stamps that those in step would issue at this instant, microseconds. Who has joined less
    /// than a drift limit ago is not judged by stamps: they may still be ahead, by what its OS clock was, and never go back.
    pub stamp_skew_us: Option<i64>,
    /// The same of all honest members, in step or not.
    pub all_stamp_skew_us: Option<i64>,
    /// The greatest distance between the physical part of an honest stamp since the last sample and the flock's time then.
    pub stamp_error_us: Option<i64>,
    /// The most that one of these led its own member's time.
    pub stamp_lead_us: i64,
    /// How fast the time of those in step runs against true time, ppm.
    pub common_rate_ppm: Option<f64>,
    /// The slowest honest oscillator.
    pub slowest_ppm: f64,
    /// The fastest honest oscillator.
    pub fastest_ppm: f64,
    /// The median L of those in step less true time.
    pub lead_ns: Option<i64>,
    /// Between the two sides of the first partition: the difference of their medians.
    pub gap_ns: Option<i64>,
    /// Members in step that call a faulty one wrong.
    pub accusers: u32,
    /// Honest members that some member in step calls wrong.
    pub honest_accused: u32,
}

/// The whole run. "Late" is its last quarter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The greatest late skew, nanoseconds.
    pub skew_max_ns: Option<i64>,
    /// The median late skew.
    pub skew_median_ns: Option<i64>,
    /// The greatest late skew of members that know others' rates.
    pub settled_skew_max_ns: Option<i64>,
    /// The greatest late 99th percentile of pairs.
    pub p99_max_ns: Option<i64>,
    /// The greatest late difference of stamps issued at one instant, microseconds.
    pub stamp_skew_max_us: Option<i64>,
    /// The greatest late distance of a stamp from the flock's time.
    pub stamp_error_max_us: Option<i64>,
    /// The most that a late stamp led its own member's time.
    pub stamp_lead_max_us: i64,
    /// The mean late common rate, ppm.
    pub common_rate_ppm: Option<f64>,
    /// The slowest honest oscillator late.
    pub slowest_ppm: f64,
    /// The fastest honest oscillator late.
    pub fastest_ppm: f64,
    /// From the start: all honest members within a millisecond for the first time, in step or not, seconds.
    pub below_1ms_s: Option<f64>,
    /// The same for 100 µs.
    pub below_100us_s: Option<f64>,
    /// From its start to its first synchronisation: the median member, seconds.
    pub join_median_s: Option<f64>,
    /// The slowest one.
    pub join_max_s: Option<f64>,
    /// Honest processes that ran for a minute or more and never got there.
    pub never_joined: u32,
    /// The most honest members that were called wrong at one instant, late.
    pub honest_accused_max: u32,
}

/// Counts over the whole run, of honest members where it does not say otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Everything that happened.
    pub events: u64,
    /// Datagrams sent, by all.
    pub datagrams: u64,
    /// Datagrams that arrived, by all.
    pub delivered: u64,
    /// Datagrams for members that were gone.
    pub unreachable: u64,
    /// Datagrams that a stopped process had no room for.
    pub overflowed: u64,
    /// Bytes of datagrams sent, by all.
    pub bytes: u64,
    /// The largest datagram.
    pub largest: u64,
    /// Messages of applications, by all.
    pub messages: u64,
    /// Rounds of all machines.
    pub rounds: u64,
    /// Times that what stamps follow went back after a member had joined; there must be none.
    pub backward_ticks: u64,
    /// The same of faulty members, whose counters may go back, or so far ahead that what stamps follow has to come back.
    pub backward_ticks_faulty: u64,
    /// Stamps issued.
    pub stamps: u64,
    /// Stamps that were not above the one before; there must be none.
    pub stamps_backward: u64,
    /// Stamps that led their own member's time by more than the configured drift limit.
    pub stamps_beyond_limit: u64,
    /// Stamps that could not be issued or merged for another reason than drift.
    pub stamps_failed: u64,
    /// Messages of honest members in step that one in step refused for drift.
    pub refused_honest: u64,
    /// Messages of honest members that had not yet joined.
    pub refused_joining: u64,
    /// Messages of troubled members.
    pub refused_troubled: u64,
    /// Messages of faulty members.
    pub refused_faulty: u64,
    /// Stamps in gossip refused for drift by members that ran at the end.
    pub refused_gossip: u64,
    /// Jumps of members' disciplined clocks: running at the end.
    pub jumps: u64,
    /// The same after they had joined, as far as it was seen from outside.
    pub jumps_joined: u64,
    /// Exchanges completed by members that ran at the end.
    pub samples: u64,
    /// Datagrams that members running at the end did not accept.
    pub rejected: u64,
    /// Members replaced.
    pub replaced: u64,
}

/// Somebody was called wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Who.
    pub member: u32,
    /// And how it is judged from outside.
    pub standing: Standing,
    /// By so many honest members in step at the end.
    pub accusers: u32,
    /// At most by so many.
    pub accusers_most: u32,
    /// First at this sample.
    pub first_sample: u32,
}

/// A member at the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberOutcome {
    /// Its number.
    pub member: u32,
    /// How it is judged.
    pub standing: Standing,
    /// How it says that it stands; `down` without a process.
    pub state: &'static str,
    /// From its start to its first synchronisation, seconds.
    pub joined_s: Option<f64>,
    /// Its L less the flock's median.
    pub lead_ns: Option<i64>,
    /// Its machine thinks that it or its OS clock is wrong.
    pub suspects_itself: bool,
    /// Its clock has refused many and thinks the same.
    pub clock_suspects_itself: bool,
    /// Whom it calls wrong.
    pub accuses: Vec<u32>,
    /// Whom it sees farther away than the drift limit.
    pub apart_from: Vec<u32>,
    /// What its next stamp would show, less true time, microseconds.
    pub stamp_lead_us: Option<i64>,
    /// Jumps of its disciplined clock.
    pub jumps: u64,
}
