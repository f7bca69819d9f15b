//! Letters: gossip and messages of applications, from sending to arrival.

use std::net::SocketAddr;

use flocktime_agent::gossip::packet::MAX_SIZE;
use flocktime_core::flocking::State;
use flocktime_core::{ClockError, TimeSource, Timestamp};
use twox_hash::XxHash3_64;

use super::Engine;
use crate::error::Error;
use crate::fault::Standing;
use crate::liar::{self, Knowledge, Lie};
use crate::queue::{Address, Letter, ROOM, What};
use crate::random::Purpose;
use crate::scenario::ns;

/// So many datagrams wait for a stopped process, as in a socket's buffer.
const WAITING: u32 = 256;

/// What a machine sends during one call. Its room is used again.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    letters: Vec<(SocketAddr, u16, [u8; ROOM])>,
    used: usize,
}

impl Outbox {
    pub(super) fn put(&mut self, to: SocketAddr, bytes: &[u8]) {
        if self.used == self.letters.len() {
            self.letters.push((to, 0, [0; ROOM]));
        }
        let letter = &mut self.letters[self.used];
        // Longer ones show as an impossible length.
        let kept = bytes.len().min(ROOM);
        (letter.0, letter.1) = (to, bytes.len().min(u16::MAX.into()) as u16);
        letter.2[..kept].copy_from_slice(&bytes[..kept]);
        self.used += 1;
    }
}

