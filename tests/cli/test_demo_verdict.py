"""The judge: fed with logs of clocks that keep their promises, and of clocks that don't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flocktime.cli.demo.log import Record, Refusal, ServiceLog
from flocktime.cli.demo.plan import Plan, ServicePlan, make_plan
from flocktime.cli.demo.verdict import Anchor, Judgement, RecordError, judge
from flocktime.clock import Clock, DriftError, ManualSource, SkewedSource, Timestamp

START_US = 1_800_000_000_000_000
ANCHOR = Anchor(START_US, 0)
#: What a clock does with a received timestamp; a mutant does something else.
Receive = Callable[[Clock, Timestamp], Timestamp]


def merge(clock: Clock, remote: Timestamp) -> Timestamp:
    return clock.update(remote)


def ignore(clock: Clock, remote: Timestamp) -> Timestamp:
    """A clock that never looks at what it was sent."""
    return clock.now()


class World:
    """A plan's services in one process, on one manual source: messages take 100 us to 5 ms, drawn from a seed."""

    def __init__(self, plan: Plan, receive: Receive, seed: int) -> None:
        self.plan = plan
        self.host = ManualSource(START_US)
        self._receive = receive
        self._draw = Random(seed)
        self._messages = 0
        self.sources = {s.name: SkewedSource(s.offset_us / 1e6, s.ppm, source=self.host) for s in plan.services}
        # There is no flock here, but for what it does for the one that is an hour behind.
        follows = {s.name: SkewedSource(source=self.host) if s.role == "slow" else None for s in plan.services}
        self.clocks = {
            s.name: Clock(node=100 + i, source=follows[s.name] or self.sources[s.name])
            for i, s in enumerate(plan.services)
        }
        self.records: dict[str, list[Record]] = {name: [] for name in plan.names}

    def log(self, name: str, kind: Any, message: str | None, stamp: Timestamp, refusal: Refusal | None = None) -> None:
        wall_us, true_ns = self.sources[name]() // 1000, self.host.monotonic_ns()
        self.records[name].append(Record(kind, message, "request", wall_us, stamp, true_ns, refusal))
        self.host.advance(1)

    def message(self, kind: str, message: str, sender: str, receiver: str) -> None:
        sent = self.clocks[sender].now()
        self.log(sender, f"{kind}-sent", message, sent)
        self.host.advance(self._draw.randint(100, 5_000))
        clock, refusal = self.clocks[receiver], None
        try:
            stamp = self._receive(clock, sent)
        except DriftError as error:
            refusal, stamp = _refusal(error), clock.now()
        self.log(receiver, f"{kind}-received", message, stamp, refusal)

    def call(self, sender: str, receiver: str) -> None:
        self._messages += 1
        message = f"{sender}-{self._messages}"
        self.message("request", message, sender, receiver)
        self.log(receiver, "work", None, self.clocks[receiver].now())
        self.message("response", message, receiver, sender)

    def run(self, rounds: int) -> None:
        """Rounds of everybody calling everybody; before the last one, the runaway jumps."""
        for left in reversed(range(rounds)):
            if left == 0 and self.plan.jump_us:
                self.sources[self.plan.of_role("runaway") or ""].step(self.plan.jump_us / 1e6)
            for sender in self.plan.names:
                for receiver in self.plan.names:
                    if sender != receiver:
                        self.call(sender, receiver)

    def logs(self) -> list[ServiceLog]:
        return [
            ServiceLog(name, self.clocks[name].node, records, self.clocks[name].stats().as_dict(), {})
            for name, records in self.records.items()
        ]


def judged(receive: Receive = merge, seed: int = 1, services: int = 5, rounds: int = 3) -> Judgement:
    plan = make_plan(services, seed, 1.0, START_US)
    world = World(plan, receive, seed)
    world.run(rounds)
    return judge(plan, world.logs(), ANCHOR)


