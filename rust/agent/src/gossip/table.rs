//! All peers that a member remembers, a bounded number of them.

use std::collections::HashMap;

use super::packet::Packet;
use super::peer::{Peer, Route};
use super::settings::MAX_PEERS;

/// Peers in the order they were met; found by route.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerTable {
    peers: Vec<Peer>,
    places: HashMap<Route, usize>, // for finding only: its order is random
}

impl PeerTable {
    pub(super) fn find(&mut self, route: &Route) -> Option<&mut Peer> {
        self.places.get(route).map(|&place| &mut self.peers[place])
    }

    /// The peer of this route, made if need be. True: another one had to go for it.
    pub(super) fn enter(&mut self, route: &Route, round: u64, spared: impl Fn(&Route) -> bool) -> (&mut Peer, bool) {
        if let Some(&place) = self.places.get(route) {
            return (&mut self.peers[place], false);
        }
        let evicted = self.peers.len() >= MAX_PEERS;
        if evicted {
            self.evict(spared);
        }
        self.places.insert(route.clone(), self.peers.len());
        self.peers.push(Peer::new(route.clone(), round));
        let last = self.peers.len() - 1;
        (&mut self.peers[last], evicted)
    }

    /// The peer that a packet without an address belongs to: one that it was asked for, or that shows the same ids.
    pub(super) fn find_sender(&self, packet: &Packet) -> Option<Route> {
        let asked = |peer: &Peer| packet.echo.is_some_and(|echo| peer.open.sent(echo.nonce));
        let same = |peer: &Peer| peer.known.as_ref().is_some_and(|known| known.node == packet.node);
        let origin = |peer: &Peer| peer.known.as_ref().is_some_and(|known| known.origin == packet.origin);
        let found = self.peers.iter().find(|peer| asked(peer));
        let found = found.or_else(|| self.peers.iter().find(|peer| same(peer)));
        let found = found.or_else(|| self.peers.iter().find(|peer| origin(peer)));
        found.map(|peer| peer.route.clone())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.peers.iter_mut()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Peer> {
        self.peers.get(place)
    }

    pub(super) fn mark_voted(&mut self, place: usize) {
        if let Some(known) = self.peers.get_mut(place).and_then(|peer| peer.known.as_mut()) {
            known.voted = true;
        }
    }

    /// Forgets who was silent since this round, unless it is spared.
    pub(super) fn forget_silent(&mut self, since_round: u64, spared: impl Fn(&Route) -> bool) {
        let stays = |peer: &Peer| {
            let heard = peer.known.as_ref().map_or(peer.since_round, |known| known.heard_round);
            heard >= since_round || spared(&peer.route)
        };
        if self.peers.iter().all(stays) {
            return;
        }
        self.peers.retain(stays);
        self.places = self.peers.iter().enumerate().map(|(place, peer)| (peer.route.clone(), place)).collect();
    }

    /// Drops all samples: this member's own oscillator is another one now.
    pub(super) fn forget_samples(&mut self) {
        for known in self.peers.iter_mut().filter_map(|peer| peer.known.as_mut()) {
            known.filter = flocktime_core::flocking::PeerFilter::new();
        }
        for peer in &mut self.peers {
            peer.open = super::peer::OpenNonces::default();
        }
    }

    /// Makes room: who never proved to be there goes first, then who was silent longest; whom this member asks itself, last.
    fn evict(&mut self, spared: impl Fn(&Route) -> bool) {
        let heard = |peer: &Peer| (spared(&peer.route), peer.known.as_ref().map_or(0, |known| known.heard_round + 1));
        let Some((place, _)) = self.peers.iter().enumerate().min_by_key(|&(place, peer)| (heard(peer), place)) else {
            return;
        };
        let gone = self.peers.swap_remove(place);
        self.places.remove(&gone.route);
        if let Some(moved) = self.peers.get(place) {
            self.places.insert(moved.route.clone(), place);
        }
    }
}
