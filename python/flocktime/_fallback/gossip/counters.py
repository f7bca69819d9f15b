"""What came in and what became of it. Every datagram is counted exactly once as accepted or under one reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from flocktime._fallback.gossip.packet import Refusal


@dataclass(slots=True)
class Counters:
    """Counts since the machine was made. Plain numbers: the machine is driven by one thread."""

    received: int = 0  # datagrams and headers that came in
    accepted: int = 0  # taken: authentic, fresh, from a peer that has proven to be there
    malformed: int = 0  # of a wrong length, or no packet at all
    version: int = 0  # of another major version
    unauthenticated: int = 0  # without a signature, though this member has keys
    unknown_key: int = 0  # signed with a key that this member does not have
    forged: int = 0  # with a wrong signature
    replayed: int = 0  # seen before, or older than what was seen
    unproven: int = 0  # authentic, from a sender that has not proven to be there now: answered at most, never believed
    own: int = 0  # this member's own packets, come back
    own_addresses: int = 0  # addresses among the peers that were found to be this member's own, and are asked no more
    sent: int = 0  # packets of any kind that were sent
    unanswered: int = 0  # answers to unproven requests that were held back: there is a limit for each round
    samples: int = 0  # exchanges completed
    impossible: int = 0  # exchanges that cannot have been
    oscillator_jumps: int = 0  # times that an oscillator, a peer's or this one's, was found to have jumped
    backward_raw: int = 0  # times that this member's own oscillator went back
    rounds: int = 0
    rounds_without_quorum: int = 0
    jumps: int = 0  # of the disciplined clock
    evicted: int = 0  # peers forgotten to make room for others

    def refused(self, refusal: Refusal) -> None:
        if refusal.name in ("length", "magic", "malformed"):
            self.malformed += 1
        else:
            setattr(self, refusal.name, getattr(self, refusal.name) + 1)

    def as_dict(self) -> dict[str, int]:
        return asdict(self)
