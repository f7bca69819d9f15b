//! All peers that a member remembers, a bounded number of them.

use std::collections::HashMap;

use super::peer::{Peer, Route};
use super::settings::MAX_PEERS;

/// Peers in the order they were met; found by route.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerTable {
    peers: Vec<Peer>,
    places: HashMap<Route, usize>, // for finding only: its order is random
    /// To whom each nonce that is still open was sent with a message: messages come without an address.
    sent: HashMap<u64, Route>,
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

    /// A packet leaves for a peer with this nonce, or with the one that is returned in its place.
    pub(super) fn send(&mut self, to: &Route, nonce: u64, sent_ns: u64) -> u64 {
        let Some(&place) = self.places.get(to) else { return nonce };
        let open = &mut self.peers[place].open;
        if matches!(to, Route::Address(_)) {
            open.add(nonce, sent_ns);
            return nonce;
        }
        if let Some(shared) = open.share(sent_ns) {
            return shared;
        }
        self.sent.remove(&open.add(nonce, sent_ns));
        self.sent.insert(nonce, to.clone());
        nonce
    }

    /// To whom this nonce was sent with a message.
    pub(super) fn find_sender(&self, echoed: u64) -> Option<Route> {
        self.sent.get(&echoed).cloned()
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
        self.sent.retain(|_, route| self.places.contains_key(route));
    }

    /// Drops all samples: this member's own oscillator is another one now.
    pub(super) fn forget_samples(&mut self) {
        for known in self.peers.iter_mut().filter_map(|peer| peer.known.as_mut()) {
            known.filter = flocktime_core::flocking::PeerFilter::new();
        }
        for peer in &mut self.peers {
            peer.open = super::peer::OpenNonces::default();
        }
        self.sent.clear();
    }

    /// Forgets a peer at once.
    pub(super) fn remove(&mut self, route: &Route) {
        let Some(place) = self.places.remove(route) else { return };
        let gone = self.peers.swap_remove(place);
        for nonce in gone.open.nonces() {
            self.sent.remove(&nonce);
        }
        if let Some(moved) = self.peers.get(place) {
            self.places.insert(moved.route.clone(), place);
        }
    }

    /// Makes room: who never proved to be there goes first, then who was silent longest; whom this member asks itself, last.
    fn evict(&mut self, spared: impl Fn(&Route) -> bool) {
        let heard = |peer: &Peer| (spared(&peer.route), peer.known.as_ref().map_or(0, |known| known.heard_round + 1));
        let Some((_, peer)) = self.peers.iter().enumerate().min_by_key(|&(place, peer)| (heard(peer), place)) else {
            return;
        };
        self.remove(&peer.route.clone());
    }
}
