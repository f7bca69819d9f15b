//! What a member remembers of another one.

use std::net::SocketAddr;

use flocktime_core::Discipline;
use flocktime_core::flocking::{Exchange, PeerFilter};

use super::packet::{Anchor, Echo, Packet, State};
use super::replay::ReplayWindow;

/// How a peer is reached or recognised: each is remembered once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// By datagrams.
    Address(SocketAddr),
    /// By messages that a service sends anyway, to whom it calls so.
    Label(String),
    /// By messages that come in. The origin is what their sender says of itself, and others could say the same; the nonce is what it
    /// was given first, which nobody else was.
    Caller {
        /// Its stable identity, as it says.
        origin: u64,
        /// What it came back with.
        nonce: u64,
    },
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Label(label) => f.write_str(label),
            Self::Caller { origin, .. } => write!(f, "origin {origin:016x}"),
        }
    }
}

/// So many of the nonces sent to one peer are remembered.
const OPEN: usize = 16;
/// One that went with a message is remembered for so long at least, nanoseconds: as long as an answer may take, if its echo is to
/// prove anything.
const ECHOED_NS: u64 = 2_000_000_000;

/// A nonce and when it left, by own H.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    nonce: u64,
    at_ns: u64,
    answered: bool,
}

/// The latest nonces sent to one peer, answered or not; the oldest makes room.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OpenNonces {
    ring: [Sent; OPEN],
    next: usize,
}

impl OpenNonces {
    /// Returns the nonce that made room; 0: none had to.
    pub(super) fn add(&mut self, nonce: u64, at_ns: u64) -> u64 {
        let oldest = std::mem::replace(&mut self.ring[self.next], Sent { nonce, at_ns, answered: false });
        self.next = (self.next + 1) % OPEN;
        oldest.nonce
    }

    /// The nonce of the latest message once more, where none is old enough to make room: any number of messages may be on their
    /// way at once, and what answers them is to be known as an answer. Which of them it answers cannot be told, so that this
    /// nonce makes no sample any more.
    pub(super) fn share(&mut self, at_ns: u64) -> Option<u64> {
        let oldest = self.ring[self.next];
        let young = at_ns.checked_sub(oldest.at_ns).is_some_and(|age_ns| age_ns < ECHOED_NS);
        if oldest.nonce == 0 || !young {
            return None;
        }
        let latest = &mut self.ring[(self.next + OPEN - 1) % OPEN];
        (latest.at_ns, latest.answered) = (at_ns, true);
        Some(latest.nonce)
    }

    /// All that are remembered.
    pub(super) fn nonces(&self) -> impl Iterator<Item = u64> {
        self.ring.iter().map(|sent| sent.nonce)
    }

    /// When it was sent, if it is open.
    pub(super) fn find(&self, nonce: u64) -> Option<u64> {
        let open = |sent: &&Sent| sent.nonce == nonce && nonce != 0 && !sent.answered;
        self.ring.iter().find(open).map(|sent| sent.at_ns)
    }

    /// Whether it was sent to this peer lately, answered or not: only who receives what this member sends there knows it.
    pub(super) fn sent(&self, nonce: u64) -> bool {
        nonce != 0 && self.ring.iter().any(|sent| sent.nonce == nonce)
    }

    /// The same, and closes it: each nonce makes one sample.
    pub(super) fn close(&mut self, nonce: u64) -> Option<u64> {
        let sent = self.ring.iter_mut().find(|sent| sent.nonce == nonce && nonce != 0 && !sent.answered)?;
        sent.answered = true;
        Some(sent.at_ns)
    }
}

