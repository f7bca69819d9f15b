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
    heard = [known for known in machine.table.known() if known.lead_ns is not None]

    def synchronised(known: Known) -> bool:
        return known.state == State.SYNCHRONISED and known.heard_round - known.since_round >= KNOWN_ROUNDS

    def cold(known: Known) -> bool:
        steers = known.state not in (State.DEGRADED, State.MONITORING)
        fresh = known.state == State.SYNCHRONISED or round - known.heard_round <= HEARD_ROUNDS_MOVING
        return steers and fresh and known.heard_round - known.since_round >= KNOWN_ROUNDS_COLD

    settled = [known for known in heard if synchronised(known)]
    # The others are not far behind: before they are there, those who claim to have been first are not the flock.
    in_step = machine.progress.state == State.SYNCHRONISED and machine.settled_rounds >= SETTLING_ROUNDS
    settled_myself = in_step or machine.progress.state == State.DEGRADED
    everybody = [known for known in heard if cold(known)]
    # Fewer than a third may be wrong, also in what they say of themselves.
    enough = len(settled) >= FEW and 3 * len(settled) > 2 * len(everybody)
    voters = settled if settled_myself or enough else everybody
    chosen: dict[int, Known] = {}
    for known in sorted(voters, key=lambda known: known.heard_ns, reverse=True):  # of equals the one met first
        if len(chosen) < VOTERS:
            chosen.setdefault(known.origin, known)
    for known in chosen.values():
        known.voted = True
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
