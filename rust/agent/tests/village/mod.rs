//! A few machines and a network between them, in one thread and in no time: what the tests of the machine live in. The
//! simulator is the large one.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod insider;
mod member;
pub mod messages;
mod random;
mod surroundings;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use flocktime_agent::gossip::keyring::{Key, Keyring};
use flocktime_agent::gossip::packet::{Packet, encode};
use flocktime_agent::gossip::{Machine, PeerReport, Settings};
use flocktime_core::flocking::State;

pub use insider::Insider;
pub use member::Member;
pub use random::Random;
pub use surroundings::Surroundings;

pub const SECOND: u64 = 1_000_000_000;
pub const START_NS: i64 = 1_700_000_000 * SECOND as i64;
/// From now to about 2051.
pub const TO_2051_NS: i64 = 27 * 31_557_600 * SECOND as i64;
/// Half the drift limit of a flock that is in step, nanoseconds: who is farther away for three rounds is degraded.
const FAR_NS: i64 = 2_500_000;
/// Members are looked after so often.
const STEP_NS: u64 = 1_000_000;

/// Changes what a member says, before it is signed again: to whom, and at which true time.
pub type Bend = Box<dyn FnMut(&mut Packet, SocketAddr, u64)>;
/// Whether what one member sends to another gets lost.
pub type Cut = Box<dyn Fn(usize, usize) -> bool>;

pub struct Village {
    pub members: Vec<Member>,
    pub now_ns: u64,
    pub random: Random,
    pub seed: u64,
    /// What is on its way: when, sequence, from, to.
    mail: BTreeMap<(u64, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    sequence: u64,
    /// Everything that was ever delivered.
    pub log: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    pub keep_log: bool,
    /// The share of datagrams that get lost, and of those that come twice.
    pub lost: f64,
    pub doubled: f64,
    pub cut: Option<Cut>,
    pub keyring: Keyring,
}

/// Says what to repeat.
impl Drop for Village {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("village of {}: {}", self.members.len(), self.told());
        }
    }
}

pub fn address(place: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, (place >> 8) as u8, place as u8], 7000))
}

pub fn keyring() -> Keyring {
    Keyring::new(1, &[Key::new(1, &[7; 32]).unwrap()]).unwrap()
}

/// OS clocks that lie up to 200 ms off, each somewhere else.
pub fn scattered(count: usize) -> Vec<i64> {
    (0..count as i64).map(|place| (place * 7919 % 400 - 200) * 1_000_000).collect()
}

impl Village {
    /// Members with these OS offsets, nanoseconds; rates by chance within ±50 ppm.
    pub fn new(offsets_ns: &[i64], seed: u64, change: impl Fn(usize, &mut Settings)) -> Self {
        let random = Random::new(seed);
        let count = offsets_ns.len();
        let members = offsets_ns.iter().enumerate().map(|(place, &offset)| {
            let host = Surroundings::new(offset, &random);
            let mut settings = Settings::new(place as u64 + 1, random.next(), place as u64 + 100);
            settings.keyring = keyring();
            change(place, &mut settings);
            let machine = Machine::new(settings, &host);
            let peers: Vec<_> = (0..count).filter(|&other| other != place).map(address).collect();
            let address = address(place);
            Member {
                machine,
                host,
                address,
                running: true,
                bend: None,
                may_fall: false,
                fell_ns: 0,
                peers,
                shown: None,
            }
        });
        let members = members.collect();
        let mut village = Self {
            members,
            now_ns: 0,
            random,
            seed,
            mail: BTreeMap::new(),
            sequence: 0,
            log: Vec::new(),
            keep_log: false,
            lost: 0.0,
            doubled: 0.0,
            cut: None,
            keyring: keyring(),
        };
        for member in &mut village.members {
            member.machine.set_peers(&member.peers.clone());
        }
        village
    }

    /// For a message: which run this is, and when in it.
    pub fn told(&self) -> String {
        format!("seed {}, at {:.3} s", self.seed, self.now_ns as f64 / 1e9)
    }

