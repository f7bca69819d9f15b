"""Forked children: another node each, or a refusal where the node is fixed; never the parent's timestamps again."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import flocktime
from flocktime import Clock, ForkedClock, Timestamp
from flocktime.testing import ManualSource
from tests.processes.children import forked
from tests.support import NOW_US, snapshot, stamp

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")]

CHILDREN, EACH = 3, 20_000


def _issue(clock: Clock, count: int) -> list[bytes]:
    """A mix of calls, as bytes."""
    issued: list[Timestamp] = []
    while len(issued) < count:
        issued += [clock.now(), clock.update(issued[-1] if issued else clock.now()), *clock.now_many(3)]
    return [ts.to_bytes() for ts in issued[:count]]


@pytest.mark.parametrize("kind", ["the operating system", "a source that stands still", "a callable"])
def test_children_of_a_random_node(kind: str, tmp_path: Path) -> None:
    """Three children and their parent, 20,000 timestamps each at the same time: no duplicate, no regression, four nodes."""
    source: Any = {"a callable": lambda: NOW_US * 1000, "a source that stands still": ManualSource(NOW_US)}.get(kind)
    clock = Clock(source=source)
    before = _issue(clock, 1_000)
    own: list[bytes] = []
    results = forked([lambda: (_issue(clock, EACH), clock.node, clock.stats().forks)] * CHILDREN, tmp_path,
                     lambda: own.extend(_issue(clock, EACH)))  # fmt: skip
    sequences = [before + own, *(before[-1:] + issued for issued, _, _ in results)]
    for sequence in sequences:
        assert all(a < b for a, b in pairwise(sequence)), "a regression"
    everything = before + own + [each for issued, _, _ in results for each in issued]
    assert len(set(everything)) == len(everything) == 1_000 + (CHILDREN + 1) * EACH, "a duplicate"
    nodes = {clock.node} | {node for _, node, _ in results}
    assert len(nodes) == CHILDREN + 1
    assert {Timestamp.from_bytes(each).node for each in everything} == nodes
    assert [forks for _, _, forks in results] == [1] * CHILDREN
    assert clock.stats().forks == 0


def test_children_of_a_fixed_node_are_refused(tmp_path: Path) -> None:
    """Under the parent's fixed node a child would repeat it: every call that issues raises, and changes nothing."""
    clock = Clock(node=0x2A, source=ManualSource(NOW_US))
    last = clock.now()

    def child() -> list[tuple[str, int | None]]:
        before = snapshot(clock)
        refusals = []
        calls: list[Callable[[], object]] = [
            clock.now,
            lambda: clock.now_many(3),
            lambda: clock.now_many(0),
            lambda: clock.update(stamp(NOW_US, node=2)),
            lambda: clock.update_many([]),
            lambda: clock.advance_epoch("why", force=True),
        ]
        for call in calls:
            try:
                call()
            except ForkedClock as refusal:
                refusals.append((str(refusal), refusal.node))
        assert snapshot(clock) == before
        assert clock.node == 0x2A
        assert clock.last == last
        assert clock.observe(stamp(NOW_US + 1)).microseconds == 1
        return refusals

    (refusals,) = forked([child], tmp_path)
    message = "node 00000000002a belongs to the parent process: give the child its own clock, or reset() this one"
    assert refusals == [(message, 0x2A)] * 6
    assert clock.now() == stamp(NOW_US, 1, node=0x2A)


def test_children_of_a_fixed_node_after_a_reset(tmp_path: Path) -> None:
    """``reset`` gives a child its own node; then three of them and the parent issue 20,000 each, nothing twice."""
    clock = Clock(node=0x2A)
    before = _issue(clock, 100)

    def child() -> tuple[list[bytes], int, int, int]:
        with pytest.raises(ForkedClock):
            clock.now()
        first = clock.reset("forked")
        issued = [first.to_bytes(), *_issue(clock, EACH - 1)]
        return issued, clock.node, clock.stats().forks, clock.stats().resets

    own: list[bytes] = []
    results = forked([child] * CHILDREN, tmp_path, lambda: own.extend(_issue(clock, EACH)))
    everything = before + own + [each for result in results for each in result[0]]
    assert len(set(everything)) == len(everything) == 100 + (CHILDREN + 1) * EACH
    for issued, node, forks, resets in results:
        assert all(a < b for a, b in pairwise(issued))
        assert {Timestamp.from_bytes(each).node for each in issued} == {node}
        assert (forks, resets) == (1, 1)
    assert len({0x2A} | {result[1] for result in results}) == CHILDREN + 1
    assert clock.node == 0x2A


