//! A place where a member runs: its hardware, and the process on it, if there is one.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use flocktime_agent::gossip::keyring::Keyring;
use flocktime_agent::gossip::{Machine, OsTime, Settings};
use flocktime_core::{Discipline, Steering};

use crate::fault::Standing;
use crate::os_clock::{Ntp, OsClock};
use crate::oscillator::{Oscillator, Wander};
use crate::queue::Address;
use crate::random::{Purpose, Seeds, Stream};
use crate::scenario::{Clocks, Scenario, ns};
use crate::world::World;

const PORT: u16 = 4747;
/// The station's bits of an address; the others are its life.
const STATION_BITS: u32 = 15;
const LIFE_MASK: u32 = (1 << (24 - STATION_BITS)) - 1;

impl Address {
    /// As members see it: 10.x.y.z.
    pub(crate) fn to_socket(self) -> SocketAddr {
        let host = (self.life & LIFE_MASK) << STATION_BITS | self.station;
        SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::from_bits(10 << 24 | host), PORT))
    }

    /// The inverse, for addresses that were made so.
    pub(crate) fn from_socket(address: SocketAddr) -> Option<Self> {
        let SocketAddr::V4(address) = address else { return None };
        let host = address.ip().to_bits() & 0x00FF_FFFF;
        Some(Self { station: host & ((1 << STATION_BITS) - 1), life: host >> STATION_BITS })
    }

    /// Whether this is where letters to `other` go.
    pub(crate) fn is(self, other: Self) -> bool {
        self.station == other.station && self.life & LIFE_MASK == other.life & LIFE_MASK
    }
}

/// One running process: the real machine and the real clock in a simulated world.
pub(crate) struct Process {
    /// The member.
    pub(crate) machine: Machine,
    /// What it sees.
    pub(crate) world: World,
    steering: Arc<Steering>,
    /// True time of its start.
    pub(crate) started_ns: i64,
    /// True time of its first synchronisation.
    pub(crate) joined_ns: Option<i64>,
    /// The latest H at which it was driven, and what it showed there.
    pub(crate) driven: Option<(u64, i64)>,
}

impl Process {
    /// L at this H.
    pub(crate) fn time_at(&self, h_ns: u64) -> i64 {
        self.machine.discipline().at(h_ns)
    }

    /// What its clock follows at this H: L, or the flock's time while L is far from that.
    pub(crate) fn shown_at(&self, h_ns: u64) -> i64 {
        self.machine.guidance().discipline.at(h_ns)
    }

    /// Lets the clock follow what the machine has decided. False: two threads steer, which cannot be here.
    pub(crate) fn publish(&self) -> bool {
        self.steering.publish(&self.machine.guidance())
    }

    /// Whether it has followed measured rates for long enough: newcomers are counted from then on.
    pub(crate) fn knows_rates(&self) -> bool {
        self.machine.rate_settled()
    }

    /// The line that its clock runs along.
    pub(crate) fn discipline(&self) -> Discipline {
        self.machine.discipline()
    }
}

/// One place.
pub(crate) struct Station {
    /// Where it can be reached.
    pub(crate) address: Address,
    /// Its counter.
    pub(crate) oscillator: Oscillator,
    /// What its operating system shows.
    pub(crate) os_clock: OsClock,
    /// What runs on it.
    pub(crate) process: Option<Box<Process>>,
    /// How it is judged.
    pub(crate) standing: Standing,
    /// The lie it tells now: a fault's number.
    pub(crate) lie: Option<u32>,
    /// Its process is stopped until then.
    pub(crate) paused_until_ns: i64,
    /// Letters that wait for that.
    pub(crate) waiting: u32,
    /// The latest timer; earlier ones are void.
    pub(crate) timer: u32,
    /// When that is due.
    pub(crate) timer_ns: i64,
    /// Which process this is here.
    pub(crate) starts: u32,
    /// Draws of its application.
    pub(crate) traffic: Stream,
}