    /// Lets so much true time pass. A member whose stamps would follow something that runs backward ends it.
    pub fn run(&mut self, seconds: f64) {
        let until = self.now_ns + (seconds * 1e9) as u64;
        while self.now_ns < until {
            self.now_ns = (self.now_ns + STEP_NS).min(until);
            self.deliver();
            for place in 0..self.members.len() {
                self.watch(place);
                self.look_after(place);
                self.watch(place);
            }
        }
    }

    fn look_after(&mut self, place: usize) {
        let member = &mut self.members[place];
        member.host.true_ns.set(self.now_ns);
        if !member.running || member.host.raw() < member.machine.due_ns() && !member.host.went_back() {
            return;
        }
        let mut out = Vec::new();
        member.machine.tick(&member.host, &mut |to, bytes: &[u8]| out.push((to, bytes.to_vec())));
        for (to, bytes) in out {
            self.post(self.now_ns, place, to, bytes);
        }
    }

    /// Once in force, what its stamps follow never runs backward; but who finds itself far ahead of its flock is brought back at once.
    fn watch(&mut self, place: usize) {
        let (told, now_ns) = (self.told(), self.now_ns);
        let member = &mut self.members[place];
        member.host.true_ns.set(now_ns);
        if !member.running || !member.machine.guidance().in_force {
            member.shown = None;
            return;
        }
        let shown = member.machine.guidance().discipline.at(member.host.raw());
        let before = member.shown.replace(shown);
        let fell_ns = before.map_or(0, |before| before - shown);
        member.fell_ns = member.fell_ns.max(fell_ns);
        let brought_back = member.machine.state() == State::Degraded && fell_ns > FAR_NS;
        let may_fall = member.may_fall || brought_back;
        assert!(fell_ns <= 0 || may_fall, "member {place} fell by {fell_ns} ns to {shown}; {told}");
    }

    /// A member sends: its words are bent, if they are to be, and the network does what it does.
    pub fn post(&mut self, at_ns: u64, from: usize, to: SocketAddr, bytes: Vec<u8>) {
        let bytes = self.bent(at_ns, from, to, bytes);
        let target = self.place_of(to);
        if self.cut.as_ref().is_some_and(|cut| target.is_some_and(|target| cut(from, target))) {
            return;
        }
        let copies = 1 + usize::from(self.random.unit() < self.doubled);
        for _ in 0..copies {
            if self.random.unit() >= self.lost {
                let spike = if self.random.unit() < 0.01 { self.random.exponential(5e6) } else { 0.0 };
                let delay = 100e3 + self.random.exponential(100e3) + spike;
                self.sequence += 1;
                self.mail.insert((at_ns + delay as u64, self.sequence), (address(from), to, bytes.clone()));
            }
        }
    }

    fn bent(&mut self, at_ns: u64, from: usize, to: SocketAddr, bytes: Vec<u8>) -> Vec<u8> {
        let Some(bend) = self.members[from].bend.as_mut() else { return bytes };
        let mut packet = self.keyring.open(&bytes).unwrap().decode().unwrap();
        bend(&mut packet, to, at_ns);
        seal(&self.keyring, &packet)
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.mail.first_entry() {
            if entry.key().0 > self.now_ns {
                break;
            }
            let at_ns = entry.key().0;
            let (from, to, bytes) = entry.remove();
            if self.keep_log {
                self.log.push((from, to, bytes.clone()));
            }
            self.hand_over(at_ns, from, to, &bytes);
        }
    }

    /// Gives a datagram to a member as if it had come at this time; how many answers it sent.
    pub fn hand_over(&mut self, at_ns: u64, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> usize {
        let answers = self.answers(at_ns, from, to, bytes);
        let count = answers.len();
        if let Some(place) = self.place_of(to) {
            for (back, bytes) in answers {
                self.post(at_ns, place, back, bytes);
            }
        }
        count
    }

    /// The same, and keeps the answers from the network.
    pub fn answers(
        &mut self,
        at_ns: u64,
        from: SocketAddr,
        to: SocketAddr,
        bytes: &[u8],
    ) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut out = Vec::new();
        let Some(place) = self.place_of(to).filter(|&place| self.members[place].running) else { return out };
        let member = &mut self.members[place];
        member.host.true_ns.set(at_ns);
        let received = member.host.raw();
        member
            .machine
            .receive(from, bytes, received, &member.host, &mut |to, bytes: &[u8]| out.push((to, bytes.to_vec())));
        member.host.true_ns.set(self.now_ns);
        out
    }

