"""Merge the logs and judge them.

What happened before what is known without any clock, from two sources:

- **messages**: a request or an answer was sent before it was received, and its id says which is which;
- **program order**: each process of a service has one thread, so its events happened in the order in which it wrote
  them down, also where they belong to different requests.

Everything else follows from these by transitivity, so an order that respects each of them respects causality.

Exempt are only messages whose receipt raised a ``DriftError``: they were answered, named and not adopted. They are
judged apart, and who refused whom is held against the plan: only what the runaway sent may be among them. How the flock
fared is judged in ``flocking``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from flocktime.cli.judgement import Edge, Event, Verdict, judge_stamps, judge_wall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flocktime.cli.demo.flocking import FlockJudgement
    from flocktime.cli.demo.log import Record, Refusal, ServiceLog
    from flocktime.cli.demo.plan import Plan, ServicePlan


class RecordError(Exception):
    """The logs contradict themselves, so nothing can be judged by them."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One instant on the host's wall clock and on its monotonic clock: it turns the second into true time."""

    wall_us: int
    monotonic_ns: int

    def true_us(self, monotonic_ns: int) -> int:
        return self.wall_us + (monotonic_ns - self.monotonic_ns) // 1000


@dataclass(slots=True)
class Refused:
    """What one service refused of another."""

    sender: str
    receiver: str
    error: str
    count: int = 0
    least_ahead_us: int = 0
    most_ahead_us: int = 0
    limit_us: int = 0

    def add(self, refusal: Refusal) -> None:
        self.least_ahead_us = min(self.least_ahead_us, refusal.ahead_us) if self.count else refusal.ahead_us
        self.most_ahead_us = max(self.most_ahead_us, refusal.ahead_us)
        self.limit_us = refusal.limit_us
        self.count += 1


@dataclass(slots=True)
class ServiceResult:
    """What is to say about one service."""

    plan: ServicePlan
    nodes: tuple[int, ...]
    events: int
    refused: Counter[str]
    refused_by: Counter[str]
    suspects: tuple[str, ...]
    largest_wall_us: int
    largest_stamp_us: int
    headers: dict[str, int]
    #: Lines of its logs, and the most of them that waited for the disk at once.
    lines: int
    lines_waiting: int


@dataclass(slots=True)
class Judgement:
    """The whole outcome. ``events`` and ``messages`` are kept for the report; ``flock`` is added by whoever judges it."""

    plan: Plan
    services: list[ServiceResult]
    requests: int
    events: list[Event]
    messages: list[Edge]
    wall: Verdict
    stamps: Verdict
    wall_within: Verdict
    stamps_within: Verdict
    wall_of_refused: Verdict
    refused: list[Refused]
    of_request: list[str]
    failures: list[str] = field(default_factory=list)
    flock: FlockJudgement | None = None

    @property
    def contradictions(self) -> int:
        """Effects that flocktime did not stamp after their causes."""
        return self.stamps.inverted + self.stamps_within.inverted

    def largest(self, *, honest: bool) -> tuple[int, int]:
        """The largest distance from true time of wall clocks and of stamps, over the honest or the wrong ones."""
        chosen = [service for service in self.services if (service.plan.role == "honest") == honest]
        return max(s.largest_wall_us for s in chosen), max(s.largest_stamp_us for s in chosen)


def judge(plan: Plan, logs: Sequence[ServiceLog], anchor: Anchor) -> Judgement:
    """Merge the logs of one demonstration, one of each process, and say how each order treats causality."""
    names = {log.node: log.name for log in logs}
    merged = [(log.name, record) for log in logs for record in log.records]
    events = [_event(name, record, anchor) for name, record in merged]
    messages = _message_edges(merged)
    within = _program_edges(logs)
    for edge in (*messages, *within):
        _check_recorded(events, edge)
    apart = [replace(edge, exempt=False) for edge in messages if edge.exempt]
    refused, misnamed = _refusals(merged, messages, names)
    services = [
        _service(service, [log for log in logs if log.name == service.name], events, refused, names)
        for service in plan.services
    ]
    judgement = Judgement(
        plan=plan,
        services=services,
        requests=len({record.request for _, record in merged}),
        events=events,
        messages=messages,
        wall=judge_wall(events, messages),
        stamps=judge_stamps(events, messages),
        wall_within=judge_wall(events, within),
        stamps_within=judge_stamps(events, within),
        wall_of_refused=judge_wall(events, apart),
        refused=refused,
        of_request=[record.request for _, record in merged],
    )
    judgement.failures = [*_failures(judgement), *_repeated(merged), *misnamed]
    return judgement


def _repeated(merged: Sequence[tuple[str, Record]]) -> list[str]:
    """Events that share a timestamp: no two of all processes may, least of all those that share a clock."""
    counted = Counter(record.stamp for _, record in merged)
    repeated = sum(count - 1 for count in counted.values())
    return [f"{repeated} timestamps were issued before"] if repeated else []


def _event(name: str, record: Record, anchor: Anchor) -> Event:
    label = record.kind if record.message is None else f"{record.kind} {record.message}"
    return Event(name, label, record.wall_us, record.stamp, anchor.true_us(record.true_ns))


