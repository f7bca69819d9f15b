"""The loops that a buffer and a queue are timed in: what goes in comes out in the same step, or a batch at a time.

As in ``flocktime.cli.bench.forms``: whatever is called is a local, and each returns the nanoseconds that its steps took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

from flocktime.cli.bench.forms import clock_ns

__all__ = ["batch", "consumed_batch", "consumed_singly", "given", "pairs", "singly", "stamped", "stamped_pairs"]

Call = Callable[..., Any]
Fill = Callable[[], object]


def stamped(steps: Iterable[object], push: Call, pop: Call, event: object) -> int:
    """``push(event); pop()``."""
    start = clock_ns()
    for _ in steps:
        push(event)
        pop()
    return clock_ns() - start


def given(steps: Iterable[object], push: Call, pop: Call, event: object, stamp: object) -> int:
    """``push(event, stamp); pop()``."""
    start = clock_ns()
    for _ in steps:
        push(event, stamp)
        pop()
    return clock_ns() - start


def stamped_pairs(steps: Iterable[object], put: Call, get: Call, event: object, clock: Call) -> int:
    """``put((clock(), event)); get()``."""
    start = clock_ns()
    for _ in steps:
        put((clock(), event))
        get()
    return clock_ns() - start


def pairs(steps: Iterable[object], put: Call, get: Call, event: object, stamp: object) -> int:
    """``put((stamp, event)); get()``."""
    start = clock_ns()
    for _ in steps:
        put((stamp, event))
        get()
    return clock_ns() - start


def batch(steps: Iterable[object], fill: Fill, drain: Call, count: int) -> int:
    """``drain(count)`` of a buffer that was filled before: filling it, and freeing what came out, is not timed."""
    spent = 0
    for _ in steps:
        fill()
        start = clock_ns()
        taken = drain(count)
        spent += clock_ns() - start
        del taken
    return spent


def singly(steps: Iterable[object], fill: Fill, get: Call, count: int) -> int:
    """The same list by ``get()``, one call for each."""
    spent = 0
    for _ in steps:
        fill()
        start = clock_ns()
        taken = [get() for _ in repeat(None, count)]
        spent += clock_ns() - start
        del taken
    return spent


def consumed_batch(steps: Iterable[object], fill: Fill, drain: Call, count: int) -> int:
    """``for stamp, event in drain(count)``, freeing included."""
    spent = 0
    for _ in steps:
        fill()
        start = clock_ns()
        for _stamp, _event in drain(count):
            pass
        spent += clock_ns() - start
    return spent


def consumed_singly(steps: Iterable[object], fill: Fill, get: Call, count: int) -> int:
    """``stamp, event = get()``, freeing included."""
    spent = 0
    for _ in steps:
        fill()
        start = clock_ns()
        for _ in repeat(None, count):
            _stamp, _event = get()
        spent += clock_ns() - start
    return spent


def filling(put: Call, items: Sequence[object]) -> Fill:
    """Puts these in, one call for each."""

    def fill() -> None:
        for item in items:
            put(item)

    return fill
