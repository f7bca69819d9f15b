"""What the worker processes of the tests run; imported by name in each of them."""

from __future__ import annotations

from flocktime import Clock

#: Made at import: forked workers inherit it, spawned ones make their own.
clock = Clock()


def issue(count: int) -> list[bytes]:
    """So many timestamps of this process."""
    return [clock.now().to_bytes() for _ in range(count)]


def stamp_with(given: Clock) -> bytes:
    """Never runs: a clock does not travel to another process."""
    return given.now().to_bytes()
