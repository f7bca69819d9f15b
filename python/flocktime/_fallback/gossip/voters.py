"""Who is heard, who votes, and what each says.

A part of ``Machine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flocktime._fallback.flocking import State, Vote
from flocktime._fallback.gossip.peer import Known

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine

#: Where nobody was synchronised before, the configured drift limit holds for so many rounds more, while the others arrive.
SETTLING_ROUNDS: Final = 16
#: Only who was heard within so many rounds votes.
HEARD_ROUNDS: Final = 16
#: Who is still on its way moves too fast for that.
HEARD_ROUNDS_MOVING: Final = 3
#: A synchronised member counts those it has known for so long...
KNOWN_ROUNDS: Final = 10
#: ... and one that is not synchronised yet those it has known for so long, where there are too few of the others.
KNOWN_ROUNDS_COLD: Final = 3
#: Too few of the others.
FEW: Final = 3
#: At most so many vote, those heard last.
VOTERS: Final = 32


def measure_leads(machine: Machine, now_ns: int, own_ns: int) -> None:
    """Where each peer's clock is now."""
    for known in machine.table.known():
        recent = machine.round - known.heard_round <= HEARD_ROUNDS
        lead = known.lead(now_ns, own_ns) if recent else None
        known.lead_ns, known.lead_error_ns = (None, 0.0) if lead is None else lead
        known.voted = False


def choose_voters(machine: Machine) -> list[Known]:
    """Those who vote: the latest heard of those who may, one for each origin."""
    round = machine.round
    known = ((place, peer.known) for place, peer in enumerate(machine.table.peers))
    heard = [(place, each) for place, each in known if each is not None and each.lead_ns is not None]

    def synchronised(known: Known) -> bool:
        return known.state == State.SYNCHRONISED and known.heard_round - known.since_round >= KNOWN_ROUNDS

    def cold(known: Known) -> bool:
        steers = known.state not in (State.DEGRADED, State.MONITORING)
        fresh = known.state == State.SYNCHRONISED or round - known.heard_round <= HEARD_ROUNDS_MOVING
        return steers and fresh and known.heard_round - known.since_round >= KNOWN_ROUNDS_COLD

    settled = [each for each in heard if synchronised(each[1])]
    # The others are not far behind: before they are there, those who claim to have been first are not the flock.
    in_step = machine.progress.state == State.SYNCHRONISED and machine.settled_rounds >= SETTLING_ROUNDS
    settled_myself = in_step or machine.progress.state == State.DEGRADED
    everybody = [each for each in heard if cold(each[1])]
    # Fewer than a third may be wrong, also in what they say of themselves.
    enough = len(settled) >= FEW and 3 * len(settled) > 2 * len(everybody)
    voters = one_of_each(settled if settled_myself or enough else everybody)
    voters.sort(key=lambda each: (-each[1].heard_ns, each[0]))  # of equals the one met first
    chosen = [each for _, each in voters[:VOTERS]]
    for each in chosen:
        each.voted = True
    return chosen


def one_of_each(peers: list[tuple[int, Known]]) -> list[tuple[int, Known]]:
    """Of each origin the peer that has been known longest: who comes later and says it is the same one gets no say in its
    place. With their places, which decide between equals."""
    chosen: dict[int, tuple[int, Known]] = {}
    for place, known in sorted(peers, key=lambda each: (each[1].origin, each[1].since_round, each[0])):
        chosen.setdefault(known.origin, (place, known))
    return list(chosen.values())


def vote(known: Known) -> Vote:
    published, rate = known.published.y, known.filter.rate
    corrected = None if rate is None else rate.value + published + rate.value * published
    assert known.lead_ns is not None, "only who was heard is chosen"
    return Vote(known.lead_ns, known.lead_error_ns, corrected)


def heard(machine: Machine) -> int:
    return sum(machine.round - known.heard_round <= HEARD_ROUNDS for known in machine.table.known())


def are_synchronised(voters: list[Known]) -> bool:
    """Whether most of them, by far, were synchronised before this member came: fewer than a third may be wrong, also in that."""
    return 3 * sum(known.state == State.SYNCHRONISED for known in voters) > 2 * len(voters)