impl Engine<'_> {
    /// Sends what the machine at this station has put into the outbox.
    pub(super) fn post(&mut self, at: u32) -> Result<(), Error> {
        for place in 0..std::mem::take(&mut self.outbox.used) {
            let (to, length, mut bytes) = self.outbox.letters[place];
            if usize::from(length) > MAX_SIZE {
                return Err(Error::Internal(format!("member {at} sends {length} bytes, more than {MAX_SIZE}")));
            }
            let Some(to) = Address::from_socket(to).filter(|to| to.station < self.scenario.nodes) else {
                return Err(Error::Internal(format!("member {at} sends to {to}, which nobody told it")));
            };
            if let Some(lie) = self.lie(at, to.station) {
                let told = lie.rewrite(&bytes[..length.into()], &self.keyring);
                let told = told.map_err(|refusal| Error::Internal(format!("a lie of member {at}: {refusal}")))?;
                bytes[..told.len()].copy_from_slice(&told);
            }
            let from = self.stations[at as usize].address;
            self.judge.totals.datagrams += 1;
            self.judge.totals.bytes += u64::from(length);
            self.judge.totals.largest = self.judge.totals.largest.max(length.into());
            self.send(&Letter { from, to, gossip: true, length, received_ns: None, bytes });
        }
        Ok(())
    }

    fn send(&mut self, letter: &Letter) {
        let purpose = if letter.gossip { Purpose::Delay } else { Purpose::TrafficDelay };
        let fate = self.network.fate(purpose, self.now_ns, letter.from.station, letter.to.station);
        for arrival_ns in fate.arrivals.into_iter().flatten() {
            let place = self.mail.keep(letter);
            // Applications talk over connections, which see to that.
            if let Some(damage) = fate.damage.filter(|_| letter.gossip) {
                let bit = (u64::from(damage) * u64::from(letter.length) * 8) >> 32;
                self.mail.look(place).bytes[bit as usize / 8] ^= 1 << (bit % 8);
            }
            self.queue.push(arrival_ns, What::Arrive(place));
        }
    }

    /// What a liar says to this receiver now; `None` from honest members.
    fn lie(&mut self, at: u32, receiver: u32) -> Option<Lie> {
        let fault = &self.scenario.faults[self.stations[at as usize].lie? as usize];
        let flock = self.judge.flock?;
        let now_ns = self.now_ns;
        let mut time_of = |place: u32| {
            let station = &mut self.stations[place as usize];
            let h_ns = station.oscillator.at(now_ns);
            station.process.as_deref().map(|process| process.time_at(h_ns))
        };
        let (own_ns, receiver_ns) = (time_of(at)?, time_of(receiver));
        let flock_ns = flock.time_at(now_ns);
        let configured_us = (self.scenario.gossip.max_drift_ms * 1e3) as u64;
        let limit = self.stations[receiver as usize].process.as_deref();
        let limit_us = limit.and_then(|process| process.world.clock().source().max_drift_us(Some(configured_us)));
        let known = Knowledge {
            lying_s: (now_ns - ns(fault.from_s)) as f64 / 1e9,
            own_ns,
            flock_ns,
            gate_ns: flock.gate_ns,
            receiver,
            receiver_ns: receiver_ns.unwrap_or(flock_ns),
            receiver_limit_us: limit_us.unwrap_or(configured_us),
        };
        Some(liar::lie(&fault.kind, &known))
    }

    pub(super) fn arrive(&mut self, place: u32) -> Result<(), Error> {
        let letter = *self.mail.look(place);
        let at = letter.to.station;
        let station = &mut self.stations[at as usize];
        if station.process.is_none() || !letter.to.is(station.address) {
            self.mail.free(place);
            self.judge.totals.unreachable += u64::from(letter.gossip);
            return Ok(());
        }
        if station.paused_until_ns > self.now_ns {
            self.wait(at, place);
            return Ok(());
        }
        station.waiting = 0;
        self.mail.free(place);
        if !letter.gossip {
            self.hear(at, &letter);
            return Ok(());
        }
        self.judge.totals.delivered += 1;
        self.trace =
            XxHash3_64::oneshot_with_seed(self.trace ^ self.now_ns as u64 ^ u64::from(at) << 48, letter.body());
        self.drive(at, Some(&letter))?;
        self.arm(at);
        Ok(())
    }

    /// The process is stopped; its socket keeps what it has room for, with the time of arrival.
    fn wait(&mut self, at: u32, place: u32) {
        let station = &mut self.stations[at as usize];
        if station.waiting == WAITING {
            self.mail.free(place);
            self.judge.totals.overflowed += 1;
            return;
        }
        station.waiting += 1;
        let h_ns = station.oscillator.at(self.now_ns);
        let letter = self.mail.look(place);
        letter.received_ns = letter.received_ns.or(Some(h_ns));
        self.queue.push(station.paused_until_ns, What::Arrive(place));
    }

    pub(super) fn next_talk(&mut self, at: u32, start: u32) {
        let rate = self.scenario.traffic.messages_per_s;
        if rate > 0.0 && self.scenario.nodes > 1 {
            let pause_s = self.stations[at as usize].traffic.exponential(1.0 / rate);
            self.queue.push(self.now_ns + ns(pause_s).max(1), What::Talk(at, start));
        }
    }

    /// The application sends a stamped message to somebody.
    pub(super) fn talk(&mut self, at: u32, start: u32) {
        let now_ns = self.now_ns;
        let station = &mut self.stations[at as usize];
        if station.starts != start {
            return;
        }
        if station.process.is_some() && station.paused_until_ns <= now_ns {
            let other = station.traffic.below(u64::from(self.scenario.nodes) - 1) as u32;
            let to = if other < at { other } else { other + 1 };
            if let Some(stamp) = self.stamp(at) {
                let told = self.lie(at, to).map_or(stamp, |lie| lie.stamp(stamp));
                let mut bytes = [0; ROOM];
                bytes[..16].copy_from_slice(&told.to_be_bytes());
                let [from, to] = [at, to].map(|place| self.stations[place as usize].address);
                self.judge.totals.messages += 1;
                self.send(&Letter { from, to, gossip: false, length: 16, received_ns: None, bytes });
            }
        }
        self.next_talk(at, start);
    }

    fn stamp(&mut self, at: u32) -> Option<Timestamp> {
        let station = &mut self.stations[at as usize];
        let (h_ns, os) = station.read(self.now_ns);
        let process = station.process.as_deref()?;
        process.world.set(h_ns, os, self.judge.expected(self.now_ns, station.standing, process));
        process.world.now()
    }

    /// The application takes a message in.
    fn hear(&mut self, at: u32, letter: &Letter) {
        let Some(remote) = letter.body().first_chunk().map(|bytes| Timestamp::from_be_bytes(*bytes)) else { return };
        let sender = &self.stations[letter.from.station as usize];
        let sender_joined = sender.process.as_deref().is_some_and(|process| process.joined_ns.is_some());
        let sender_standing = sender.standing;
        let station = &mut self.stations[at as usize];
        let (h_ns, os) = station.read(self.now_ns);
        let Some(process) = station.process.as_deref() else { return };
        process.world.set(h_ns, os, self.judge.expected(self.now_ns, station.standing, process));
        let refused = matches!(process.world.update(remote, false), Err(ClockError::Drift { .. }));
        if refused && station.standing == Standing::Honest && process.machine.state() == State::Synchronised {
            let totals = &mut self.judge.totals;
            *match (sender_standing, sender_joined) {
                (Standing::Honest, true) => &mut totals.refused_honest,
                (Standing::Honest, false) => &mut totals.refused_joining,
                (Standing::Troubled, _) => &mut totals.refused_troubled,
                (Standing::Faulty, _) => &mut totals.refused_faulty,
            } += 1;
        }
    }
}