    /// Stops a member's process and starts another one in its place, with another incarnation and what else is changed.
    pub fn restart(&mut self, place: usize, change: impl FnOnce(&mut Settings)) {
        let incarnation = self.random.next();
        let member = &mut self.members[place];
        member.host.true_ns.set(self.now_ns);
        let mut settings = member.machine.settings().clone();
        settings.incarnation = incarnation;
        change(&mut settings);
        member.machine = Machine::new(settings, &member.host);
        member.machine.set_peers(&member.peers);
        (member.running, member.shown) = (true, None);
    }

    /// Tells everybody of everybody.
    pub fn introduce(&mut self) {
        let count = self.members.len();
        for place in 0..count {
            let peers: Vec<_> = (0..count).filter(|&other| other != place).map(address).collect();
            self.members[place].machine.set_peers(&peers);
            self.members[place].peers = peers;
        }
    }

    fn place_of(&self, to: SocketAddr) -> Option<usize> {
        let SocketAddr::V4(v4) = to else { return None };
        let [_, _, high, low] = v4.ip().octets();
        Some(usize::from(high) << 8 | usize::from(low))
            .filter(|&place| place < self.members.len() && address(place) == to)
    }

    /// How far a member's stamps are from its own disciplined clock, nanoseconds: zero unless it is degraded.
    pub fn shift_ns(&self, place: usize) -> i64 {
        let member = &self.members[place];
        member.stamp_error_ns() - member.error_ns()
    }

    pub fn state(&self, place: usize) -> State {
        self.members[place].machine.state()
    }

    pub fn states(&self) -> Vec<State> {
        (0..self.members.len()).map(|place| self.state(place)).collect()
    }

    pub fn all(&self, places: impl IntoIterator<Item = usize>, state: State) -> bool {
        places.into_iter().all(|place| self.state(place) == state)
    }

    /// How `place` sees `other`.
    pub fn sees(&self, place: usize, other: usize) -> Option<PeerReport> {
        let node = self.members[other].machine.settings().node;
        self.members[place].report().peers.into_iter().find(|peer| peer.node == Some(node))
    }

    /// Largest difference between any two of these members' clocks, nanoseconds.
    pub fn skew_ns(&self, places: impl IntoIterator<Item = usize>) -> i64 {
        spread(places.into_iter().map(|place| self.error_ns(place)))
    }

    /// The same for what their stamps follow.
    pub fn stamp_skew_ns(&self, places: impl IntoIterator<Item = usize>) -> i64 {
        spread(places.into_iter().map(|place| {
            self.members[place].host.true_ns.set(self.now_ns);
            self.members[place].stamp_error_ns()
        }))
    }

    /// Lets time pass and returns the largest skew at any tenth of a second of it.
    pub fn worst_skew_ns(&mut self, seconds: f64, places: &[usize]) -> i64 {
        let mut worst = 0;
        for _ in 0..(seconds * 10.0) as u64 {
            self.run(0.1);
            worst = worst.max(self.skew_ns(places.iter().copied()));
        }
        worst
    }

    pub fn error_ns(&self, place: usize) -> i64 {
        self.members[place].host.true_ns.set(self.now_ns);
        self.members[place].error_ns()
    }
}

fn spread(errors: impl Iterator<Item = i64>) -> i64 {
    let errors: Vec<i64> = errors.collect();
    errors.iter().max().unwrap() - errors.iter().min().unwrap()
}

/// The datagram of a packet.
pub fn seal(keyring: &Keyring, packet: &Packet) -> Vec<u8> {
    let mut bytes = encode(packet).unwrap();
    keyring.seal(&mut bytes);
    bytes.to_vec()
}
