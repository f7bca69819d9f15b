//! [`Machine`]: one member, driven from outside.

use std::net::SocketAddr;

use flocktime_core::flocking::{Progress, Step, UtcStep};
use flocktime_core::layout::MAX_NODE;
use flocktime_core::{Discipline, Guidance};

use super::cookie::CookieJar;
use super::counters::Counters;
use super::header::Waiting;
use super::host::Host;
use super::keyring::Keyring;
use super::packet::{Anchor, Kind, Packet};
use super::partners::Partners;
use super::peer::Route;
use super::settings::Settings;
use super::table::PeerTable;

/// So many strangers are answered in a round; an answer is never larger than what it answers.
const STRANGERS: u32 = 256;

/// A member of a flock without its sockets and threads: bytes and readings in, bytes and a discipline out.
///
/// It is driven by one thread: [`Machine::tick`] at [`Machine::due_ns`] or later, [`Machine::receive`] for each datagram.
/// Same calls with the same readings, same bytes out. What it remembers is bounded, whatever comes in.
#[derive(Clone)]
pub struct Machine {
    pub(super) settings: Settings,
    pub(super) table: PeerTable,
    pub(super) partners: Partners,
    pub(super) cookies: CookieJar,
    pub(super) progress: Progress,
    pub(super) discipline: Discipline,
    pub(super) guidance: Guidance,
    pub(super) last: Option<Step>,
    pub(super) utc: UtcStep,
    /// What this member says of UTC.
    pub(super) utc_said: Option<Anchor>,
    pub(super) counters: Counters,
    pub(super) sequence: u64,
    pub(super) round: u64,
    pub(super) next_round_ns: u64,
    /// Whom this round still asks, and when, latest first.
    pub(super) requests: Vec<(u64, SocketAddr)>,
    pub(super) seen_raw_ns: u64,
    pub(super) own_suspicion: u32,
    pub(super) settled_rounds: u32,
    /// Most of the flock lies within the drift limit of this member's OS clock.
    pub(super) os_agrees: bool,
    /// Whether the first who voted were a flock already; `None` before that.
    pub(super) found_flock: Option<bool>,
    pub(super) strangers_left: u32,
    pub(super) waiting: Waiting,
    pub(super) os_before: Option<(u64, i64)>,
}

/// What a packet is to this member.
pub(super) enum Admission {
    /// Fresh, from a sender that has proven to be there.
    Accepted,
    /// Seen before.
    Replayed,
    /// From a sender that has yet to prove that it is there.
    Unproven,
}

impl Machine {
    /// A member that has heard nobody yet; its disciplined clock begins at the OS clock. The first round is due at once.
    pub fn new(mut settings: Settings, host: &impl Host) -> Self {
        settings.node &= MAX_NODE;
        let now_ns = host.raw_ns();
        let discipline = Discipline { h0_ns: now_ns, l0_ns: host.os().wall_ns, ..Discipline::default() };
        let guidance = Guidance { discipline, refuse: settings.refuse_until_ready, ..Guidance::default() };
        Self {
            table: PeerTable::default(),
            partners: Partners::new(settings.view),
            cookies: CookieJar::new(std::array::from_fn(|_| host.random())),
            progress: Progress::default(),
            discipline,
            guidance,
            last: None,
            utc: UtcStep::default(),
            utc_said: None,
            counters: Counters::default(),
            sequence: 0,
            round: 0,
            next_round_ns: now_ns,
            requests: Vec::new(),
            seen_raw_ns: now_ns,
            own_suspicion: 0,
            settled_rounds: 0,
            os_agrees: false,
            found_flock: None,
            strangers_left: STRANGERS,
            waiting: Waiting::default(),
            os_before: None,
            settings,
        }
    }

    /// The addresses that requests may go to; at most [`MAX_PEERS`](super::MAX_PEERS) of them are used.
    pub fn set_peers(&mut self, addresses: &[SocketAddr]) {
        self.partners.set(addresses);
    }

    /// Other keys from now on, for a rotation: first all members get the new key beside the old one, then they sign with it, then the
    /// old one goes.
    pub fn set_keyring(&mut self, keyring: Keyring) {
        self.settings.keyring = keyring;
    }

    /// H at which [`Machine::tick`] has something to do next.
    pub fn due_ns(&self) -> u64 {
        self.requests.last().map_or(self.next_round_ns, |&(at_ns, _)| at_ns.min(self.next_round_ns))
    }

    /// Does what is due: the step of a round, and requests. What is overdue is done once, never caught up with.
    pub fn tick(&mut self, host: &impl Host, send: &mut impl FnMut(SocketAddr, &[u8])) {
        let now_ns = self.watch_oscillator(host);
        if now_ns >= self.next_round_ns {
            self.turn_round(host, now_ns);
        }
        while let Some(&(at_ns, address)) = self.requests.last() {
            if at_ns > now_ns {
                break;
            }
            self.requests.pop();
            self.request(address, host, send);
        }
    }

    fn turn_round(&mut self, host: &impl Host, now_ns: u64) {
        let round_ns = self.settings.tuning.round_ns;
        self.finish_round(host, now_ns);
        self.round += 1;
        self.strangers_left = STRANGERS;
        self.next_round_ns = match self.next_round_ns.checked_add(round_ns) {
            Some(next_ns) if next_ns > now_ns => next_ns,
            _ => now_ns.saturating_add(round_ns), // late, or stopped for a while
        };
        let mut random = || host.random();
        let asked = self.partners.ask(self.round, self.settings.fanout, &mut random);
        // Spread over the round, each at a random moment of its share, so that members do not fall into step.
        let share_ns = round_ns / (asked.len() as u64).max(1);
        self.requests.clear();
        for (place, address) in asked.into_iter().enumerate().rev() {
            let within_ns = random() % share_ns.max(1);
            self.requests.push((now_ns.saturating_add(place as u64 * share_ns + within_ns), address));
        }
    }

