//! Who is believed: whether a packet is its sender's own word, of now.

use std::net::SocketAddr;

use super::host::Host;
use super::machine::Machine;
use super::packet::Packet;
use super::peer::{Peer, Route};
use super::voters::HEARD_ROUNDS;

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
    /// Authenticates and decodes; counts what is refused. The flag: it was signed.
    pub(super) fn open(&mut self, from: SocketAddr, bytes: &[u8]) -> Option<(Packet, bool)> {
        let opened = self.settings.keyring.open(bytes);
        let decoded = opened.and_then(|opened| Ok((opened.decode()?, opened.key_id() != 0)));
        let (packet, signed) = decoded.map_err(|refusal| self.counters.refused(refusal)).ok()?;
        if self.is_own(&packet) {
            self.counters.own += 1;
            self.meet_itself(from, &packet);
            return None;
        }
        Some((packet, signed))
    }

    pub(super) fn is_own(&self, packet: &Packet) -> bool {
        packet.incarnation == self.settings.incarnation && packet.origin == self.settings.origin
    }

    /// What was sent to an address has come in from that address, and is this member's own: so it is what others reach it by. A
    /// member that listens everywhere cannot know that before. Not where somebody else has been heard lately: whoever is on the way,
    /// or there, could send anything back.
    fn meet_itself(&mut self, from: SocketAddr, packet: &Packet) {
        let (route, round) = (Route::Address(from), self.round);
        let heard = |peer: &Peer| peer.known.as_ref().is_some_and(|known| round - known.heard_round <= HEARD_ROUNDS);
        let asked = |peer: &mut Peer| peer.open.find(packet.nonce).is_some() && !heard(peer);
        if !self.table.find(&route).is_some_and(asked) {
            return;
        }
        self.counters.own_addresses += 1;
        self.partners.avoid(from, round);
        self.requests.retain(|&(_, address)| address != from);
        self.table.remove(&route);
    }

    /// The peer of this route is remembered from now on; another one may have to go for it.
    pub(super) fn enter(&mut self, route: &Route) {
        let (_, evicted) = self.table.enter(route, self.round, |route| self.partners.keeps(route));
        self.counters.evicted += u64::from(evicted);
    }

    /// Nothing changes what is known of a peer before it has shown, by an echo of a nonce it was sent, that it is there now: a
    /// recorded packet proves nothing, here or elsewhere, before or after a restart. Cookies are for who has an address.
    pub(super) fn admit(&mut self, route: &Route, packet: &Packet) -> Admission {
        let round = self.round;
        let echoed = packet.echo.map_or(0, |echo| echo.nonce);
        let peer = self.table.find(route);
        let (cookies, begun) = (&mut self.cookies, peer.as_ref().map_or(0, |peer| peer.begun));
        let mut cookie = || match route {
            Route::Address(from) => cookies.spend(echoed, *from, packet, begun, round),
            Route::Label(_) | Route::Caller { .. } => false,
        };
        let Some(peer) = peer else {
            if !cookie() {
                return Admission::Unproven;
            }
            self.enter(route);
            if let Some(peer) = self.table.find(route) {
                peer.begin(packet, round);
            }
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
}
