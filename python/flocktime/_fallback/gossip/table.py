"""All peers that a member remembers, a bounded number of them."""

from __future__ import annotations

from collections.abc import Callable

from flocktime._fallback.flocking import PeerFilter
from flocktime._fallback.gossip.packet import Packet
from flocktime._fallback.gossip.peer import Known, OpenNonces, Peer, Route
from flocktime._fallback.gossip.settings import MAX_PEERS


class PeerTable:
    """Peers in the order they were met; found by route."""

    __slots__ = ("_by_route", "peers")

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self._by_route: dict[Route, Peer] = {}

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

    def find_sender(self, packet: Packet) -> Route | None:
        """The peer that a packet without an address belongs to: one that it was asked for, or that shows the same ids."""

        def asked(peer: Peer) -> bool:
            return packet.echo is not None and peer.open.sent(packet.echo.nonce)

        def same(peer: Peer) -> bool:
            return peer.known is not None and peer.known.node == packet.node

        def origin(peer: Peer) -> bool:
            return peer.known is not None and peer.known.origin == packet.origin

        for fits in (asked, same, origin):
            for peer in self.peers:
                if fits(peer):
                    return peer.route
        return None

    def forget_silent(self, since_round: int, spared: Callable[[Route], bool]) -> None:
        """Forget who was silent since this round, unless it is spared."""

        def stays(peer: Peer) -> bool:
            heard = peer.since_round if peer.known is None else peer.known.heard_round
            return heard >= since_round or spared(peer.route)

        self.peers = [peer for peer in self.peers if stays(peer)]
        self._by_route = {peer.route: peer for peer in self.peers}

    def forget_samples(self) -> None:
        """Drop all samples: this member's own oscillator is another one now."""
        for peer in self.peers:
            peer.open = OpenNonces()
            if peer.known is not None:
                peer.known.filter = PeerFilter()

    def _evict(self, spared: Callable[[Route], bool]) -> None:
        """Make room: who never proved to be there goes first, then who was silent longest; whom this member asks itself, last."""

        def heard(place: int) -> tuple[bool, int]:
            peer = self.peers[place]
            return spared(peer.route), 0 if peer.known is None else peer.known.heard_round + 1

        place = min(range(len(self.peers)), key=heard)
        del self._by_route[self.peers[place].route]
        last = self.peers.pop()
        if place < len(self.peers):
            self.peers[place] = last
