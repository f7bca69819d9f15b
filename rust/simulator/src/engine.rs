//! The event loop: what happens next in true time, and what follows from it.

mod faults;
mod post;

use std::net::SocketAddr;

use flocktime_agent::gossip::keyring::{Key, Keyring};
use twox_hash::XxHash3_64;

use crate::contraction;
use crate::error::Error;
use crate::fault::Standing;
use crate::measure::Judge;
use crate::network::{Cut, Network};
use crate::outcome::Outcome;
use crate::queue::{Address, Letter, Mail, Queue, What};
use crate::random::{Purpose, Seeds};
use crate::results;
use crate::scenario::{Scenario, ns};
use crate::station::{Process, Station};

use post::Outbox;

/// A whole flock under way.
pub(crate) struct Engine<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) seeds: Seeds,
    pub(crate) now_ns: i64,
    pub(crate) stations: Vec<Station>,
    pub(crate) judge: Judge,
    pub(crate) queue: Queue,
    /// Running hash of everything that arrived and every step.
    pub(crate) trace: u64,
    mail: Mail,
    outbox: Outbox,
    network: Network,
    cut: Option<Cut>,
    keyring: Keyring,
    end_ns: i64,
}

/// Simulates a scenario. `progress` hears the share that is done after each sample and says whether to go on.
///
/// The same scenario and seed give the same outcome, to the bit.
///
/// # Errors
///
/// What [`Scenario::check`] says, [`Error::Stopped`], or [`Error::Internal`] for a defect.
pub fn run(scenario: &Scenario, seed: u64, progress: &mut dyn FnMut(f64) -> bool) -> Result<Outcome, Error> {
    scenario.check()?;
    if let Some(overlay) = &scenario.synchronous {
        return contraction::run(scenario, overlay, seed, progress);
    }
    let mut engine = Engine::new(scenario, seed)?;
    engine.schedule();
    while let Some((at_ns, what)) = engine.queue.pop(engine.end_ns) {
        engine.now_ns = at_ns;
        engine.happen(what)?;
        if matches!(what, What::Sample(_)) && !progress(at_ns as f64 / engine.end_ns as f64) {
            return Err(Error::Stopped { at_s: at_ns as f64 / 1e9 });
        }
    }
    Ok(results::outcome(engine))
}

impl<'a> Engine<'a> {
    fn new(scenario: &'a Scenario, seed: u64) -> Result<Self, Error> {
        let seeds = Seeds(seed);
        let defect = |error| Error::Internal(format!("the key of the flock: {error}"));
        let keyring = if scenario.gossip.signed {
            let key = Key::new(1, b"the simulated flock's secret key").map_err(defect)?;
            Keyring::new(1, &[key]).map_err(defect)?
        } else {
            Keyring::without_keys()
        };
        let mut standings = vec![Standing::Honest; scenario.nodes as usize];
        for fault in &scenario.faults {
            for member in fault.members.members(scenario.nodes) {
                let standing = &mut standings[member as usize];
                *standing = fault.kind.standing().max(*standing);
            }
        }
        let station = |(place, &standing): (usize, &Standing)| {
            Station::new(Address { station: place as u32, life: 0 }, 0, &scenario.clocks, seeds, standing)
        };
        let stations: Vec<Station> = standings.iter().enumerate().map(station).collect();
        let cuts = cuts(scenario);
        Ok(Self {
            scenario,
            seeds,
            now_ns: 0,
            judge: Judge::new(stations.len()),
            stations,
            queue: Queue::default(),
            trace: 0,
            mail: Mail::default(),
            outbox: Outbox::default(),
            cut: cuts.first().cloned(),
            network: Network::new(&scenario.network, cuts, seeds),
            keyring,
            end_ns: ns(scenario.seconds),
        })
    }

    fn schedule(&mut self) {
        for (place, fault) in self.scenario.faults.iter().enumerate() {
            self.queue.push(ns(fault.from_s), What::Begin(place as u32));
            if let Some(to_s) = fault.to_s {
                self.queue.push(ns(to_s), What::End(place as u32));
            }
        }
        let within_ns = ns(self.scenario.boot_within_s) as u64;
        for place in 0..self.scenario.nodes {
            let mut random = self.seeds.stream(Purpose::Boot, [place.into(), 0, 0]);
            self.queue.push(random.below(within_ns) as i64, What::Boot(place));
        }
        if let Some(churn) = self.scenario.churn {
            self.queue.push(ns(churn.from_s.max(churn.every_s)), What::Churn(0));
        }
        self.queue.push(ns(self.scenario.sample_every_s), What::Sample(1));
    }

    fn happen(&mut self, what: What) -> Result<(), Error> {
        match what {
            What::Boot(at) => self.boot(at, false),
            What::Wake(at, timer) => self.wake(at, timer)?,
            What::Arrive(place) => self.arrive(place)?,
            What::Talk(at, start) => self.talk(at, start),
            What::Begin(fault) => self.begin(fault),
            What::Strike(fault, count) => self.strike(fault, count),
            What::End(fault) => self.end(fault),
            What::Churn(count) => self.churn(count),
            What::Introduce => self.introduce(),
            What::Sample(count) => {
                self.judge.look(self.now_ns, &mut self.stations, self.cut.as_ref());
                let next_ns = ns(f64::from(count + 1) * self.scenario.sample_every_s);
                self.queue.push(next_ns, What::Sample(count + 1));
            }
        }
        Ok(())
    }

