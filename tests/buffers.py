"""What tests of event buffers share: one that says when somebody waits, threads that report, and the account."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from flocktime import Clock, EventBuffer, Timestamp
from flocktime.testing import ManualSource
from tests.support import NOW_US

#: A safety net: nothing that works takes as long.
PATIENCE_S = 60

Pairs = Iterable[tuple[Timestamp, Any]]


class Watched(EventBuffer):
    """Says when somebody is about to wait, and is on the list of those to wake: ``waiting`` is released once for each time."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.waiting = threading.Semaphore(0)

    def _watch(self, *arguments: Any) -> None:
        super()._watch(*arguments)
        self.waiting.release()

    def until_somebody_waits(self, count: int = 1) -> None:
        """Return when so many have begun to wait, since this was last asked."""
        for _ in range(count):
            assert self.waiting.acquire(timeout=PATIENCE_S), "nobody waits"


class Running(threading.Thread):
    """A thread whose result, or error, is to be had."""

    def __init__(self, run: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._call, self._result, self._error = run, None, None
        self.start()

    def run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:
            self._error = error

    def result(self, patience_s: float = PATIENCE_S) -> Any:
        """What the function returned or raised."""
        self.join(patience_s)
        assert not self.is_alive(), "still at it"
        if self._error is not None:
            raise self._error
        return self._result


def together(*functions: Callable[[], Any], patience_s: float = PATIENCE_S) -> list[Any]:
    """The results of functions that run in threads at the same time."""
    barrier = threading.Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        barrier.wait(PATIENCE_S)
        return function()

    threads = [Running(lambda function=function: run(function)) for function in functions]  # type: ignore[misc]
    return [thread.result(patience_s) for thread in threads]


def by_hand(capacity: int = 4, **options: Any) -> tuple[EventBuffer, ManualSource]:
    """A buffer whose clock, of node 1, stands still until it is moved."""
    source = ManualSource(NOW_US)
    return EventBuffer(capacity, clock=Clock(node=1, source=source), **options), source


def events(pairs: Pairs) -> list[Any]:
    """Without their timestamps."""
    return [event for _, event in pairs]


def is_ascending(pairs: Pairs) -> bool:
    """Strictly, by timestamp."""
    return all(a[0] < b[0] for a, b in pairwise(pairs))


def adds_up(buffer: EventBuffer) -> bool:
    """Whether every event is accounted for, and what is inside is what it says."""
    stats = buffer.stats()
    return (
        stats.pushed == stats.drained + stats.dropped + stats.rejected + stats.inside
        and stats.inside == len(buffer) <= stats.high_water <= stats.capacity == buffer.capacity
        and stats.closed == buffer.closed
    )


@contextmanager
def changed(get: Callable[[], Any], put: Callable[..., Any], *value: Any) -> Iterator[None]:
    """A setting of the interpreter, for a while."""
    usual = get()
    put(*value)
    try:
        yield
    finally:
        put(*usual) if isinstance(usual, tuple) else put(usual)
