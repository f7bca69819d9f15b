"""All peers that a member remembers, a bounded number of them."""

from __future__ import annotations

from collections.abc import Callable

from flocktime._fallback.flocking import PeerFilter
from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.peer import Known, OpenNonces, Peer, Route
from flocktime._fallback.gossip.settings import MAX_PEERS


class PeerTable:
    """Peers in the order they were met; found by route."""

    __slots__ = ("_by_route", "_sent", "peers")

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self._by_route: dict[Route, Peer] = {}
        #: To whom each nonce that is still open was sent with a message: messages come without an address.
        self._sent: dict[int, Route] = {}

    def find(self, route: Route) -> Peer | None:
        return self._by_route.get(route)

    def known(self) -> list[Known]:
        """Those who have proven to be there."""
        return [peer.known for peer in self.peers if peer.known is not None]

    def enter(self, route: Route, round: int, spared: Callable[[Route], bool]) -> tuple[Peer, bool]:
        """The peer of this route, made if need be. True: another one had to go for it."""
        found = self.find(route)
        if found is not None:
            return found, False
        evicted = len(self.peers) >= MAX_PEERS
        if evicted:
            self._evict(spared)
        peer = self._by_route[route] = Peer(route, round)
        self.peers.append(peer)
        return peer, evicted

    def send(self, to: Route, nonce: int, sent_ns: int) -> int:
        """A packet leaves for a peer with this nonce, or with the one that is returned in its place."""
        peer = self.find(to)
        if peer is None:
            return nonce
        if isinstance(to.to, Address):
            peer.open.add(nonce, sent_ns)
            return nonce
        shared = peer.open.share(sent_ns)
        if shared is not None:
            return shared
        self._sent.pop(peer.open.add(nonce, sent_ns), None)
        self._sent[nonce] = to
        return nonce

    def find_sender(self, echoed: int) -> Route | None:
        """To whom this nonce was sent with a message."""
        return self._sent.get(echoed)

    def forget_silent(self, since_round: int, spared: Callable[[Route], bool]) -> None:
        """Forget who was silent since this round, unless it is spared."""

        def stays(peer: Peer) -> bool:
            heard = peer.since_round if peer.known is None else peer.known.heard_round
            return heard >= since_round or spared(peer.route)

        self.peers = [peer for peer in self.peers if stays(peer)]
        if len(self.peers) < len(self._by_route):
            self._by_route = {peer.route: peer for peer in self.peers}
            self._sent = {nonce: route for nonce, route in self._sent.items() if route in self._by_route}

    def forget_samples(self) -> None:
        """Drop all samples: this member's own oscillator is another one now."""
        for peer in self.peers:
            peer.open = OpenNonces()
            if peer.known is not None:
                peer.known.filter = PeerFilter()
        self._sent.clear()

    def remove(self, route: Route) -> None:
        """Forget a peer at once."""
        gone = self._by_route.pop(route, None)
        if gone is None:
            return
        for nonce in gone.open.nonces():
            self._sent.pop(nonce, None)
        place, last = self.peers.index(gone), self.peers.pop()
        if place < len(self.peers):
            self.peers[place] = last

    def _evict(self, spared: Callable[[Route], bool]) -> None:
        """Make room: who never proved to be there goes first, then who was silent longest; whom this member asks itself, last."""

        def heard(place: int) -> tuple[bool, int]:
            peer = self.peers[place]
            return spared(peer.route), 0 if peer.known is None else peer.known.heard_round + 1

        place = min(range(len(self.peers)), key=heard)
        self.remove(self.peers[place].route)