def _message_edges(merged: Sequence[tuple[str, Record]]) -> list[Edge]:
    """Send to receipt, joined by the messages' ids; every id has exactly one of each."""
    sent: dict[tuple[str, str], int] = {}
    edges = []
    for index, (_, record) in enumerate(merged):
        if record.message is not None and record.kind in ("request-sent", "response-sent"):
            key = (record.kind.partition("-")[0], record.message)
            if key in sent:
                raise RecordError(f"{key[0]} {key[1]} was sent twice")
            sent[key] = index
    for index, (_, record) in enumerate(merged):
        if record.message is not None and record.kind in ("request-received", "response-received"):
            key = (record.kind.partition("-")[0], record.message)
            cause = sent.pop(key, None)
            if cause is None:
                raise RecordError(f"{key[0]} {key[1]} was received, but sent by nobody or received before")
            edges.append(Edge(cause, index, exempt=record.refusal is not None and record.refusal.error == "DriftError"))
    if sent:
        kind, message = next(iter(sent))
        raise RecordError(f"{len(sent)} messages were sent and never received, the first is {kind} {message}")
    return edges


def _program_edges(logs: Sequence[ServiceLog]) -> list[Edge]:
    """Event after event within each process; one that was started again is another process."""
    ends = accumulate((len(log.records) for log in logs), initial=0)
    return [Edge(a, b) for start, end in pairwise(ends) for a, b in pairwise(range(start, end))]


def _check_recorded(events: Sequence[Event], edge: Edge) -> None:
    """The judge's own clock has to agree with the ids; otherwise something is wrong with the record."""
    cause, effect = events[edge.cause], events[edge.effect]
    assert cause.true_us is not None
    assert effect.true_us is not None
    if effect.true_us < cause.true_us:
        raise RecordError(
            f"{effect.label} in {effect.process} lies {cause.true_us - effect.true_us} us of monotonic time before "
            f"its cause, {cause.label} in {cause.process}"
        )


def _refusals(
    merged: Sequence[tuple[str, Record]], messages: Sequence[Edge], names: dict[int, str]
) -> tuple[list[Refused], list[str]]:
    """Who refused whom, and where the node that an error blames is not the sender."""
    found: dict[tuple[str, str, str], Refused] = {}
    misnamed: Counter[tuple[str, str, str]] = Counter()
    for edge in messages:
        sender, (receiver, record) = merged[edge.cause][0], merged[edge.effect]
        if record.refusal is None:
            continue
        key = (sender, receiver, record.refusal.error)
        found.setdefault(key, Refused(*key)).add(record.refusal)
        if record.refusal.node is not None:
            named = names.get(record.refusal.node, "nobody here")
            misnamed[sender, receiver, named] += named != sender
    wrong = [
        f"{receiver} refused {count} messages of {sender} and named {named} for it"
        for (sender, receiver, named), count in misnamed.items()
        if count
    ]
    return sorted(found.values(), key=lambda refused: -refused.count), wrong


def _service(
    plan: ServicePlan,
    logs: Sequence[ServiceLog],
    events: Sequence[Event],
    refused: Sequence[Refused],
    names: dict[int, str],
) -> ServiceResult:
    own = [event for event in events if event.process == plan.name]
    by_it: Counter[str] = Counter()
    of_it: Counter[str] = Counter()
    for entry in refused:
        if entry.receiver == plan.name:
            by_it[entry.sender] += entry.count
        if entry.sender == plan.name:
            of_it[entry.receiver] += entry.count
    suspects = {node for log in logs for node in log.stats["suspects"]}
    headers: Counter[str] = Counter()
    for log in logs:
        headers.update(log.headers)
    return ServiceResult(
        plan=plan,
        nodes=tuple(log.node for log in logs),
        events=len(own),
        refused=by_it,
        refused_by=of_it,
        suspects=tuple(sorted({names.get(node, f"{node:012x}") for node in suspects})),
        largest_wall_us=max((abs((e.wall_us or 0) - (e.true_us or 0)) for e in own), default=0),
        largest_stamp_us=max((abs(e.stamp.physical_us - (e.true_us or 0)) for e in own), default=0),
        headers=dict(headers),
        lines=sum(log.buffer.get("drained", 0) for log in logs),
        lines_waiting=max(log.buffer.get("high_water", 0) for log in logs),
    )


def _failures(judgement: Judgement) -> list[str]:
    """Everything that flocktime promised and did not keep."""
    failures = []
    if judgement.contradictions:
        failures.append(f"{judgement.contradictions} effects are not stamped after their causes")
    roles = {service.plan.name: service.plan.role for service in judgement.services}
    for entry in judgement.refused:
        if entry.error != "DriftError":
            failures.append(f"{entry.receiver} refused {entry.count} messages of {entry.sender} with {entry.error}")
        elif roles[entry.sender] != "runaway":
            failures.append(f"{entry.receiver} refused {entry.count} messages of {entry.sender}, which is not ahead")
    return failures
