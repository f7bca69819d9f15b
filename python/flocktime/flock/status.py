"""What a flock says about itself: plain numbers for people, metrics and JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["FlockState", "FlockStatus", "PeerStatus", "StateChange", "Suspect", "UtcEstimate"]

FlockState = Literal[
    "alone", "joining", "undecided", "synchronised", "degraded", "monitoring", "detached", "stopped", "failed"
]
Verdict = Literal["silent", "listening", "good", "wrong"]


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One peer as this member sees it. Offsets are the peer's clock less this member's: positive is ahead.

    Attributes:
        name: its address, the label it is called by, or the origin it shows.
        node: its node id, ``None`` before it has proven to be there.
        state: what it says of itself, likewise.
        offset_us: its disciplined clock less this member's; ``None`` while that is not known.
        error_us: what that may be wrong by: half the round-trip delay of the sample in use, and what it has aged.
        delay_us: the least round-trip delay among the samples kept.
        rate_ppm: how much faster its oscillator runs than this member's; ``None`` while that is not known well enough.
        voted: it had a vote in the latest round.
        verdict: ``"good"``; ``"wrong"``: outside the flock's gate for ten rounds by more than the measurement explains;
            ``"listening"``: heard, with no vote yet; ``"silent"``: not heard lately, or never.
        silent_rounds: rounds since it was heard.
        oscillator_jumps: times that its oscillator, or this member's, was found to have jumped.
    """

    name: str
    node: int | None
    origin: int | None
    state: FlockState | None
    offset_us: float | None
    error_us: float | None
    delay_us: float | None
    rate_ppm: float | None
    voted: bool
    verdict: Verdict
    silent_rounds: int
    oscillator_jumps: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A peer that is called wrong, with the numbers: how far its clock lies from this member's, positive is ahead."""

    name: str
    node: int
    offset_us: float | None

    def __str__(self) -> str:
        if self.offset_us is None:
            return f"{self.name} (node {self.node:012x}), not heard lately"
        return f"{self.name} (node {self.node:012x}) is {self.offset_us / 1e6:+.6f} s off"


@dataclass(frozen=True, slots=True)
class UtcEstimate:
    """Where UTC is, as most members whose OS clock is synchronised say: UTC less the flock's time."""

    offset_us: float
    error_us: float


@dataclass(frozen=True, slots=True)
class StateChange:
    """A change of a flock's state, or of whom it calls wrong.

    Attributes:
        serial: counts up from 1; a gap means that changes came faster than they were handed out.
        state: the state from now on.
        wrong: the peers that are called wrong from now on.
    """

    serial: int
    state: FlockState
    wrong: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True)
class FlockStatus:
    """A member of a flock at one instant.

    Attributes:
        state: ``"alone"``: nobody was heard lately; ``"joining"``; ``"undecided"``: too few, or too divided, to tell who is
            right, see ``apart``; ``"synchronised"``: within a millisecond of the flock for ten rounds; ``"degraded"``: far
            from a quorum, so stamps follow the flock; ``"monitoring"``: measures and never steers; ``"detached"``: a forked
            child, where nothing runs; ``"stopped"``; ``"failed"``: its thread has ended, see ``io["failure"]``.
        steering: the clock follows the flock. Before the first synchronisation it follows the OS clock.
        address: where it listens, ``None`` without a socket.
        name: this member's name.
        node: the node id of its clock. epoch: the epoch that its clock stamps in.
        origin: what its vote hangs on, from its name; ``None`` in a forked child.
        max_drift_us: how far apart clocks may be that come together by themselves, see ``apart``.
        time_us: what its clock's source shows, microseconds since 1970; ``None`` where ``now()`` raises ``NotReady``.
        ahead_us: how far the clock's stamps lead that: more than the drift limit means that stamps of a future were taken.
        round: rounds since the start.
        offset_us: the flock's mean less this member's clock, as of the latest round.
        error_us: what this member may be away from its flock; ``None`` while it does not know.
        rate_ppm: the rate correction in force. slew_ppm, utc_slew_ppm: the slews in force.
        os_offset_us: the OS clock less the flock's time.
        utc: UTC less the flock's time, as most anchors have it; ``None`` without anchors.
        voters: peers that voted in the latest round. quorum: three or more, most of them close together.
        gate_us: how far from the middle a vote may lie.
        suspects_itself: this member, or the OS clock beneath it, is the odd one out.
        peers: all peers that it remembers, in the order they were met.
        counters: what came in and what became of it, from ``received`` to ``jumps``.
        io: datagrams and bytes, the latest error of the network, whether the kernel stamps arrivals.
        names: names that peers were given by, with what they resolved to.
        peers_error: why the latest call of a callable ``peers`` failed; ``None`` if it did not.
        replaced_by: the process of another member that has published on the host's page since this one was stopped for a while:
            the processes of the host follow that one. ``None``: nobody has taken its place there.
    """

    state: FlockState
    steering: bool
    address: str | None
    name: str
    node: int
    epoch: int = 0
    origin: int | None = None
    max_drift_us: float = 500_000.0
    time_us: int | None = None
    ahead_us: int = 0
    round: int = 0
    offset_us: float | None = None
    error_us: float | None = None
    rate_ppm: float = 0.0
    slew_ppm: float = 0.0
    utc_slew_ppm: float = 0.0
    os_offset_us: float | None = None
    utc: UtcEstimate | None = None
    voters: int = 0
    quorum: bool = False
    gate_us: float | None = None
    suspects_itself: bool = False
    peers: tuple[PeerStatus, ...] = ()
    counters: dict[str, int] = field(default_factory=dict)
    io: dict[str, Any] = field(default_factory=dict)
    names: tuple[dict[str, Any], ...] = ()
    peers_error: str | None = None
    replaced_by: int | None = None

    @property
    def wrong(self) -> tuple[Suspect, ...]:
        """The peers that are called wrong, and by how much."""
        return tuple(
            Suspect(peer.name, peer.node, peer.offset_us)
            for peer in self.peers
            if peer.verdict == "wrong" and peer.node is not None
        )

    @property
    def namesakes(self) -> tuple[str, ...]:
        """Peers heard lately that show this member's own origin: they were given its name, and together they have one vote."""
        return tuple(
            peer.name
            for peer in self.peers
            if self.origin is not None and peer.origin == self.origin and peer.verdict != "silent"
        )

    def apart(self, limit_us: float | None = None) -> tuple[Suspect, ...]:
        """The peers that lie farther away than this, else than ``max_drift_us``: with whom an ``"undecided"`` member cannot
        agree.
        """
        limit = self.max_drift_us if limit_us is None else limit_us
        return tuple(
            Suspect(peer.name, peer.node, peer.offset_us)
            for peer in self.peers
            if peer.node is not None and peer.offset_us is not None and abs(peer.offset_us) > limit
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain dictionaries, lists, numbers and strings, for JSON."""
        plain = asdict(self)
        plain["wrong"] = [asdict(suspect) for suspect in self.wrong]
        plain["namesakes"] = list(self.namesakes)
        return plain