impl Station {
    /// New hardware.
    pub(crate) fn new(address: Address, true_ns: i64, clocks: &Clocks, seeds: Seeds, standing: Standing) -> Self {
        let which = [address.station.into(), address.life.into(), 0];
        let mut random = seeds.stream(Purpose::Oscillator, which);
        let rate = random.normal(clocks.rate_sd_ppm).clamp(-clocks.rate_max_ppm, clocks.rate_max_ppm);
        // Up for an hour to a month.
        let up_ns = 3_600_000_000_000 + random.below(30 * 86_400_000_000_000);
        let wander =
            Wander { ppm: clocks.wander_ppm, every_ns: ns(clocks.wander_every_s), most_ppm: clocks.rate_max_ppm };
        let mut oscillator = Oscillator::new(up_ns, rate, wander, random);
        let h_ns = oscillator.at(true_ns);
        let mut random = seeds.stream(Purpose::OsClock, which);
        let os_clock = if address.station < clocks.ntp_members {
            let sd_ns = clocks.ntp_sd_ms * 1e6;
            let offset_ns = random.normal(sd_ns).clamp(-4.0 * sd_ns, 4.0 * sd_ns) as i64;
            OsClock::kept(Ntp { offset_ns, error_ns: (4.0 * sd_ns) as u64 })
        } else {
            OsClock::free(true_ns, h_ns, random.normal(clocks.offset_sd_ms * 1e6) as i64)
        };
        Self {
            address,
            oscillator,
            os_clock,
            process: None,
            standing,
            lie: None,
            paused_until_ns: i64::MIN,
            waiting: 0,
            timer: 0,
            timer_ns: i64::MAX,
            starts: 0,
            traffic: seeds.stream(Purpose::Traffic, which),
        }
    }

    /// Starts a process. Its address stays; so does its origin, unless it `hides`.
    pub(crate) fn boot(
        &mut self,
        true_ns: i64,
        scenario: &Scenario,
        keyring: &Keyring,
        seeds: Seeds,
        contacts: &[SocketAddr],
        hides: bool,
    ) {
        self.starts += 1;
        let life = [self.address.station.into(), self.address.life.into(), 0];
        let start = [life[0], life[1], self.starts.into()];
        let mut ids = seeds.stream(Purpose::Identity, start);
        let origin = if hides { ids.word() } else { seeds.word(Purpose::Identity, life) };
        let node = ids.word() >> 16;
        let steering = Arc::new(Steering::new());
        let max_drift_ns = scenario.gossip.max_drift_ms * 1e6;
        let random = seeds.stream(Purpose::Machine, start);
        let world = World::new(Arc::clone(&steering), node, (max_drift_ns / 1e3) as u64, random);
        let (h_ns, os) = self.read(true_ns);
        world.set(h_ns, os, None);
        let settings = Settings {
            keyring: keyring.clone(),
            fanout: scenario.gossip.fanout as usize,
            view: scenario.gossip.view as usize,
            steer: scenario.gossip.steer,
            tuning: scenario.gossip.tuning(),
            ..Settings::new(node, ids.word(), origin)
        };
        let mut machine = Machine::new(settings, &world);
        machine.set_peers(contacts);
        let process = Process { machine, world, steering, started_ns: true_ns, joined_ns: None, driven: None };
        self.process = Some(Box::new(process));
    }

    /// Counter and OS clock at this instant.
    pub(crate) fn read(&mut self, true_ns: i64) -> (u64, OsTime) {
        let h_ns = self.oscillator.at(true_ns);
        (h_ns, self.os_clock.read(true_ns, h_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every station and life has an address of its own, up to the number of lives that fit.
    #[test]
    fn addresses_come_back() {
        for (station, life) in [(0, 0), (19_999, 0), (19_999, LIFE_MASK), (1, 7)] {
            let address = Address { station, life };
            assert_eq!(Address::from_socket(address.to_socket()), Some(address));
        }
        assert!(Address { station: 3, life: LIFE_MASK + 1 }.is(Address { station: 3, life: 0 }));
        assert!(!Address { station: 3, life: 1 }.is(Address { station: 3, life: 0 }));
    }
}
