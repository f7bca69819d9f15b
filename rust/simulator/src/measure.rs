//! The judge: looks at all clocks at one instant of true time, which no member can.

use flocktime_agent::gossip::Route;
use flocktime_core::flocking::State;

use crate::fault::Standing;
use crate::network::Cut;
use crate::os_clock::START_NS;
use crate::outcome::{Named, Sample, Totals};
use crate::queue::Address;
use crate::station::{Process, Station};
use crate::statistics::Spread;

/// The flock's time as of the latest sample, and how it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flock {
    at_ns: i64,
    time_ns: i64,
    rate: f64,
    /// How far from it a clock still counts, roughly, as members see it.
    pub(crate) gate_ns: f64,
}

impl Flock {
    /// The flock's time at an instant, nanoseconds since 1970.
    pub(crate) fn time_at(&self, true_ns: i64) -> i64 {
        let elapsed = true_ns - self.at_ns;
        self.time_ns + elapsed + (elapsed as f64 * self.rate) as i64
    }
}

/// Keeps what was seen.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    /// The run so far.
    pub(crate) series: Vec<Sample>,
    /// Counts so far.
    pub(crate) totals: Totals,
    /// From a member's start to its first synchronisation, seconds.
    pub(crate) joins_s: Vec<f64>,
    /// The honest members' time.
    pub(crate) flock: Option<Flock>,
    /// The same, once enough of them are in step to judge stamps by.
    reference: Option<Flock>,
    /// L of each station at the latest sample, where it was in step.
    before: Vec<Option<i64>>,
    accused: Vec<Accused>,
    /// Of each station, as of the latest sample: whoever was there before is not its successor.
    addresses: Vec<Address>,
}

/// How a station was accused.
#[derive(Clone, Copy, Debug, Default)]
struct Accused {
    now: u32,
    most: u32,
    first_sample: Option<u32>,
}

/// What [`Judge::look`] gathers.
#[derive(Default)]
struct Gathered {
    in_step: Vec<i64>,
    settled: Vec<i64>,
    all_stamps: Vec<i64>,
    all: Vec<i64>,
    sides: [Vec<i64>; 2],
    stamps: Vec<i64>,
    advanced_ns: Vec<i64>,
}

impl Judge {
    /// For so many stations.
    pub(crate) fn new(stations: usize) -> Self {
        Self { before: vec![None; stations], accused: vec![Accused::default(); stations], ..Self::default() }
    }

    /// The time that a stamp is held against. Only those of honest members in step are, and not before time has passed what
    /// their clocks may have stamped by the OS clock before: stamps never go back.
    pub(crate) fn expected(&self, true_ns: i64, standing: Standing, process: &Process) -> Option<i64> {
        let grace_ns = process.machine.settings().tuning.max_drift_ns as i64;
        let judged = standing == Standing::Honest
            && process.machine.state() == State::Synchronised
            && process.joined_ns.is_some_and(|joined_ns| true_ns >= joined_ns.saturating_add(grace_ns));
        self.reference.filter(|_| judged).map(|flock| flock.time_at(true_ns))
    }

    /// A process is driven at this H. `before` is what it showed there before: nothing that is read may go back.
    pub(crate) fn drove(
        &mut self,
        true_ns: i64,
        standing: Standing,
        process: &mut Process,
        h_ns: u64,
        before: i64,
        joined: bool,
    ) {
        let after = process.shown_at(h_ns);
        let went_back = process.driven.is_some_and(|(driven_ns, time_ns)| h_ns >= driven_ns && before < time_ns);
        if joined && (went_back || after < before) {
            let faulty = standing == Standing::Faulty;
            *(if faulty { &mut self.totals.backward_ticks_faulty } else { &mut self.totals.backward_ticks }) += 1;
        }
        if joined && after != before && standing != Standing::Faulty {
            self.totals.jumps_joined += 1;
        }
        process.driven = Some((h_ns, after));
        if process.joined_ns.is_none() && process.machine.guidance().in_force {
            process.joined_ns = Some(true_ns);
            if standing == Standing::Honest {
                self.joins_s.push((true_ns - process.started_ns) as f64 / 1e9);
            }
        }
    }

    /// Takes a sample.
    pub(crate) fn look(&mut self, true_ns: i64, stations: &mut [Station], cut: Option<&Cut>) {
        let mut sample = Sample { t_s: true_ns as f64 / 1e9, ..Sample::default() };
        let (mut slowest, mut fastest) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut gathered = Gathered::default();
        self.accused.iter_mut().for_each(|accused| accused.now = 0);
        self.addresses.clear();
        self.addresses.extend(stations.iter().map(|station| station.address));
        for station in stations.iter_mut() {
            if station.standing == Standing::Honest {
                slowest = slowest.min(station.oscillator.rate_ppm());
                fastest = fastest.max(station.oscillator.rate_ppm());
            }
            let l_ns = self.look_at(true_ns, station, cut, &mut sample, &mut gathered);
            self.before[station.address.station as usize] = l_ns;
        }
        if slowest <= fastest {
            (sample.slowest_ppm, sample.fastest_ppm) = (slowest, fastest);
        }
        let last_ns = self.series.last().map_or(0, |last| (last.t_s * 1e9).round() as i64);
        self.summarise(true_ns, true_ns - last_ns, gathered, &mut sample);
        self.count_accused(stations, &mut sample);
        self.series.push(sample);
    }

