"""Forked children: a fresh and empty buffer each; the parent keeps its events, and nobody waits for what will not come."""

from __future__ import annotations

import asyncio
import os
import resource
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, EventBuffer, ForkedClock, Timestamp
from flocktime.events import BufferEmpty, BufferFull, ForkedBuffer
from flocktime.testing import ManualSource
from tests.buffers import PATIENCE_S, Running, Watched, adds_up, events, is_ascending
from tests.processes.children import forked
from tests.support import NOW_US, stamp

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")]

ALL_ZERO = {"pushed": 0, "drained": 0, "dropped": 0, "rejected": 0, "inside": 0, "high_water": 0}


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest", "block"])
def test_a_child_begins_with_an_empty_one(overflow: Any, tmp_path: Path) -> None:
    """Its settings are the same, its account is zero, and it works; the parent's is as if nothing had happened."""
    buffer = EventBuffer(3, overflow=overflow)
    buffer.push_many("abc")
    buffer.pop()
    before = buffer.stats()

    def child() -> tuple[Any, ...]:
        assert (buffer.capacity, buffer.overflow, len(buffer)) == (3, overflow, 0)
        stats = buffer.stats().as_dict()
        assert {name: stats[name] for name in ALL_ZERO} == ALL_ZERO
        with pytest.raises(BufferEmpty):
            buffer.pop(0)
        shown = buffer.watermark
        assert shown is not None
        buffer.push_many("xyz")
        if overflow == "reject":
            with pytest.raises(BufferFull):
                buffer.push("too many")
        pairs = buffer.drain()
        assert pairs[0][0] > shown
        assert is_ascending(pairs)
        assert adds_up(buffer)
        return events(pairs), pairs[0][0].node

    results = forked([child] * 3, tmp_path)
    assert [taken for taken, _ in results] == [["x", "y", "z"]] * 3
    assert len({node for _, node in results} | {buffer.clock.node}) == 4
    assert buffer.stats() == before
    assert events(buffer.drain()) == ["b", "c"]


LOOKS: list[Callable[[EventBuffer], Any]] = [
    len, repr, EventBuffer.stats, EventBuffer.drain, lambda each: each.watermark, lambda each: each.closed, EventBuffer.close,
    lambda each: each.push(1), lambda each: each.push_many([1, 2]), lambda each: each._give_up(1),
    lambda each: each._watch("items", 1, print), lambda each: each._pass_on("items"),
]  # fmt: skip


def test_whichever_call_comes_first(tmp_path: Path) -> None:
    """The child's buffer is its own from the first call on, whatever that is, and so is a grandchild's."""
    buffer = EventBuffer(5)
    buffer.push("parent's")

    def child(look: Callable[[EventBuffer], Any]) -> None:
        look(buffer)
        assert "parent's" not in events(buffer.drain())

        def grandchild() -> None:
            assert (len(buffer), buffer.closed) == (0, False)
            buffer.push("grandchild's")
            assert events(buffer.drain()) == ["grandchild's"]

        if not buffer.closed:
            buffer.push("child's")
        (folder := tmp_path / str(os.getpid())).mkdir()
        forked([grandchild], folder)
        assert events(buffer.drain()) == ([] if buffer.closed else ["child's"])

    forked([lambda look=look: child(look) for look in LOOKS], tmp_path)  # type: ignore[misc]
    assert events(buffer.drain()) == ["parent's"]


def test_a_child_makes_its_own_once(tmp_path: Path) -> None:
    """Only the first call of a child takes memory: the others cost what they cost in the parent."""
    buffer = EventBuffer(2**16)

    def child() -> int:
        buffer.push("first")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(200):
            buffer.push("x")
            buffer.pop()
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    (faults,) = forked([child], tmp_path)
    assert faults < 1_000, "pages of several rings"


def test_a_closed_one_and_given_timestamps(tmp_path: Path) -> None:
    """A child's buffer is open, whatever the parent's was, and nothing is settled or promised in it."""
    closed, given = EventBuffer(1), EventBuffer(5, clock=Clock(source=ManualSource(NOW_US)), max_delay=1)
    stamping = EventBuffer(1)
    stamping.push("x")
    closed.close()
    assert given.watermark is not None

    def child() -> None:
        closed.push("y")
        given.push("once too late", stamp(1))
        stamping.push("given", stamp(1))
        assert (len(closed), len(given), len(stamping)) == (1, 1, 1)

    forked([child], tmp_path)
    assert closed.closed
    assert stamping.pop()[1] == "x"


