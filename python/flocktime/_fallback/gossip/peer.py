"""What a member remembers of another one."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from flocktime._fallback.arithmetic import wrapped_u64
from flocktime._fallback.discipline import Discipline
from flocktime._fallback.flocking import Exchange, PeerFilter
from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.packet import Anchor, Echo, Packet
from flocktime._fallback.gossip.replay import ReplayWindow


class Route(NamedTuple):
    """How a peer is reached or recognised: each is remembered once."""

    #: address: by datagrams; label: to whom a service calls so; caller: by messages that come in. Of a caller the origin is what
    #: it says of itself, and others could say the same; the nonce is what it was given first, which nobody else was.
    kind: str
    to: Address | str | tuple[int, int]

    def order(self) -> tuple[int, Address | str | tuple[int, int]]:
        """A key that sorts routes: addresses first, then labels, then callers."""
        return ("address", "label", "caller").index(self.kind), self.to

    def __str__(self) -> str:
        return f"origin {self.to[0]:016x}" if self.kind == "caller" else str(self.to)


def by_address(address: Address) -> Route:
    return Route("address", address)


def by_label(label: str) -> Route:
    return Route("label", label)


def by_caller(origin: int, nonce: int) -> Route:
    return Route("caller", (origin, nonce))


#: So many of the nonces sent to one peer are remembered.
OPEN: Final = 16
#: One that went with a message is remembered for so long at least, nanoseconds: as long as an answer may take, if its echo is to
#: prove anything.
ECHOED_NS: Final = 2_000_000_000


class _Sent(NamedTuple):
    """A nonce and when it left, by own H."""

    nonce: int
    at_ns: int
    answered: bool


class OpenNonces:
    """The latest nonces sent to one peer, answered or not; the oldest makes room."""

    __slots__ = ("_ring",)

    def __init__(self) -> None:
        self._ring: deque[_Sent] = deque(maxlen=OPEN)

    def add(self, nonce: int, at_ns: int) -> int:
        """Returns the nonce that made room; 0: none had to."""
        oldest = self._ring[0].nonce if len(self._ring) == OPEN else 0
        self._ring.append(_Sent(nonce, at_ns, False))
        return oldest

    def share(self, at_ns: int) -> int | None:
        """The nonce of the latest message once more, where none is old enough to make room: any number of messages may be on
        their way at once, and what answers them is to be known as an answer. Which of them it answers cannot be told, so that
        this nonce makes no sample any more."""
        if len(self._ring) < OPEN or not 0 <= at_ns - self._ring[0].at_ns < ECHOED_NS:
            return None
        latest = self._ring[-1] = _Sent(self._ring[-1].nonce, at_ns, True)
        return latest.nonce

    def nonces(self) -> list[int]:
        """All that are remembered."""
        return [sent.nonce for sent in self._ring]

    def find(self, nonce: int) -> int | None:
        """When it was sent, if it is open."""
        return next((sent.at_ns for sent in self._ring if sent.nonce == nonce and not sent.answered), None)

    def sent(self, nonce: int) -> bool:
        """Whether it was sent to this peer lately, answered or not: only who receives what this member sends there knows it."""
        return any(sent.nonce == nonce for sent in self._ring)

    def close(self, nonce: int) -> int | None:
        """The same as ``find``, and closes it: each nonce makes one sample."""
        for place, sent in enumerate(self._ring):
            if sent.nonce == nonce and not sent.answered:
                self._ring[place] = sent._replace(answered=True)
                return sent.at_ns
        return None


class Known:
    """What a peer has said and shown since it proved to be there."""

    __slots__ = (
        "anchor", "filter", "heard_ns", "heard_round", "incarnation", "jumped_round", "latest", "lead_error_ns",
        "lead_ns", "node", "origin", "published", "since_round", "state", "suspicion", "voted", "window",
    )  # fmt: skip

    def __init__(self, packet: Packet, round: int, suspicion: int) -> None:
        self.node = packet.node
        self.incarnation = packet.incarnation
        self.origin = packet.origin
        self.window = ReplayWindow.since(packet.sequence)
        self.filter = PeerFilter()
        self.published = Discipline()  # its disciplined clock as it published it last
        self.state = packet.state
        self.anchor: Anchor | None = None
        self.since_round = round
        self.heard_round = round
        self.heard_ns = 0
        self.latest = Echo(packet.nonce, 0)  # what the next packet to it echoes
        self.suspicion = suspicion  # rises while it lies outside the gate, falls while it lies inside
        self.jumped_round: int | None = None  # when its oscillator, or this member's, was last found to have jumped
        # As of the latest round, nanoseconds.
        self.lead_ns: float | None = None
        self.lead_error_ns = 0.0
        self.voted = False

    def hear(self, packet: Packet, received_ns: int, round: int, round_ns: int) -> None:
        """Take over what a proven packet says, unless a later one was heard."""
        if packet.sequence < self.window.latest:
            return  # overtaken: there is newer news
        # Its next round will decide anew; until then, half a round on average, it slews as it says.
        self.published = Discipline(packet.tx_h_ns, packet.tx_l_ns, packet.y, packet.s, packet.u, round_ns)
        self.state = packet.state
        self.anchor = packet.anchor
        self.heard_round = round
        self.heard_ns = received_ns
        self.latest = Echo(packet.nonce, received_ns)

    def measure(self, t0_ns: int, echo: Echo, packet: Packet, received_ns: int) -> bool | None:
        """Close an exchange that began at ``t0_ns``. ``None``: it cannot have been; else whether an oscillator has jumped."""
        exchange = Exchange(t0_ns, echo.received_ns, packet.tx_h_ns, received_ns)
        rate = self.filter.rate
        sample = exchange.sample(0.0, 250e-6) if rate is None else exchange.sample(rate.value, 1e-7 + 3.0 * rate.error)
        return None if sample is None else self.filter.insert(sample)

    def lead(self, now_ns: int, own_ns: int) -> tuple[float, float] | None:
        """Its disciplined clock less one's own, now, and what that may be wrong by, nanoseconds."""
        estimate = self.filter.estimate(now_ns)
        if estimate is None:
            return None
        theirs = self.published.at(wrapped_u64(now_ns + estimate.offset_ns))
        return float(theirs - own_ns), estimate.error_ns


class Peer:
    """One peer. ``known`` is empty until it has proven to be there."""

    __slots__ = ("begun", "known", "open", "route", "since_round")

    def __init__(self, route: Route, round: int) -> None:
        self.route = route
        self.open = OpenNonces()
        self.known: Known | None = None
        self.since_round = round
        self.begun = 0  # how often somebody has proven to be there

    def known_as(self, packet: Packet) -> Known | None:
        """What is known of it, if it still is who it was: one that shows another origin has to begin anew, with no more say than
        a newcomer."""
        known, ids = self.known, (packet.incarnation, packet.node, packet.origin)
        same = known is not None and (known.incarnation, known.node, known.origin) == ids
        return known if same else None

    def begin(self, packet: Packet, round: int) -> None:
        """Another incarnation has proven to be there: what was known of the former one is void."""
        self.begun += 1
        self.known = Known(packet, round, 0 if self.known is None else self.known.suspicion)
