//! [`Machine`]: one member, driven from outside.

use std::net::SocketAddr;

use flocktime_core::flocking::{Progress, Step, UtcStep};
use flocktime_core::layout::MAX_NODE;
use flocktime_core::{Discipline, Guidance};

use super::admission::Admission;
use super::cookie::CookieJar;
use super::counters::Counters;
use super::host::Host;
use super::keyring::Keyring;
use super::packet::Kind;
use super::partners::Partners;
use super::peer::Route;
use super::settings::Settings;
use super::table::PeerTable;
use super::utc::Said;
use super::waiting::Waiting;

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
    /// Where UTC lies, less this member's clock, as of the latest round: nanoseconds, lowest and highest.
    pub(super) utc_span_ns: Option<(f64, f64)>,
    /// What this member says of UTC.
    pub(super) utc_said: Option<Said>,
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

impl Machine {
    /// A member that has heard nobody yet; its disciplined clock begins at the OS clock. The first round is due at once.
    ///
    /// Numbers of the control loop that are out of bounds are brought within them: see
    /// [`Tuning::offender`](flocktime_core::flocking::Tuning::offender).
    pub fn new(mut settings: Settings, host: &impl Host) -> Self {
        settings.node &= MAX_NODE;
        settings.tuning = settings.tuning.bounded();
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
            utc_span_ns: None,
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
        let Some((packet, signed)) = self.open(from, datagram) else { return };
        let route = Route::Address(from);
        match self.admit(&route, &packet) {
            Admission::Replayed => self.counters.replayed += 1,
            Admission::Unproven => {
                self.counters.unproven += 1;
                if packet.kind == Kind::Request {
                    self.answer_stranger(from, &packet, received_ns, host, |bytes| send(from, bytes));
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

    /// Own H must not go back. Where it does (a migrated machine, an injected fault) all that was measured with it is void.
    fn watch_oscillator(&mut self, host: &impl Host) -> u64 {
        let now_ns = host.raw_ns();
        if now_ns < self.seen_raw_ns {
            self.counters.backward_raw += 1;
            let reached = |line: Discipline| Discipline {
                h0_ns: now_ns,
                l0_ns: line.at(self.seen_raw_ns),
                y: line.y,
                ..Discipline::default()
            };
            self.discipline = reached(self.discipline);
            // A degraded member shows another line, which would stand still until H is where it was.
            self.guidance.discipline = reached(self.guidance.discipline);
            self.guidance.error_ns = None;
            self.utc_said = None;
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
