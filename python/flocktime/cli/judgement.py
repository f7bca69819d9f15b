"""Judge an order against known causality: which effects does it sort before their causes?

The causal edges come from outside (message sends and receives, span parents, vector clocks), never from the timestamps
under judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from flocktime.clock import Timestamp

#: Examples kept for people; the counts are complete.
MOST_EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in one process.

    Attributes:
        process: who.
        label: what, for people.
        wall_us: the process's own wall clock, microseconds since 1970; ``None`` where a log has no times.
        stamp: the timestamp that flocktime gave it.
        true_us: true time for the judge, in microseconds from any common start; ``None`` where nobody knows.
    """

    process: str
    label: str
    wall_us: int | None
    stamp: Timestamp
    true_us: int | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """``cause`` happened before ``effect`` (positions in the list of events).

    ``exempt`` marks a message whose receipt raised a ``DriftError``: it was answered, named, and not adopted.
    """

    cause: int
    effect: int
    exempt: bool = False


@dataclass(slots=True)
class Verdict:
    """How one order treats the causal edges that it was held against."""

    judged: int = 0
    exempt: int = 0
    inverted: int = 0
    largest_us: int = 0
    by_pair: dict[tuple[str, str], int] = field(default_factory=dict)
    examples: list[Edge] = field(default_factory=list)


def judge_wall(events: Sequence[Event], edges: Iterable[Edge]) -> Verdict:
    """Edges whose effect has an earlier wall time than its cause. Equal times are not held against a wall clock."""

    def inverted_by(cause: Event, effect: Event) -> int | None:
        if cause.wall_us is None or effect.wall_us is None:
            return None
        return cause.wall_us - effect.wall_us

    return _judge(events, edges, inverted_by, tie_is_inverted=False)


def judge_stamps(events: Sequence[Event], edges: Iterable[Edge]) -> Verdict:
    """Edges whose effect is not stamped strictly after its cause: that is what flocktime promises."""

    def inverted_by(cause: Event, effect: Event) -> int | None:
        if cause.stamp < effect.stamp:
            return -1
        return max(0, cause.stamp.physical_us - effect.stamp.physical_us)

    return _judge(events, edges, inverted_by, tie_is_inverted=True)


def _judge(
    events: Sequence[Event],
    edges: Iterable[Edge],
    inverted_by: Callable[[Event, Event], int | None],
    *,
    tie_is_inverted: bool,
) -> Verdict:
    verdict = Verdict()
    for edge in edges:
        if edge.exempt:
            verdict.exempt += 1
            continue
        cause, effect = events[edge.cause], events[edge.effect]
        by_us = inverted_by(cause, effect)
        if by_us is None:
            continue
        verdict.judged += 1
        if by_us < 0 or (by_us == 0 and not tie_is_inverted):
            continue
        verdict.inverted += 1
        verdict.largest_us = max(verdict.largest_us, by_us)
        pair = (cause.process, effect.process)
        verdict.by_pair[pair] = verdict.by_pair.get(pair, 0) + 1
        if len(verdict.examples) < MOST_EXAMPLES:
            verdict.examples.append(edge)
    return verdict
