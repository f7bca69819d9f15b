"""Whose wall clock is wrong? What the inversions of a log say about it, and where they say nothing.

An edge from an event of A to an event of B says that B's event was later. If the wall clocks show it earlier by ``x``,
then A's clock is ahead of B's by more than ``x``: a lower bound. An edge the other way bounds the offset from above.
One pair cannot tell *who* is wrong; a process that is on the same wrong side of most inversions can.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flocktime.cli.replay.recording import Why

if TYPE_CHECKING:
    from flocktime.cli.replay.engine import Replayed

Pair = tuple[str, str]


@dataclass(slots=True)
class _Edges:
    """The edges from one process to another: how many are inverted, how many of those are responses, and the smallest
    difference of their wall times.
    """

    smallest_us: int
    inverted: int = 0
    responses: int = 0


@dataclass(frozen=True, slots=True)
class Suspect:
    """One process on one side of inversions: ahead (its causes are dated too late) or behind (its effects too early).

    Attributes:
        explained: how many inversions between processes it takes part in on that side.
        partner: the process that it differs from most.
        at_least_us: by how much they differ at least.
        at_most_us: and at most; ``None`` where no edge runs the other way.
        only_responses: whether all of that is drawn from responses. Some servers end their span after the answer has
            left, which looks the same.
    """

    process: str
    ahead: bool
    explained: int
    partner: str
    at_least_us: int
    at_most_us: int | None
    only_responses: bool


@dataclass(slots=True)
class Suspicion:
    """What the wall times of one log give away.

    ``named`` holds one suspect, or both of two when nothing tells them apart; it is empty where none is evident.
    """

    timed: bool
    between: int = 0
    within: int = 0
    pairs: int = 0
    named: list[Suspect] = field(default_factory=list)
    largest: Suspect | None = None


def suspicion(replayed: Replayed) -> Suspicion:
    """Find the process whose clock explains most of what the wall clocks got wrong."""
    found = Suspicion(timed=replayed.recording.timed)
    if not found.timed:
        return found
    edges = _by_pair(replayed)
    found.within = sum(seen.inverted for (cause, effect), seen in edges.items() if cause == effect)
    wrong = {pair: seen for pair, seen in edges.items() if pair[0] != pair[1] and seen.inverted}
    found.between = sum(seen.inverted for seen in wrong.values())
    found.pairs = len(wrong)
    sides: dict[tuple[str, bool], list[Pair]] = defaultdict(list)
    for cause, effect in wrong:
        sides[cause, True].append((cause, effect))
        sides[effect, False].append((cause, effect))
    suspects = sorted(
        (_suspect(process, ahead, pairs, edges) for (process, ahead), pairs in sides.items()),
        key=lambda suspect: (-suspect.explained, -suspect.at_least_us, suspect.ahead, suspect.process),
    )
    if suspects:
        found.largest = max(suspects, key=lambda suspect: suspect.at_least_us)
        best = [suspect for suspect in suspects if suspect.explained == suspects[0].explained]
        if 2 * suspects[0].explained > found.between and len(best) <= 2:
            found.named = best
    return found


def _by_pair(replayed: Replayed) -> dict[Pair, _Edges]:
    found: dict[Pair, _Edges] = {}
    for link in replayed.recording.links:
        cause, effect = replayed.events[link.cause], replayed.events[link.effect]
        if cause.wall_us is None or effect.wall_us is None:
            continue
        difference = effect.wall_us - cause.wall_us
        seen = found.setdefault((cause.process, effect.process), _Edges(difference))
        if difference < 0:
            seen.inverted += 1
            seen.responses += link.why is Why.RESPONSE
        seen.smallest_us = min(seen.smallest_us, difference)
    return found


def _suspect(process: str, ahead: bool, pairs: list[Pair], edges: dict[Pair, _Edges]) -> Suspect:
    worst = min(pairs, key=lambda pair: (edges[pair].smallest_us, pair))
    back = edges.get(worst[::-1])
    explained = sum(edges[pair].inverted for pair in pairs)
    return Suspect(
        process=process,
        ahead=ahead,
        explained=explained,
        partner=worst[1] if ahead else worst[0],
        at_least_us=-edges[worst].smallest_us,
        at_most_us=None if back is None else back.smallest_us,
        only_responses=explained == sum(edges[pair].responses for pair in pairs),
    )


def in_words(found: Suspicion) -> str:
    """The same as one sentence."""
    if not found.timed:
        return "no wall times in this log, so no clock to suspect"
    inside = f"; {found.within} within one process, where no offset explains them" if found.within else ""
    if not found.between:
        return f"no wrong clock evident: no inversion between processes{inside}"
    if not found.named:
        assert found.largest is not None  # there are inversions
        return (
            f"no single wrong clock evident: {_inversions(found.between)} between processes over {found.pairs} pairs, "
            f"at most {milliseconds(found.largest.at_least_us)}{inside}"
        )
    first = found.named[0]
    named = f"{first.process} is {_side(first)} {first.partner}"
    for other in found.named[1:]:
        named += f", or {other.process} {_side(other)} {other.partner}"
    by = f"at least {milliseconds(first.at_least_us)}"
    if first.at_most_us is not None and first.at_most_us >= first.at_least_us:
        by += f" and at most {milliseconds(first.at_most_us)}"
    elif first.at_most_us is not None:
        by += " at one time (the offset changes within the log)"
    if first.only_responses:
        by += " (judged by responses alone, which some servers record late)"
    explained = f"{first.explained} of {_inversions(found.between)} between processes"
    return f"{named}, by {by}: that explains {explained}{inside}"


def _side(suspect: Suspect) -> str:
    return "ahead of" if suspect.ahead else "behind"


def _inversions(count: int) -> str:
    return f"{count} inversion{'s' * (count != 1)}"


def milliseconds(us: int) -> str:
    """For people."""
    return f"{us / 1_000_000:.3f} s" if us >= 1_000_000 else f"{us / 1000:.3f} ms"