@given(st.integers(0, 10_000), st.integers(5, 8))
def test_clocks_that_merge_contradict_nothing(seed: int, services: int) -> None:
    """Whatever the offsets: nothing by flocktime, some by wall clock, the wrong ones named, and no complaint."""
    judgement = judged(seed=seed, services=services)
    assert judgement.failures == []
    assert judgement.contradictions == 0
    assert judgement.wall.inverted > 0
    assert judgement.wall.judged == judgement.stamps.judged
    assert judgement.wall.judged + judgement.stamps.exempt == len(judgement.messages)
    others = {service.plan.name for service in judgement.services}
    for service in judgement.services:
        if service.plan.role == "runaway":
            assert set(service.refused_by) == others - {service.plan.name}
            assert not service.refused
        else:
            assert not service.refused_by


@given(st.integers(0, 10_000))
def test_clocks_that_ignore_what_they_receive_are_found_out(seed: int) -> None:
    """The mutant: without the merge, effects are stamped before their causes, and the verdict says so."""
    judgement = judged(ignore, seed=seed)
    assert judgement.contradictions > 0
    slow = judgement.plan.of_role("slow")  # its clock is not its wall clock
    by_clock, by_wall = (
        sum(count for pair, count in verdict.by_pair.items() if slow not in pair)
        for verdict in (judgement.stamps, judgement.wall)
    )
    assert by_clock >= by_wall
    assert any("not stamped after their causes" in failure for failure in judgement.failures)


def test_a_clock_that_merges_without_ticking_is_found_out() -> None:
    """An effect stamped like its cause is a contradiction as well: equal is not after."""
    world = World(_two_services(), lambda clock, remote: max(remote, clock.now()), 1)
    world.run(1)
    judgement = judge(world.plan, world.logs(), ANCHOR)
    assert judgement.stamps.inverted > 0


def test_a_clock_that_goes_back_within_a_service_is_found_out() -> None:
    """Program order is judged too, also between events of different requests."""
    world = World(_two_services(), merge, 1)
    world.run(1)
    records = world.records["a"]
    records[-1] = _with(records[-1], stamp=records[-2].stamp)
    judgement = judge(world.plan, world.logs(), ANCHOR)
    assert (judgement.stamps_within.inverted, judgement.contradictions) == (1, 1)


@pytest.mark.parametrize("error", ["EpochError", "NodeCollision", "InvalidTimestamp", "refused"])
def test_only_a_drift_error_exempts_a_message(error: str) -> None:
    """Every other way of not adopting a timestamp is held against flocktime, and is reported."""
    world = World(_two_services(), merge, 1)
    world.run(2)
    before = judge(world.plan, world.logs(), ANCHOR).stamps
    index = next(i for i, record in enumerate(world.records["a"]) if record.kind == "response-received")
    world.records["a"][index] = _with(world.records["a"][index], refusal=Refusal(error))
    judgement = judge(world.plan, world.logs(), ANCHOR)
    assert (judgement.stamps.judged, judgement.stamps.exempt) == (before.judged, 0)
    assert any(f"with {error}" in failure for failure in judgement.failures)
    world.records["a"][index] = _with(world.records["a"][index], refusal=Refusal("DriftError", world.clocks["b"].node))
    assert judge(world.plan, world.logs(), ANCHOR).stamps.exempt == 1


def test_a_refusal_between_honest_services_is_a_failure() -> None:
    """What is exempt cannot hide a clock that refuses its honest peers."""
    world = World(_two_services(), merge, 1)
    world.run(1)
    node = world.clocks["a"].node
    world.records["b"][0] = _with(world.records["b"][0], refusal=Refusal("DriftError", node, 600_000, 500_000))
    judgement = judge(world.plan, world.logs(), ANCHOR)
    assert judgement.failures == ["b refused 1 messages of a, which is not ahead"]