def test_looking_first_is_enough(tmp_path: Path) -> None:
    """Whichever call a child makes first, the node that it shows is the one that it stamps with."""
    clock = Clock(source=ManualSource(NOW_US))
    clock.now()
    looks: list[Callable[[], object]] = [
        lambda: clock.node, lambda: repr(clock), lambda: clock.last, clock.stats, lambda: clock.ahead_by, lambda: clock.epoch,
    ]  # fmt: skip

    def child(look: Callable[[], object]) -> tuple[int, int]:
        look()
        return clock.node, clock.now().node

    results = forked([lambda look=look: child(look) for look in looks], tmp_path)  # type: ignore[misc]
    assert all(shown == stamped != clock.node for shown, stamped in results)
    assert len({shown for shown, _ in results}) == len(looks)


def test_grandchildren(tmp_path: Path) -> None:
    """Each generation takes its own node, whether or not the one before has stamped."""
    clock = Clock(source=ManualSource(NOW_US))
    first = clock.now()

    def grandchild() -> bytes:
        return clock.now().to_bytes()

    def child(stamps_first: bool) -> list[bytes]:
        own = [clock.now().to_bytes()] if stamps_first else []
        folder = tmp_path / str(stamps_first)
        folder.mkdir()
        return [*own, *forked([grandchild] * 2, folder), clock.now().to_bytes()]

    results = forked([lambda: child(True), lambda: child(False)], tmp_path)
    stamps = [Timestamp.from_bytes(each) for result in results for each in result]
    assert len(set(stamps)) == 7
    assert len({ts.node for ts in stamps} | {first.node}) == 7
    assert all(first < ts for ts in stamps)


def test_a_clock_made_in_a_child_is_its_own(tmp_path: Path) -> None:
    """A clock that a child makes itself, even with a fixed node, is no copy of anything."""
    (result,) = forked([lambda: Clock(node=7, source=ManualSource(NOW_US)).now().to_bytes()], tmp_path)
    assert Timestamp.from_bytes(result) == stamp(NOW_US, 0, node=7)


def test_a_fork_in_the_middle_of_things(tmp_path: Path) -> None:
    """While other threads stamp, merge, are refused and look, children are forked: none of them hangs or repeats."""
    clock = Clock(max_drift=0.5)
    stop = threading.Event()
    far = stamp(4 * 10**15, node=2)

    def busy() -> None:
        while not stop.is_set():
            clock.now()
            with pytest.raises(ValueError, match="ahead of"):
                clock.update(far)
            clock.stats()

    def child() -> tuple[bytes, int]:
        with pytest.raises(ValueError, match="ahead of"):
            clock.update(far)
        clock.stats()
        return clock.now().to_bytes(), clock.stats().refused_drift

    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        results = [result for _ in range(20) for result in forked([child] * 2, tmp_path)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len({issued for issued, _ in results}) == len(results)
    assert len({Timestamp.from_bytes(issued).node for issued, _ in results}) == len(results)


@pytest.mark.skipif(flocktime.BACKEND == "pure", reason="the fallback sees the forks of Python alone")
def test_forks_that_python_does_not_see(tmp_path: Path) -> None:
    """A fork by foreign code, past Python's own hooks, gives the child another node as well."""
    clock = Clock(source=ManualSource(NOW_US))
    last = clock.now()
    result = tmp_path / "result"
    result.touch()
    with result.open("r+b", buffering=0) as file:
        pid = ctypes.PyDLL(None).fork()
        if pid == 0:
            try:
                os.write(file.fileno(), clock.now().to_bytes())
            finally:
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    issued = Timestamp.from_bytes(result.read_bytes())
    assert issued > last
    assert issued.node != last.node
    assert clock.now().node == last.node


def test_threads_of_a_child(tmp_path: Path) -> None:
    """When the threads of a child come to the clock first all at once, their timestamps differ all the same."""
    clock = Clock(source=ManualSource(NOW_US))
    clock.now()

    def child() -> list[bytes]:
        barrier = threading.Barrier(8)
        issued: list[bytes] = []

        def run() -> None:
            barrier.wait()
            for _ in range(50):
                issued.append(clock.now().to_bytes())

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return issued

    for issued in forked([child] * 10, tmp_path):
        assert len(set(issued)) == len(issued) == 400