/// What a peer has said and shown since it proved to be there.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) node: u64,
    pub(super) incarnation: u64,
    pub(super) origin: u64,
    pub(super) window: ReplayWindow,
    pub(super) filter: PeerFilter,
    /// Its disciplined clock as it published it last.
    pub(super) published: Discipline,
    pub(super) state: State,
    pub(super) anchor: Option<Anchor>,
    pub(super) since_round: u64,
    pub(super) heard_round: u64,
    pub(super) heard_ns: u64,
    /// What the next packet to it echoes.
    pub(super) latest: Echo,
    /// Rises while it lies outside the gate, falls while it lies inside.
    pub(super) suspicion: u32,
    /// When its oscillator, or this member's, was last found to have jumped.
    pub(super) jumped_round: Option<u64>,
    /// As of the latest round, nanoseconds.
    pub(super) lead_ns: Option<f64>,
    pub(super) lead_error_ns: f64,
    pub(super) voted: bool,
}

/// One peer. `known` is empty until it has proven to be there.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) route: Route,
    pub(super) open: OpenNonces,
    pub(super) known: Option<Known>,
    pub(super) since_round: u64,
    /// How often somebody has proven to be there.
    pub(super) begun: u64,
}

impl Peer {
    pub(super) fn new(route: Route, round: u64) -> Self {
        Self { route, open: OpenNonces::default(), known: None, since_round: round, begun: 0 }
    }

    /// What is known of it, if it still is who it was: one that shows another origin has to begin anew, with no more say than a
    /// newcomer.
    pub(super) fn known_as(&mut self, packet: &Packet) -> Option<&mut Known> {
        let ids = (packet.incarnation, packet.node, packet.origin);
        self.known.as_mut().filter(|known| (known.incarnation, known.node, known.origin) == ids)
    }

    /// Another incarnation has proven to be there: what was known of the former one is void.
    pub(super) fn begin(&mut self, packet: &Packet, round: u64) {
        self.begun += 1;
        self.known = Some(Known {
            node: packet.node,
            incarnation: packet.incarnation,
            origin: packet.origin,
            window: ReplayWindow::since(packet.sequence),
            filter: PeerFilter::new(),
            published: Discipline::default(),
            state: packet.state,
            anchor: None,
            since_round: round,
            heard_round: round,
            heard_ns: 0,
            latest: Echo { nonce: packet.nonce, received_ns: 0 },
            suspicion: self.known.as_ref().map_or(0, |known| known.suspicion),
            jumped_round: None,
            lead_ns: None,
            lead_error_ns: 0.0,
            voted: false,
        });
    }
}

impl Known {
    /// Takes over what a proven packet says, unless a later one was heard.
    pub(super) fn hear(&mut self, packet: &Packet, received_ns: u64, round: u64, round_ns: u64) {
        if packet.sequence < self.window.latest() {
            return; // overtaken: there is newer news
        }
        self.published = Discipline {
            h0_ns: packet.tx_h_ns,
            l0_ns: packet.tx_l_ns,
            y: packet.y,
            s: packet.s,
            u: packet.u,
            // Its next round will decide anew; until then, half a round on average, it slews as it says.
            slew_ns: round_ns,
        };
        self.state = packet.state;
        self.anchor = packet.anchor;
        self.heard_round = round;
        self.heard_ns = received_ns;
        self.latest = Echo { nonce: packet.nonce, received_ns };
    }

    /// Closes an exchange that began at `t0_ns`. `None`: it cannot have been; else whether an oscillator has jumped.
    pub(super) fn measure(&mut self, t0_ns: u64, echo: Echo, packet: &Packet, received_ns: u64) -> Option<bool> {
        let exchange = Exchange { t0: t0_ns, t1: echo.received_ns, t2: packet.tx_h_ns, t3: received_ns };
        let (rate, doubt) = self.filter.rate().map_or((0.0, 250e-6), |rate| (rate.value, 1e-7 + 3.0 * rate.error));
        Some(self.filter.insert(exchange.sample(rate, doubt)?))
    }

    /// Its disciplined clock less one's own, now, and what that may be wrong by, nanoseconds.
    pub(super) fn lead(&self, now_ns: u64, own_ns: i64) -> Option<(f64, f64)> {
        let estimate = self.filter.estimate(now_ns)?;
        let theirs = self.published.at(now_ns.wrapping_add_signed(estimate.offset_ns));
        Some(((i128::from(theirs) - i128::from(own_ns)) as f64, estimate.error_ns))
    }
}