def test_a_service_that_was_started_again_is_another_process() -> None:
    """Its events belong to the same service, but nothing orders them behind those of the process before it."""
    world = World(_two_services(), merge, 1)
    world.run(1)
    first = world.logs()
    later = World(_two_services(), merge, 1)
    later.run(1)
    again = [
        replace(log, node=log.node + 50, records=[_again(record) for record in log.records]) for log in later.logs()
    ]
    judgement = judge(world.plan, [*first, *again], ANCHOR)
    assert judgement.failures == []
    assert [service.nodes for service in judgement.services] == [(100, 150), (101, 151)]
    assert judgement.stamps_within.judged == sum(len(log.records) - 1 for log in (*first, *again))
    assert len(judgement.events) == 2 * sum(len(log.records) for log in first)


def _again(record: Record) -> Record:
    stamp, message = record.stamp, record.message
    other = Timestamp(stamp.physical_us, stamp.logical, node=stamp.node + 50, epoch=stamp.epoch)
    return _with(record, stamp=other, message=None if message is None else f"again-{message}")


def test_a_timestamp_that_two_processes_issue_is_a_failure() -> None:
    """Also where nothing that one of them did is known to have come before what the other did."""
    world = World(_two_services(), merge, 1)
    world.run(1)
    first, second = world.logs()[:2]
    (*_, taken), (mine, *others) = first.records, second.records
    assert judge(world.plan, world.logs(), ANCHOR).failures == []
    twice = [first, replace(second, records=[_with(mine, stamp=taken.stamp), *others]), *world.logs()[2:]]
    assert "1 timestamps were issued before" in judge(world.plan, twice, ANCHOR).failures


def test_blaming_the_wrong_node_is_a_failure() -> None:
    """The node that a refusal names is held against who really sent the message."""
    plan = make_plan(5, 1, 1.0, START_US)
    world = World(plan, merge, 1)
    world.run(1)
    for records in world.records.values():
        for index, record in enumerate(records):
            if record.refusal is not None:
                records[index] = _with(record, refusal=Refusal("DriftError", 999))
    judgement = judge(plan, world.logs(), ANCHOR)
    assert any(failure.endswith("and named nobody here for it") for failure in judgement.failures)


def test_distances_are_those_of_the_clocks() -> None:
    """Wall clocks are as far from true time as planned; honest stamps no further than the worst wall clock before it jumps."""
    judgement = judged(rounds=5)
    for service in judgement.services:
        planned_us = service.plan.offset_us + (judgement.plan.jump_us if service.plan.role == "runaway" else 0)
        assert service.largest_wall_us == pytest.approx(abs(planned_us), abs=2_000)
    _, stamps = judgement.largest(honest=True)
    offsets = [abs(service.plan.offset_us) for service in judgement.services if service.plan.role != "slow"]
    assert stamps <= max(offsets) + 5_000
    assert judgement.largest(honest=False)[0] > 20 * 365 * 86_400_000_000


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda records: records["b"].pop(0), "sent and never received"),
        (lambda records: records["a"].pop(0), "sent by nobody"),
        (lambda records: records["a"].insert(1, records["a"][0]), "sent twice"),
        (lambda records: records["b"].insert(1, records["b"][0]), "received before"),
        (lambda records: records["b"].insert(0, records["b"].pop(1)), "before its cause"),
    ],
)
def test_logs_that_contradict_themselves_are_no_evidence(damage: Callable[[Any], Any], says: str) -> None:
    """A lost, doubled or swapped event is an error of its own, never a verdict."""
    world = World(_two_services(), merge, 1)
    world.run(1)
    damage(world.records)
    with pytest.raises(RecordError, match=says):
        judge(world.plan, world.logs(), ANCHOR)


def _two_services() -> Plan:
    """Two honest clocks, the sender's ahead."""
    return Plan(1, 1.0, (ServicePlan("a", "honest", 150_000, 0.0), ServicePlan("b", "honest", -150_000, 0.0)))


def _refusal(error: DriftError) -> Refusal:
    ahead = 0 if error.offset is None else error.offset // timedelta(microseconds=1)
    return Refusal("DriftError", error.node, ahead, 500_000)


def _with(record: Record, **changed: Any) -> Record:
    return Record(**{name: changed.get(name, getattr(record, name)) for name in Record.__slots__})
