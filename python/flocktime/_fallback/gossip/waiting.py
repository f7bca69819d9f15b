"""Headers that may still be replied to, and what replies to strangers have offered."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from flocktime._fallback.gossip.packet import Packet
from flocktime._fallback.gossip.peer import Route

#: So many of each are remembered; then the oldest is forgotten.
WAITING: Final = 1024
#: Who takes longer to come back has to ask again.
OFFERED_ROUNDS: Final = 32


class _Mark(NamedTuple):
    """What tells one header from all others."""

    incarnation: int
    sequence: int
    nonce: int


class _Offer(NamedTuple):
    """A nonce that somebody was given to come back with, and who it said it was."""

    nonce: int
    node: int
    incarnation: int
    origin: int
    sent_ns: int
    round: int

    def is_to(self, packet: Packet) -> bool:
        said = (packet.node, packet.incarnation, packet.origin)
        return (self.node, self.incarnation, self.origin) == said


class Waiting:
    """A message has no address that a cookie could be made for: each stranger gets a nonce of its own, so that two who say they
    are the same one are never taken for each other."""

    __slots__ = ("_accepted", "_offers", "_strangers")

    def __init__(self) -> None:
        #: Headers of senders who have yet to prove themselves, and when they came.
        self._strangers: deque[tuple[_Mark, int]] = deque(maxlen=WAITING)
        #: Headers that were accepted, and from whom they are.
        self._accepted: deque[tuple[_Mark, Route]] = deque(maxlen=WAITING)
        self._offers: deque[_Offer] = deque(maxlen=WAITING)

    def add_stranger(self, packet: Packet, received_ns: int) -> None:
        self._strangers.append((_mark(packet), received_ns))

    def take_stranger(self, packet: Packet) -> int | None:
        """When this stranger's header came; it is forgotten then."""
        mark = _mark(packet)
        for place, (waiting, received_ns) in enumerate(self._strangers):
            if waiting == mark:
                del self._strangers[place]
                return received_ns
        return None

    def add_accepted(self, packet: Packet, route: Route) -> None:
        self._accepted.append((_mark(packet), route))

    def find_accepted(self, packet: Packet) -> Route | None:
        """Whose header this is, if it was accepted lately."""
        mark = _mark(packet)
        return next((route for accepted, route in reversed(self._accepted) if accepted == mark), None)

    def add_offer(self, nonce: int, packet: Packet, sent_ns: int, round: int) -> None:
        self._offers.append(_Offer(nonce, packet.node, packet.incarnation, packet.origin, sent_ns, round))

    def take_offer(self, nonce: int, packet: Packet, round: int) -> int | None:
        """When the sender of this packet was given this nonce; nobody else can come with it afterwards."""
        for place, offer in enumerate(self._offers):
            if offer.nonce == nonce and offer.is_to(packet):
                del self._offers[place]
                return offer.sent_ns if round - offer.round < OFFERED_ROUNDS else None
        return None


def _mark(packet: Packet) -> _Mark:
    return _Mark(packet.incarnation, packet.sequence, packet.nonce)