    /// Takes a datagram in that came at this H (the kernel's time stamp, where there is one). A request is answered at once.
    pub fn receive(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        received_ns: u64,
        host: &impl Host,
        send: &mut impl FnMut(SocketAddr, &[u8]),
    ) {
        self.counters.received += 1;
        let Some((packet, signed)) = self.open(datagram) else { return };
        let route = Route::Address(from);
        match self.admit(&route, &packet) {
            Admission::Replayed => self.counters.replayed += 1,
            Admission::Unproven => {
                self.counters.unproven += 1;
                if packet.kind == Kind::Request {
                    self.answer_stranger(&route, &packet, received_ns, host, |bytes| send(from, bytes));
                }
            }
            Admission::Accepted => {
                self.accept(&route, &packet, received_ns, signed, host);
                self.partners.answered(from);
                if packet.kind == Kind::Request {
                    let bytes = self.compose(Kind::Reply, &route, host);
                    send(from, &bytes);
                }
            }
        }
    }

    /// Authenticates and decodes; counts what is refused. The flag: it was signed.
    pub(super) fn open(&mut self, bytes: &[u8]) -> Option<(Packet, bool)> {
        let opened = self.settings.keyring.open(bytes);
        let decoded = opened.and_then(|opened| Ok((opened.decode()?, opened.key_id() != 0)));
        let (packet, signed) = decoded.map_err(|refusal| self.counters.refused(refusal)).ok()?;
        if self.is_own(&packet) {
            self.counters.own += 1;
            return None;
        }
        Some((packet, signed))
    }

    pub(super) fn is_own(&self, packet: &Packet) -> bool {
        packet.incarnation == self.settings.incarnation && packet.origin == self.settings.origin
    }

    /// Nothing changes what is known of a peer before it has shown, by an echo of a nonce it was sent, that it is there now: a
    /// recorded packet proves nothing, here or elsewhere, before or after a restart.
    pub(super) fn admit(&mut self, route: &Route, packet: &Packet) -> Admission {
        let round = self.round;
        let echoed = packet.echo.map_or(0, |echo| echo.nonce);
        let peer = self.table.find(route);
        let begun = peer.as_ref().map_or(0, |peer| peer.begun);
        let cookie = || echoed != 0 && self.cookies.made(echoed, route, packet, begun, round);
        let Some(peer) = peer else {
            if !cookie() {
                return Admission::Unproven;
            }
            let (peer, evicted) = self.table.enter(route, round, |route| self.partners.keeps(route));
            peer.begin(packet, round);
            self.counters.evicted += u64::from(evicted);
            return Admission::Accepted;
        };
        // Meant for this member, from somebody who hears it: a packet to another member echoes what that one has sent.
        let sent = peer.open.sent(echoed);
        if let Some(known) = peer.known_as(packet) {
            let mut window = known.window;
            if !window.admit(packet.sequence) {
                return Admission::Replayed;
            }
            if !sent && !cookie() {
                return Admission::Unproven;
            }
            known.window = window;
            return Admission::Accepted;
        }
        if peer.open.find(echoed).is_none() && !cookie() {
            return Admission::Unproven;
        }
        peer.begin(packet, round);
        Admission::Accepted
    }

    pub(super) fn accept(&mut self, route: &Route, packet: &Packet, received_ns: u64, signed: bool, host: &impl Host) {
        self.counters.accepted += 1;
        let (round, round_ns, takes_part) = (self.round, self.settings.tuning.round_ns, self.takes_part());
        let Some(peer) = self.table.find(route) else { return };
        let Some(known) = peer.known.as_mut() else { return };
        if let Some(echo) = packet.echo
            && let Some(t0_ns) = peer.open.close(echo.nonce)
        {
            match known.measure(t0_ns, echo, packet, received_ns) {
                None => self.counters.impossible += 1,
                Some(jumped) => {
                    self.counters.samples += 1;
                    self.counters.oscillator_jumps += u64::from(jumped);
                    known.jumped_round = if jumped { Some(round) } else { known.jumped_round };
                }
            }
        }
        known.hear(packet, received_ns, round, round_ns);
        if packet.stamp.to_u128() != 0 && takes_part {
            host.merge(packet.stamp, signed);
        }
    }

    /// Own H must not go back. Where it does (a migrated machine, an injected fault) all that was measured with it is void.
    fn watch_oscillator(&mut self, host: &impl Host) -> u64 {
        let now_ns = host.raw_ns();
        if now_ns < self.seen_raw_ns {
            self.counters.backward_raw += 1;
            let reached_ns = self.discipline.at(self.seen_raw_ns);
            self.discipline = self.discipline.rebased(now_ns, self.discipline.y, 0.0, 0.0, 0);
            self.discipline.l0_ns = reached_ns;
            self.next_round_ns = now_ns;
            self.requests.clear();
            self.table.forget_samples();
        }
        self.seen_raw_ns = now_ns;
        now_ns
    }

    /// The disciplined clock as it runs now. Evaluated at one instant of H it is what this member takes the time to be.
    pub fn discipline(&self) -> Discipline {
        self.discipline
    }

    /// What this member's clock is to follow. It changes in [`Machine::tick`] only.
    pub fn guidance(&self) -> Guidance {
        self.guidance
    }

    /// The counts so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
