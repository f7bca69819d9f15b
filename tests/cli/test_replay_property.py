"""``flocktime replay``: whatever happened between processes with wrong clocks, the replay contradicts none of it."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flocktime.cli.replay import reading
from flocktime.cli.replay.engine import Replayed, replay
from flocktime.cli.replay.recording import Limits

HOSTS = ("a", "b", "c", "d")
VectorClock = dict[str, int]


@st.composite
def executions(draw: st.DrawFn) -> tuple[list[tuple[str, VectorClock, int]], list[int]]:
    """Events of up to four hosts (host, vector clock, wall time in microseconds), and a shuffled order of lines.

    Wall clocks are off by up to an hour, run at their own rates, and step at any event.
    """
    offsets = {host: draw(st.integers(-3_600_000_000, 3_600_000_000)) for host in HOSTS}
    rates = {host: draw(st.sampled_from((0.5, 1.0, 1.0001, 2.0))) for host in HOSTS}
    clocks: dict[str, VectorClock] = {host: {} for host in HOSTS}
    on_the_way: list[VectorClock] = []
    events: list[tuple[str, VectorClock, int]] = []
    true_us = 0
    steps = st.tuples(
        st.sampled_from(HOSTS), st.booleans(), st.booleans(), st.integers(0, 3), st.just(0) | st.integers(-9, 9)
    )
    for host, receives, sends, passes, jump in draw(st.lists(steps, min_size=1, max_size=30)):
        true_us += passes
        offsets[host] += jump
        if receives and on_the_way:
            message = on_the_way.pop(draw(st.integers(0, len(on_the_way) - 1)))
            clocks[host] = {
                name: max(clocks[host].get(name, 0), message.get(name, 0)) for name in clocks[host] | message
            }
        clocks[host] = clocks[host] | {host: clocks[host].get(host, 0) + 1}
        if sends:
            on_the_way.append(clocks[host])
        events.append((host, clocks[host], 1_700_000_000_000_000 + offsets[host] + int(true_us * rates[host])))
    return events, draw(st.permutations(range(len(events))))


def render(execution: tuple[list[tuple[str, VectorClock, int]], list[int]], layout: str) -> str:
    events, order = execution
    form = {
        "clock first": "{wall} {host} {clock}\nevent {at}\n",
        "text first": "event {at}\n{wall} {host} {clock}\n",
        "one line": "{wall} {host} {clock} event {at}\n",
        "no times": "{host} {clock}\nevent {at}\n",
    }[layout]
    rows = [form.format(wall=events[at][2], host=events[at][0], clock=json.dumps(events[at][1]), at=at) for at in order]
    return "".join(rows)


def happened_before(one: VectorClock, other: VectorClock) -> bool:
    """The definition, over whole clocks: nothing here depends on the edges that the command draws."""
    return one != other and all(count <= other.get(host, 0) for host, count in one.items())


@given(executions(), st.sampled_from(("clock first", "text first", "one line", "no times")))
def test_every_execution_replays_without_contradiction(
    execution: tuple[list[tuple[str, VectorClock, int]], list[int]], layout: str
) -> None:
    """Lines in any order, clocks as wrong as they like: what the vector clocks order is stamped in that order."""
    events, order = execution
    outcome = replay(reading.parse(render(execution, layout), Limits()))
    assert outcome.contradictions == 0
    assert len(outcome.events) == len(events)
    clocks = [events[at][1] for at in order]  # a clock names its event: no two are equal
    stamps = [event.stamp for event in outcome.events]
    for one, earlier in zip(clocks, stamps, strict=True):
        for other, later in zip(clocks, stamps, strict=True):
            assert not happened_before(one, other) or earlier < later


@given(executions())
def test_the_edges_are_the_causal_order(execution: tuple[list[tuple[str, VectorClock, int]], list[int]]) -> None:
    """What the edges reach, taken together, is exactly what the vector clocks call happened before."""
    events, order = execution
    recording = reading.parse(render(execution, "no times"), Limits())
    size = len(order)
    after: list[set[int]] = [set() for _ in range(size)]
    by_age = sorted(range(size), key=lambda line: sum(events[order[line]][1].values()))  # causes know strictly less
    direct: dict[int, list[int]] = {line: [] for line in range(size)}
    for link in recording.links:
        direct[link.effect].append(link.cause)
    for line in by_age:
        for cause in direct[line]:
            after[line] |= {cause} | after[cause]
    for line in range(size):
        expected = {at for at in range(size) if happened_before(events[order[at]][1], events[order[line]][1])}
        assert after[line] == expected


@given(executions())
def test_the_messages_alone_carry_the_order(execution: tuple[list[tuple[str, VectorClock, int]], list[int]]) -> None:
    """Messages and the order within hosts reach all that the edges reach: no timestamp travels that was not sent."""
    recording = reading.parse(render(execution, "no times"), Limits())
    carried = [link for link in recording.links if link.carried or link.why.value == "next in process"]
    reached: dict[int, set[int]] = {}

    def causes(position: int) -> set[int]:
        if position not in reached:
            near = [link.cause for link in carried if link.effect == position]
            reached[position] = set(near).union(*(causes(cause) for cause in near))
        return reached[position]

    assert all(link.cause in causes(link.effect) for link in recording.links)


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A trace of up to twelve calls, messages and local spans between services with wrong clocks, shuffled."""
    offsets = [draw(st.integers(-1_000_000, 1_000_000)) for _ in range(4)]
    rows: list[dict[str, Any]] = []
    places: list[tuple[int, int | None, int]] = [(0, None, 0)]  # service, span id, true start
    for number in range(1, draw(st.integers(1, 12)) + 1):
        service, parent, started = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(("call", "call with two ids", "message", "local")))
        start = started + draw(st.integers(0, 5))
        length = draw(st.integers(2, 20))
        there = draw(st.integers(0, 3))

        def span(identity: int, where: int, at: int, duration: int, **more: Any) -> None:
            made = {"traceId": "1", "id": f"{identity:x}", "name": f"n{identity}"} | more
            made |= {"timestamp": 1_700_000_000_000_000 + offsets[where] + at, "duration": duration}
            rows.append(made | {"localEndpoint": {"serviceName": f"s{where}"}})

        above: dict[str, Any] = {} if parent is None else {"parentId": f"{parent:x}"}
        if kind == "local":
            span(number, service, start, length, **above)
            places.append((service, number, start))
        elif kind == "call":
            span(number, service, start, length, kind="CLIENT", **above)
            span(number, there, start + 1, length - 1, kind="SERVER", shared=True, **above)
            places.append((there, number, start + 1))
        else:
            sender, receiver = ("CLIENT", "SERVER") if kind == "call with two ids" else ("PRODUCER", "CONSUMER")
            span(number, service, start, length, kind=sender, **above)
            span(number + 100, there, start + 1, length - 1, kind=receiver, parentId=f"{number:x}")
            places.append((there, number + 100, start + 1))
    return draw(st.permutations(rows))


@given(traces())
def test_every_trace_replays_without_contradiction(rows: list[dict[str, Any]]) -> None:
    """However wrong the clocks of the services: no edge of a trace is contradicted, and its order is no circle."""
    outcome: Replayed = replay(reading.parse(json.dumps(rows, indent=1), Limits()))
    assert outcome.contradictions == 0
    by_process: dict[str, list[int]] = {}
    for recorded, event in sorted(
        zip(outcome.recording.events, outcome.events, strict=True), key=lambda row: row[1].stamp
    ):
        by_process.setdefault(recorded.process, []).append(event.stamp.physical_us)
    assert all(one <= other for times in by_process.values() for one, other in pairwise(times))
