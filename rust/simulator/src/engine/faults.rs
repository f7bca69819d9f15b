//! What goes wrong, when it is time for it; and who comes and goes.

use super::Engine;
use crate::fault::{Kind, Standing};
use crate::os_clock::OsClock;
use crate::queue::{Address, What};
use crate::random::Purpose;
use crate::scenario::ns;
use crate::station::Station;

impl Engine<'_> {
    pub(super) fn begin(&mut self, place: u32) {
        let scenario = self.scenario;
        let fault = &scenario.faults[place as usize];
        let now_ns = self.now_ns;
        for at in fault.members.members(scenario.nodes) {
            let station = &mut self.stations[at as usize];
            match &fault.kind {
                Kind::OsSet { offset_s } => {
                    let h_ns = station.oscillator.at(now_ns);
                    station.os_clock = OsClock::free(now_ns, h_ns, ns(*offset_s));
                }
                Kind::Rate { ppm } => station.oscillator.add_rate(now_ns, *ppm),
                Kind::Pause => station.paused_until_ns = fault.to_s.map_or(i64::MAX, ns),
                Kind::Restart => station.process = None,
                Kind::Step { .. } | Kind::Freeze { .. } => {}
                _ => station.lie = Some(place),
            }
        }
        match fault.kind {
            Kind::Step { .. } | Kind::Freeze { .. } => self.strike(place, 0),
            Kind::CrashLoop { every_s, .. } => self.queue.push(now_ns + ns(every_s), What::Strike(place, 0)),
            _ => {}
        }
    }

    /// Once more, if the fault still lasts.
    pub(super) fn strike(&mut self, place: u32, count: u32) {
        let scenario = self.scenario;
        let fault = &scenario.faults[place as usize];
        let now_ns = self.now_ns;
        if fault.to_s.is_some_and(|to_s| now_ns >= ns(to_s)) {
            return;
        }
        for at in fault.members.members(scenario.nodes) {
            let station = &mut self.stations[at as usize];
            match &fault.kind {
                Kind::Step { by_s, same_way, .. } => {
                    let ahead = *same_way || count.is_multiple_of(2);
                    station.oscillator.step(now_ns, if ahead { ns(*by_s) } else { -ns(*by_s) });
                }
                Kind::Freeze { for_s, .. } => station.oscillator.freeze(now_ns, ns(*for_s)),
                Kind::CrashLoop { .. } => self.boot(at, true),
                _ => {}
            }
        }
        let every_s = match fault.kind {
            Kind::Step { every_s, .. } | Kind::CrashLoop { every_s, .. } => Some(every_s),
            Kind::Freeze { every_s, .. } => every_s,
            _ => None,
        };
        if let Some(every_s) = every_s {
            self.queue.push(now_ns + ns(every_s), What::Strike(place, count.wrapping_add(1)));
        }
    }

    pub(super) fn end(&mut self, place: u32) {
        let scenario = self.scenario;
        let fault = &scenario.faults[place as usize];
        for at in fault.members.members(scenario.nodes) {
            match fault.kind {
                Kind::Restart => self.boot(at, false),
                Kind::Rate { .. } => self.stations[at as usize].oscillator.add_rate(self.now_ns, 0.0),
                Kind::OsSet { .. } => {
                    let station = &mut self.stations[at as usize];
                    let h_ns = station.oscillator.at(self.now_ns);
                    station.os_clock = OsClock::free(self.now_ns, h_ns, 0);
                }
                _ => {
                    let lie = &mut self.stations[at as usize].lie;
                    *lie = lie.filter(|&lie| lie != place);
                }
            }
        }
    }

    /// Some honest members make room for new ones, with hardware and an address of their own.
    pub(super) fn churn(&mut self, count: u32) {
        let Some(churn) = self.scenario.churn else { return };
        let mut honest: Vec<u32> =
            (0..self.scenario.nodes).filter(|&at| self.stations[at as usize].standing == Standing::Honest).collect();
        let replaced = ((churn.share * f64::from(self.scenario.nodes)).round() as usize).min(honest.len());
        let mut random = self.seeds.stream(Purpose::Churn, [count.into(), 0, 0]);
        for i in 0..replaced {
            let j = i + random.below((honest.len() - i) as u64) as usize;
            honest.swap(i, j);
            let at = honest[i];
            let old = &self.stations[at as usize];
            let address = Address { station: at, life: old.address.life.wrapping_add(1) };
            // Letters and timers of the former member must not mean the new one.
            let (timer, starts) = (old.timer, old.starts);
            let fresh = Station::new(address, self.now_ns, &self.scenario.clocks, self.seeds, Standing::Honest);
            self.stations[at as usize] = Station { timer, starts, ..fresh };
        }
        for &at in &honest[..replaced] {
            self.boot(at, false);
        }
        self.judge.totals.replaced += replaced as u64;
        self.queue.push(self.now_ns + ns(churn.known_after_s), What::Introduce);
        self.queue.push(self.now_ns + ns(churn.every_s), What::Churn(count.wrapping_add(1)));
    }
}
