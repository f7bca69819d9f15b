"""What processes on one page do in the tests of ``multiprocessing``; imported by name in each of them."""

from __future__ import annotations

import os
from itertools import count

from flocktime import Clock
from tests.processes.page.following import whom

#: The page of this process: inherited at a fork, opened by whoever was started anew.
clock: Clock | None = None
_numbers = count()


def open_page(path: str) -> None:
    """Before anything else, in processes that inherit nothing."""
    global clock
    clock = Clock.open(path)


def issue(many: int) -> tuple[int, int, list[bytes]]:
    """The process, how often it was asked before, and so many timestamps, made in every way."""
    assert clock is not None, "this process has no page"
    issued: list[bytes] = []
    while len(issued) < many:
        now = clock.now()
        issued += [ts.to_bytes() for ts in (now, clock.update(now), *clock.now_many(3))]
    return os.getpid(), next(_numbers), issued[:many]


def issue_following(many: int) -> tuple[str, int, int, list[bytes]]:
    """The same, and whom the clock follows meanwhile."""
    issued = issue(many)
    assert clock is not None
    return whom(clock), *issued
