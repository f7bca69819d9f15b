"""What processes on one page do in the tests of ``multiprocessing``; imported by name in each of them."""

from __future__ import annotations

import os

from flocktime import Clock

#: The page of this process: inherited at a fork, opened by whoever was started anew.
clock: Clock | None = None


def open_page(path: str) -> None:
    """Before anything else, in processes that inherit nothing."""
    global clock
    clock = Clock.open(path)


def issue(count: int) -> tuple[int, list[bytes]]:
    """So many timestamps, made in every way, and whose they are."""
    assert clock is not None, "this process has no page"
    issued: list[bytes] = []
    while len(issued) < count:
        now = clock.now()
        issued += [ts.to_bytes() for ts in (now, clock.update(now), *clock.now_many(3))]
    return os.getpid(), issued[:count]
