//! Writing packets.

use std::net::SocketAddr;

use flocktime_core::Timestamp;
use flocktime_core::layout::MAX_NODE;

use super::host::Host;
use super::machine::Machine;
use super::packet::{self, Echo, Kind, MAX_S, MAX_U, MAX_Y, Packet, SIZE};
use super::peer::Route;

impl Machine {
    /// Asks a partner. What it says about the time it leaves is read last.
    pub(super) fn request(&mut self, to: SocketAddr, host: &impl Host, send: &mut impl FnMut(SocketAddr, &[u8])) {
        let route = Route::Address(to);
        self.enter(&route);
        let bytes = self.compose(Kind::Request, &route, host);
        send(to, &bytes);
    }

    /// A packet to a peer of the table, with a nonce that it may echo.
    pub(super) fn compose(&mut self, kind: Kind, to: &Route, host: &impl Host) -> [u8; SIZE] {
        let nonce = host.random().max(1);
        let stamp = self.stamp(to, host);
        let echo = self.table.find(to).and_then(|peer| peer.known.as_ref()).map(|known| known.latest);
        let sent_ns = host.raw_ns();
        let nonce = self.table.send(to, nonce, sent_ns);
        self.write(kind, nonce, echo, stamp, sent_ns, host)
    }

    /// A message that is sent anyway is stamped, whatever the time is. A datagram is not before [`Machine::takes_part`].
    fn stamp(&self, to: &Route, host: &impl Host) -> Option<Timestamp> {
        if matches!(to, Route::Address(_)) && !self.takes_part() { None } else { host.stamp() }
    }

    /// Whether this member's clock gossips. One that has never been synchronised runs on an OS clock that may be years ahead, and a
    /// clock that has once stamped that does not come back: the gossip itself must not make it. An OS clock that a majority agrees
    /// with is none of those.
    pub(super) fn takes_part(&self) -> bool {
        self.progress.joined() || self.os_agrees
    }

    /// Answers a request of somebody who has not proven to be there, without remembering it.
    pub(super) fn answer_stranger(
        &mut self,
        from: SocketAddr,
        request: &Packet,
        received_ns: u64,
        host: &impl Host,
        send: impl FnOnce(&[u8]),
    ) {
        if !self.may_answer() {
            return;
        }
        let route = Route::Address(from);
        let begun = self.table.find(&route).map_or(0, |peer| peer.begun);
        let nonce = self.cookies.nonce(from, request, begun, self.round);
        let echo = Echo { nonce: request.nonce, received_ns };
        let stamp = self.stamp(&route, host);
        let bytes = self.write(Kind::Reply, nonce, Some(echo), stamp, host.raw_ns(), host);
        send(&bytes);
    }

    /// Answers a header of somebody who has not proven to be there; `None`: too many of them. Whoever comes back with its nonce is
    /// who asked, and nobody else: what two say of themselves may be the same.
    pub(super) fn answer_header(&mut self, asked: &Packet, received_ns: u64, host: &impl Host) -> Option<[u8; SIZE]> {
        if !self.may_answer() {
            return None;
        }
        let nonce = host.random().max(1);
        let stamp = host.stamp();
        let sent_ns = host.raw_ns();
        self.waiting.add_offer(nonce, asked, sent_ns, self.round);
        let echo = Echo { nonce: asked.nonce, received_ns };
        Some(self.write(Kind::Reply, nonce, Some(echo), stamp, sent_ns, host))
    }

    /// Whether one more stranger is answered in this round.
    fn may_answer(&mut self) -> bool {
        let left = self.strangers_left.checked_sub(1);
        self.counters.unanswered += u64::from(left.is_none());
        self.strangers_left = left.unwrap_or(0);
        left.is_some()
    }

    fn write(
        &mut self,
        kind: Kind,
        nonce: u64,
        echo: Option<Echo>,
        stamp: Option<Timestamp>,
        sent_ns: u64,
        host: &impl Host,
    ) -> [u8; SIZE] {
        self.settings.node = host.node().unwrap_or(self.settings.node) & MAX_NODE;
        self.sequence += 1;
        self.counters.sent += 1;
        let line = self.discipline;
        let slewing = sent_ns.saturating_sub(line.h0_ns) <= line.slew_ns;
        let slew = |slew: f64, limit: f64| if slewing { slew.clamp(-limit, limit) } else { 0.0 };
        let packet = Packet {
            kind,
            state: self.state(),
            node: self.settings.node,
            incarnation: self.settings.incarnation,
            origin: self.settings.origin,
            sequence: self.sequence,
            nonce,
            tx_h_ns: sent_ns,
            tx_l_ns: line.at(sent_ns),
            y: line.y.clamp(-MAX_Y, MAX_Y),
            s: slew(line.s, MAX_S),
            u: slew(line.u, MAX_U),
            error_ns: self.error_ns(),
            anchor: self.utc_said.map(|said| said.at(sent_ns, line.at(sent_ns))),
            echo,
            synchronised_once: self.progress.joined(),
            stamp: stamp.unwrap_or(Timestamp::MIN),
        };
        #[allow(clippy::expect_used, reason = "each field was bounded above")]
        let mut bytes = packet::encode(&packet).expect("a machine writes only what can be read");
        self.settings.keyring.seal(&mut bytes);
        bytes
    }

    /// What this member may be away from its flock, nanoseconds; all of an hour while it does not know.
    pub(super) fn error_ns(&self) -> u64 {
        const UNKNOWN: u64 = 3_600_000_000_000;
        match &self.last {
            Some(step) if !step.undecided && step.error_ns > 0.0 => (step.error_ns as u64).min(UNKNOWN),
            _ => UNKNOWN,
        }
    }
}
