"""The loops that everything is timed in: the same form for the same call, whoever is called.

Each takes the steps to iterate over first and whatever it calls as locals, so that no subject pays for a global or an
attribute lookup that another does not. Each returns the nanoseconds that all its steps took together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import get_clock_info, perf_counter_ns, thread_time_ns
from types import FunctionType
from typing import Any

__all__ = ["TIMED_BY", "Loop", "attribute", "call", "call_with", "clock_ns", "equal", "fresh", "less", "nothing"]

Loop = Callable[..., int]

#: Loops are timed by the processor time of their thread, where that is fine-grained: on a machine that has other work,
#: a loop is put aside in the middle, and by the clock on the wall it would seem several times as slow. Nothing that is
#: timed here waits, so nothing is lost by it.
TIMED_BY = "thread time" if get_clock_info("thread_time").resolution <= 1e-6 else "wall time"
clock_ns: Callable[[], int] = thread_time_ns if TIMED_BY == "thread time" else perf_counter_ns


def nothing(steps: Iterable[object]) -> int:
    """The loop itself: what every other figure contains."""
    start = clock_ns()
    for _ in steps:
        pass
    return clock_ns() - start


def call(steps: Iterable[object], function: Callable[[], object]) -> int:
    """``function()``."""
    start = clock_ns()
    for _ in steps:
        function()
    return clock_ns() - start


def call_with(steps: Iterable[object], function: Callable[[Any], object], argument: object) -> int:
    """``function(argument)``."""
    start = clock_ns()
    for _ in steps:
        function(argument)
    return clock_ns() - start


def less(steps: Iterable[object], a: Any, b: Any) -> int:
    """``a < b``."""
    start = clock_ns()
    for _ in steps:
        a < b  # noqa: B015
    return clock_ns() - start


def equal(steps: Iterable[object], a: object, b: object) -> int:
    """``a == b``."""
    start = clock_ns()
    for _ in steps:
        a == b  # noqa: B015
    return clock_ns() - start


def attribute(steps: Iterable[object], value: Any) -> int:
    """``value.bytes``: how UUIDs hand out theirs."""
    start = clock_ns()
    for _ in steps:
        value.bytes  # noqa: B018
    return clock_ns() - start


def fresh(loop: Loop, name: str) -> Loop:
    """The same loop with a code object of its own.

    The interpreter specialises a loop's instructions for the first types it meets there and keeps that in the code
    object: in a shared one, the second subject would run through the first one's caches and pay for the mismatch.
    """
    if not isinstance(loop, FunctionType):
        raise TypeError(f"loop must be a plain function, not {type(loop).__name__}")
    code = loop.__code__.replace(co_name=name)
    return FunctionType(code, loop.__globals__, name, loop.__defaults__, loop.__closure__)
