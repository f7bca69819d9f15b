"""Whom the clocks of a page follow, in words that processes hand to each other."""

from __future__ import annotations

from flocktime import Clock

__all__ = ["whom"]


def whom(clock: Clock) -> str:
    """The number of the member's process; where the clock follows the OS clock, what it says of that.

    A member that a busy machine lets wait is ``stale``: its line is followed all the same.
    """
    page = clock.page
    if page is None:
        return "none"
    return str(page.discipline_writer) if page.discipline in ("synchronised", "stale") else page.discipline
