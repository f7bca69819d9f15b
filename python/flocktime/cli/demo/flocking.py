"""Judge the flock: how far apart its members were, who was called wrong by whom, and who came back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from flocktime.cli.demo.plan import JUMP_AT, NAMING_ROUNDS, NOTICING_ROUNDS
from flocktime.cli.demo.skew import Moment, moments, pairs_us, spread_us

if TYPE_CHECKING:
    from flocktime.cli.demo.log import Look, ServiceLog
    from flocktime.cli.demo.plan import Plan

#: What members that say they are synchronised may lie apart, 99 of 100 pairs: this, and what no exchange of messages can
#: tell from a difference of clocks.
MOST_SKEW_US: Final = 1_000.0
#: The share of the load's time that counts for it, at the end.
SETTLED_SHARE: Final = 0.5


@dataclass(slots=True)
class Timeline:
    """What happened when, by the host's monotonic clock. Zero: it did not."""

    together_ns: int = 0
    jumped_ns: int = 0
    stopped_ns: int = 0
    back_ns: int = 0
    ended_ns: int = 0

    def settled_ns(self, ended_ns: int) -> int:
        """From when on the members' distances count, if the load ends then."""
        return ended_ns - round(SETTLED_SHARE * (ended_ns - self.together_ns))

    def marks(self) -> list[tuple[int, str]]:
        """What to write into a plot."""
        named = (
            (self.together_ns, "requests begin"),
            (self.jumped_ns, "a clock jumps to 2051"),
            (self.stopped_ns, "one is stopped"),
            (self.back_ns, "it is back"),
        )
        return [(true_ns, what) for true_ns, what in named if true_ns]


@dataclass(slots=True)
class Member:
    """One service's flock, over all its processes."""

    name: str
    states: list[str]
    named_by: dict[str, float]
    suspects_itself: bool


@dataclass(slots=True)
class FlockJudgement:
    """The whole outcome. Skews are microseconds between members that say they are synchronised; ``None``: there were none.

    Attributes:
        first_skew_us: the largest distance between any two, as they started.
        joined_s: how long after the first look all were synchronised.
        p50_us, p99_us, largest_us: of all pairs in the second half of the load.
        wall_us: the largest distance between two honest wall clocks meanwhile.
    """

    timeline: Timeline
    members: list[Member]
    moments: list[Moment]
    first_skew_us: float
    joined_s: float
    p50_us: float | None
    p99_us: float | None
    largest_us: float | None
    wall_us: float | None
    allowed_us: float
    failures: list[str] = field(default_factory=list)

    def naming(self, name: str) -> dict[str, float]:
        """Who called this service wrong, and how many seconds after its jump."""
        return next(member.named_by for member in self.members if member.name == name)


def judge_flock(plan: Plan, logs: Sequence[ServiceLog], timeline: Timeline) -> FlockJudgement:
    """Put the looks of all services on one time scale and say what they show."""
    looks: dict[str, list[Look]] = {name: [] for name in plan.names}
    for log in logs:
        looks[log.name] += log.looks
    nodes = {log.node: log.name for log in logs}
    runaway = plan.of_role("runaway")
    jumped = {runaway: timeline.jumped_ns} if runaway is not None and timeline.jumped_ns else {}
    seen = moments(looks, jumped)
    settled_ns = timeline.settled_ns(timeline.ended_ns)
    settled = [moment for moment in seen if settled_ns <= moment.true_ns <= timeline.ended_ns]
    pairs = sorted(distance for moment in settled for distance in pairs_us(moment))
    honest = [service.name for service in plan.services if service.role == "honest"]
    walls = [spread_us([moment.wall_ns[name] for name in honest if name in moment.wall_ns]) for moment in settled]
    judgement = FlockJudgement(
        timeline=timeline,
        members=[_member(name, looks, nodes, timeline) for name in plan.names],
        moments=seen,
        first_skew_us=next((spread_us(list(m.ahead_ns.values())) or 0.0 for m in seen), 0.0),
        joined_s=(timeline.together_ns - seen[0].true_ns) / 1e9 if seen else 0.0,
        p50_us=_quantile(pairs, 0.5),
        p99_us=_quantile(pairs, 0.99),
        largest_us=pairs[-1] if pairs else None,
        wall_us=max((wall for wall in walls if wall is not None), default=None),
        allowed_us=MOST_SKEW_US + 1e3 * (plan.network.asymmetry_ms + plan.network.jitter_ms),
    )
    judgement.failures = _failures(plan, judgement)
    return judgement


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _member(name: str, looks: dict[str, list[Look]], nodes: dict[int, str], timeline: Timeline) -> Member:
    own = looks[name]
    states = [look.state for look in own]
    changes = [*states[:1], *(after for before, after in pairwise(states) if after != before)]
    named_by: dict[str, float] = {}
    for other, series in looks.items():
        first = next((look.true_ns for look in series if name in {nodes.get(node) for node in look.wrong}), None)
        if other != name and first is not None:
            named_by[other] = (first - (timeline.jumped_ns or timeline.together_ns)) / 1e9
    return Member(name, changes, named_by, bool(own) and own[-1].suspects_itself)


def _failures(plan: Plan, judgement: FlockJudgement) -> list[str]:
    """Everything that the flock promised and did not keep, of what there was time for."""
    failures = []
    p99_us = judgement.p99_us
    if p99_us is None:
        failures.append("no two members were synchronised in the second half")
    elif p99_us > judgement.allowed_us:
        failures.append(f"synchronised members were {p99_us:,.0f} us apart, {judgement.allowed_us:,.0f} us are allowed")
    runaway, slow = plan.of_role("runaway"), plan.of_role("slow")
    named_in_time = plan.expects(NAMING_ROUNDS, JUMP_AT * plan.seconds)
    for member in judgement.members:
        if member.name == runaway:
            spared = sorted(set(plan.names) - {member.name, plan.restarted} - set(member.named_by))
            if named_in_time and spared:
                failures.append(f"the runaway {member.name} was not called wrong by {', '.join(spared)}")
            if named_in_time and "degraded" not in member.states:
                failures.append(f"the runaway {member.name} did not notice that it is alone with its time")
        elif member.named_by:
            failures.append(f"{member.name} was called wrong by {', '.join(sorted(member.named_by))}")
        elif member.name == slow:
            if plan.expects(NOTICING_ROUNDS) and not member.suspects_itself:
                failures.append(f"{member.name}, whose wall clock is an hour behind, does not say so")
        elif member.suspects_itself:
            failures.append(f"{member.name} suspects itself, and its clock is right")
    return failures