    /// A process starts, in place of the former one if there is one.
    fn boot(&mut self, at: u32, hides: bool) {
        let contacts = self.contacts(at);
        let station = &mut self.stations[at as usize];
        station.boot(self.now_ns, self.scenario, &self.keyring, self.seeds, &contacts, hides);
        station.timer_ns = i64::MAX;
        let start = station.starts;
        self.arm(at);
        self.next_talk(at, start);
    }

    /// Whom a station is told of.
    fn contacts(&self, at: u32) -> Vec<SocketAddr> {
        let others = self.scenario.nodes - 1;
        let place =
            |other: u32| self.stations[(if other < at { other } else { other + 1 }) as usize].address.to_socket();
        if self.scenario.gossip.contacts >= others {
            return (0..others).map(place).collect();
        }
        let mut random = self.seeds.stream(Purpose::Contacts, [at.into(), 0, 0]);
        // A partial shuffle (Fisher and Yates).
        let mut all: Vec<u32> = (0..others).collect();
        for i in 0..self.scenario.gossip.contacts as usize {
            let j = i + random.below((all.len() - i) as u64) as usize;
            all.swap(i, j);
        }
        all[..self.scenario.gossip.contacts as usize].iter().map(|&other| place(other)).collect()
    }

    fn introduce(&mut self) {
        for at in 0..self.scenario.nodes {
            let contacts = self.contacts(at);
            if let Some(process) = self.stations[at as usize].process.as_deref_mut() {
                process.machine.set_peers(&contacts);
            }
        }
    }

    fn wake(&mut self, at: u32, timer: u32) -> Result<(), Error> {
        let now_ns = self.now_ns;
        let station = &mut self.stations[at as usize];
        if station.timer != timer {
            return Ok(());
        }
        station.timer_ns = i64::MAX;
        let h_ns = station.oscillator.at(now_ns);
        let Some(process) = station.process.as_deref() else { return Ok(()) };
        let went_back = process.driven.is_some_and(|(driven_ns, _)| h_ns < driven_ns);
        if station.paused_until_ns <= now_ns && (h_ns >= process.machine.due_ns() || went_back) {
            self.drive(at, None)?;
        }
        self.arm(at);
        Ok(())
    }

    /// Lets the process look at the world now: at a letter, or at the time.
    fn drive(&mut self, at: u32, letter: Option<&Letter>) -> Result<(), Error> {
        let now_ns = self.now_ns;
        let station = &mut self.stations[at as usize];
        let (h_ns, os) = station.read(now_ns);
        let Some(process) = station.process.as_deref_mut() else { return Ok(()) };
        process.world.set(h_ns, os, self.judge.expected(now_ns, station.standing, process));
        let (before_ns, joined) = (process.shown_at(h_ns), process.machine.guidance().in_force);
        let Process { machine, world, .. } = process;
        let outbox = &mut self.outbox;
        let send = &mut |to: SocketAddr, bytes: &[u8]| outbox.put(to, bytes);
        match letter {
            Some(letter) => {
                let received_ns = letter.received_ns.unwrap_or(h_ns);
                machine.receive(letter.from.to_socket(), letter.body(), received_ns, world, send);
            }
            None => machine.tick(world, send),
        }
        if letter.is_none() {
            if !process.publish() {
                return Err(Error::Internal(format!("two threads steer member {at}")));
            }
            let mut line = [0; 48];
            for (chunk, word) in line.chunks_exact_mut(8).zip(process.discipline().to_words()) {
                chunk.copy_from_slice(&word.to_le_bytes());
            }
            self.trace = XxHash3_64::oneshot_with_seed(self.trace ^ now_ns as u64, &line);
        }
        self.judge.drove(now_ns, station.standing, process, h_ns, before_ns, joined);
        self.post(at)
    }

    /// Sets the timer of a station to what its process waits for.
    fn arm(&mut self, at: u32) {
        let now_ns = self.now_ns;
        let station = &mut self.stations[at as usize];
        let Some(process) = station.process.as_deref() else { return };
        let due_ns = station.oscillator.when(process.machine.due_ns(), now_ns);
        let when_ns = due_ns.max(station.paused_until_ns).max(now_ns + i64::from(process.driven.is_some()));
        if when_ns < station.timer_ns {
            station.timer_ns = when_ns;
            station.timer = station.timer.wrapping_add(1);
            self.queue.push(when_ns, What::Wake(at, station.timer));
        }
    }
}

fn cuts(scenario: &Scenario) -> Vec<Cut> {
    let cut = |partition: &crate::scenario::Partition| {
        let mut far = vec![false; scenario.nodes as usize];
        for member in partition.members.members(scenario.nodes) {
            far[member as usize] = true;
        }
        Cut { from_ns: ns(partition.from_s), to_ns: ns(partition.to_s), far }
    };
    scenario.partitions.iter().map(cut).collect()
}