    /// One station; its L, where it is in step.
    fn look_at(
        &mut self,
        true_ns: i64,
        station: &mut Station,
        cut: Option<&Cut>,
        sample: &mut Sample,
        gathered: &mut Gathered,
    ) -> Option<i64> {
        let (h_ns, os) = station.read(true_ns);
        let (place, standing) = (station.address.station as usize, station.standing);
        let process = station.process.as_deref_mut()?;
        if standing == Standing::Faulty {
            return None;
        }
        let l_ns = process.time_at(h_ns);
        let state = process.machine.state();
        let honest = standing == Standing::Honest;
        if honest {
            sample.alive += 1;
            sample.degraded += u32::from(state == State::Degraded);
            sample.undecided += u32::from(state == State::Undecided);
            gathered.all.push(l_ns);
        }
        let in_step = state == State::Synchronised && process.driven.is_some();
        if honest {
            let expected_ns = self.expected(true_ns, standing, process);
            process.world.set(h_ns, os, expected_ns);
            let physical_us = process.world.next_us();
            gathered.stamps.extend(physical_us.filter(|_| expected_ns.is_some()));
            gathered.all_stamps.extend(physical_us);
        }
        self.count_stamps(process, honest, sample);
        if !in_step {
            return None;
        }
        sample.synchronised += 1;
        gathered.in_step.push(l_ns);
        if process.knows_rates() {
            gathered.settled.push(l_ns);
        }
        gathered.advanced_ns.extend(self.before[place].map(|before| l_ns - before));
        if let Some(cut) = cut {
            gathered.sides[usize::from(cut.far[place])].push(l_ns);
        }
        if honest {
            self.note_accusations(process);
        }
        Some(l_ns)
    }

    fn count_stamps(&mut self, process: &Process, honest: bool, sample: &mut Sample) {
        let tally = process.world.take_tally();
        self.totals.stamps_backward += tally.backward;
        self.totals.stamps_failed += tally.failed;
        if !honest {
            return;
        }
        self.totals.stamps += tally.stamps;
        self.totals.stamps_beyond_limit += tally.beyond_limit;
        sample.stamp_lead_us = sample.stamp_lead_us.max(tally.lead_us);
        sample.stamp_error_us = sample.stamp_error_us.max(tally.error_us);
    }

    fn note_accusations(&mut self, process: &Process) {
        let sample = self.series.len() as u32;
        for (route, _, _) in process.machine.wrong_peers() {
            let Route::Address(address) = route else { continue };
            let Some(accused) = Address::from_socket(*address) else { continue };
            let place = accused.station as usize;
            if !self.addresses.get(place).is_some_and(|address| address.is(accused)) {
                continue;
            }
            let accused = &mut self.accused[place];
            accused.now += 1;
            accused.most = accused.most.max(accused.now);
            accused.first_sample.get_or_insert(sample);
        }
    }

    fn summarise(&mut self, true_ns: i64, elapsed_ns: i64, gathered: Gathered, sample: &mut Sample) {
        let Gathered { in_step, settled, all, sides, stamps, all_stamps, advanced_ns } = gathered;
        let (in_step, all) = (Spread::of(in_step), Spread::of(all));
        sample.skew_ns = in_step.skew();
        sample.p50_ns = in_step.pairwise(0.5);
        sample.p99_ns = in_step.pairwise(0.99);
        sample.lead_ns = in_step.median().map(|median| median.saturating_sub(START_NS + true_ns));
        sample.all_skew_ns = all.skew();
        sample.all_sd_ns = all.sd();
        sample.settled = settled.len() as u32;
        sample.settled_skew_ns = Spread::of(settled).skew();
        sample.stamp_skew_us = Spread::of(stamps).skew();
        sample.all_stamp_skew_us = Spread::of(all_stamps).skew();
        if !advanced_ns.is_empty() && elapsed_ns > 0 {
            let beyond: f64 = advanced_ns.iter().map(|advanced| (advanced - elapsed_ns) as f64).sum();
            sample.common_rate_ppm = Some(beyond / advanced_ns.len() as f64 / elapsed_ns as f64 * 1e6);
        }
        let [near, far] = sides.map(|side| Spread::of(side).median());
        sample.gap_ns = near.zip(far).map(|(near, far)| (far - near).abs());
        let rate = sample.common_rate_ppm.unwrap_or(0.0) * 1e-6;
        let flock = |spread: &Spread| {
            let gate_ns = (3.0 * 1.4826 * spread.mad()? as f64).clamp(50e3, 1e6);
            Some(Flock { at_ns: true_ns, time_ns: spread.median()?, rate, gate_ns })
        };
        self.reference = sample.common_rate_ppm.and_then(|_| flock(&in_step));
        self.flock = flock(&in_step).or_else(|| flock(&all));
    }

    /// How many accuse the most accused faulty member, and how many honest ones are accused.
    fn count_accused(&self, stations: &[Station], sample: &mut Sample) {
        for (accused, station) in self.accused.iter().zip(stations) {
            if station.standing == Standing::Honest {
                sample.honest_accused += u32::from(accused.now > 0);
            } else {
                sample.accusers = sample.accusers.max(accused.now);
            }
        }
    }

    /// Who was called wrong, the most accused first.
    pub(crate) fn named(&self, stations: &[Station], most: usize) -> Vec<Named> {
        let named = self.accused.iter().zip(stations).filter_map(|(accused, station)| {
            Some(Named {
                member: station.address.station,
                standing: station.standing,
                accusers: accused.now,
                accusers_most: accused.most,
                first_sample: accused.first_sample?,
            })
        });
        let mut named: Vec<Named> = named.collect();
        named.sort_by_key(|named| (std::cmp::Reverse(named.accusers_most), named.member));
        named.truncate(most);
        named
    }
}
