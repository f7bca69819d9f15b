//! Headers that may still be replied to, and what replies to strangers have offered.

use std::collections::VecDeque;

use super::packet::Packet;
use super::peer::Route;

/// So many of each are remembered; then the oldest is forgotten.
const WAITING: usize = 1024;
/// Who takes longer to come back has to ask again.
const OFFERED_ROUNDS: u64 = 32;

/// What tells one header from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    incarnation: u64,
    sequence: u64,
    nonce: u64,
}

impl Mark {
    fn of(packet: &Packet) -> Self {
        Self { incarnation: packet.incarnation, sequence: packet.sequence, nonce: packet.nonce }
    }
}

/// A nonce that somebody was given to come back with, and who it said it was.
#[derive(Clone, Copy, Debug)]
struct Offer {
    nonce: u64,
    node: u64,
    incarnation: u64,
    origin: u64,
    sent_ns: u64,
    round: u64,
}

impl Offer {
    fn is_to(&self, packet: &Packet) -> bool {
        (self.node, self.incarnation, self.origin) == (packet.node, packet.incarnation, packet.origin)
    }
}

/// A message has no address that a cookie could be made for: each stranger gets a nonce of its own, so that two who say they are
/// the same one are never taken for each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// Headers of senders who have yet to prove themselves, and when they came.
    strangers: VecDeque<(Mark, u64)>,
    /// Headers that were accepted, and from whom they are.
    accepted: VecDeque<(Mark, Route)>,
    offers: VecDeque<Offer>,
}

fn push<T>(ring: &mut VecDeque<T>, item: T) {
    if ring.len() == WAITING {
        ring.pop_front();
    }
    ring.push_back(item);
}

impl Waiting {
    pub(super) fn add_stranger(&mut self, packet: &Packet, received_ns: u64) {
        push(&mut self.strangers, (Mark::of(packet), received_ns));
    }

    /// When this stranger's header came; it is forgotten then.
    pub(super) fn take_stranger(&mut self, packet: &Packet) -> Option<u64> {
        let mark = Mark::of(packet);
        let place = self.strangers.iter().position(|&(waiting, _)| waiting == mark)?;
        self.strangers.remove(place).map(|(_, received_ns)| received_ns)
    }

    pub(super) fn add_accepted(&mut self, packet: &Packet, route: Route) {
        push(&mut self.accepted, (Mark::of(packet), route));
    }

    /// Whose header this is, if it was accepted lately.
    pub(super) fn find_accepted(&self, packet: &Packet) -> Option<Route> {
        let mark = Mark::of(packet);
        self.accepted.iter().rev().find(|(accepted, _)| *accepted == mark).map(|(_, route)| route.clone())
    }

    pub(super) fn add_offer(&mut self, nonce: u64, packet: &Packet, sent_ns: u64, round: u64) {
        let Packet { node, incarnation, origin, .. } = *packet;
        push(&mut self.offers, Offer { nonce, node, incarnation, origin, sent_ns, round });
    }

    /// When the sender of this packet was given this nonce; nobody else can come with it afterwards.
    pub(super) fn take_offer(&mut self, nonce: u64, packet: &Packet, round: u64) -> Option<u64> {
        let place = self.offers.iter().position(|offer| offer.nonce == nonce && offer.is_to(packet))?;
        let offer = self.offers.remove(place)?;
        (round - offer.round < OFFERED_ROUNDS).then_some(offer.sent_ns)
    }
}