def test_a_clock_of_a_fixed_node(tmp_path: Path) -> None:
    """Its buffer refuses to stamp in the child, as the clock does, and takes events with timestamps."""
    buffer = EventBuffer(5, clock=Clock(node=1))

    def child() -> None:
        buffer.push("given", Timestamp(5))
        for call in (lambda: buffer.push("x"), lambda: buffer.push_many("xy")):
            with pytest.raises(ForkedClock):
                call()
        assert events(buffer.drain()) == ["given"]
        assert buffer.stats().rejected == 3
        assert adds_up(buffer)

    forked([child], tmp_path)


def test_an_iteration_does_not_go_on_in_a_child(tmp_path: Path) -> None:
    """Nobody would ever wake it: it raises, and a new one begins. The parent's goes on."""
    buffer = EventBuffer(5)
    buffer.push_many("ab")
    iteration = iter(buffer)
    assert next(iteration)[1] == "a"

    def child() -> None:
        with pytest.raises(ForkedBuffer, match="began before a fork"):
            next(iteration)
        buffer.push("c")
        assert next(iter(buffer))[1] == "c"

    forked([child], tmp_path)
    assert next(iteration)[1] == "b"


def test_batches_do_not_go_on_in_a_child(tmp_path: Path) -> None:
    """As above, for ``asyncio``."""
    buffer = EventBuffer(5)
    buffer.push_many("ab")
    batches = buffer.batches(max=1)
    loop = asyncio.new_event_loop()

    async def following() -> list[Any]:
        return events(await anext(batches))

    assert loop.run_until_complete(following()) == ["a"]

    def child() -> None:
        fresh = asyncio.new_event_loop()
        with pytest.raises(ForkedBuffer, match="began before a fork"):
            fresh.run_until_complete(following())

    forked([child], tmp_path)
    assert loop.run_until_complete(following()) == ["b"]
    loop.run_until_complete(batches.aclose())
    loop.close()


def test_a_fork_while_others_push_and_take(tmp_path: Path) -> None:
    """Wherever the threads of the parent are: the child's buffer works, and the parent's loses nothing."""
    buffer = EventBuffer(16, overflow="block")
    stop = threading.Event()

    def produce() -> int:
        pushed = 0
        while not stop.is_set():
            buffer.push(pushed, timeout=PATIENCE_S)
            pushed += buffer.push_many("abc", timeout=PATIENCE_S) + 1
        return pushed

    def consume() -> int:
        return sum(1 for _ in buffer)

    producers, consumers = [Running(produce) for _ in range(2)], [Running(consume) for _ in range(2)]

    def child() -> list[Any]:
        assert len(buffer) == 0
        buffer.push_many("xyz")
        producer = Running(lambda: buffer.push("more"))
        taken = [buffer.pop(PATIENCE_S)[1] for _ in range(4)]
        producer.result()
        assert adds_up(buffer)
        return taken

    try:
        for _ in range(10):
            assert forked([child] * 2, tmp_path) == [["x", "y", "z", "more"]] * 2
    finally:
        stop.set()
        pushed = sum(producer.result() for producer in producers)
        buffer.close()
    assert sum(consumer.result() for consumer in consumers) == pushed
    assert adds_up(buffer)


def test_nobody_of_the_parent_is_called_in_a_child(tmp_path: Path) -> None:
    """Who waits in the parent is not there: a push of the child wakes threads of the child."""
    buffer = Watched(5)
    consumer = Running(lambda: buffer.pop(PATIENCE_S))
    buffer.until_somebody_waits()

    def child() -> Any:
        own = Running(lambda: buffer.pop(PATIENCE_S))
        buffer.until_somebody_waits()
        buffer.push("child's")
        return own.result()[1]

    assert forked([child], tmp_path) == ["child's"]
    assert consumer.is_alive()
    buffer.push("parent's")
    assert consumer.result()[1] == "parent's"


def test_what_the_parent_had_inside_is_let_go(tmp_path: Path) -> None:
    """A child does not keep copies of its parent's events: they end when it first uses the buffer."""
    buffer, ended = EventBuffer(5), []

    class Thing:
        def __del__(self) -> None:
            ended.append(os.getpid())

    buffer.push(Thing())

    def child() -> bool:
        assert ended == []
        return len(buffer) == 0 and ended == [os.getpid()]

    assert forked([child], tmp_path) == [True]
    assert ended == []
    buffer.drain()
    assert ended == [os.getpid()]
