"""A wrong oscillator, and where it stands against the one of the machine: the truth that everything is judged by.

All processes of a machine read one raw counter. A member's ``SkewedSource`` shows it with an offset and a rate that are
known; where exactly it began is found by reading both, one between two of the other. So a member's published line over its
own counter becomes a line over the common one, and all members can be compared at the same instant of that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from flocktime.clock import SkewedSource

__all__ = ["Mapping", "Shown", "line_at", "look", "mapped", "raw_ns", "wait_until"]

#: So many readings to find where a skewed counter stands. Each narrows it down; a few hundred leave some ten nanoseconds.
READINGS = 400
#: The best of so many looks at what a clock shows.
LOOKS = 7


def raw_ns() -> int:
    """The raw counter of the machine."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


def wait_until(at_ns: int) -> None:
    """Until the raw counter is there."""
    while (left_ns := at_ns - raw_ns()) > 0:
        time.sleep(left_ns / 1e9)


@dataclass(frozen=True, slots=True)
class Mapping:
    """``H = raw + raw * ppm / 1e6 + start_ns``, known to ``error_ns`` either way."""

    ppm: float
    start_ns: float
    error_ns: float

    def h_ns(self, at_raw_ns: int) -> float:
        """H less the raw counter; the counters themselves have too many digits for a float."""
        return at_raw_ns * self.ppm * 1e-6 + self.start_ns


def mapped(source: SkewedSource, ppm: float) -> Mapping:
    """Where a running source stands now. Anything done to it makes another one necessary."""
    lowest, highest = float("-inf"), float("inf")
    for _ in range(READINGS):
        before = raw_ns()
        h_ns = source.raw_ns()
        after = raw_ns()
        lowest = max(lowest, (h_ns - after) - after * ppm * 1e-6)
        highest = min(highest, (h_ns - before) - before * ppm * 1e-6)
    # A reading is rounded to whole nanoseconds on either side.
    return Mapping(ppm, (lowest + highest) / 2, abs(highest - lowest) / 2 + 2)


def line_at(report: dict[str, Any], mapping: Mapping, at_raw_ns: int) -> tuple[int, float]:
    """The disciplined clock of a member's report at an instant, and its rate error against the raw counter there.

    The report holds the clock's value at one H and the slope it has from there on; it is followed to the instant, a few
    milliseconds away.
    """
    slew = report["slew"] + report["utc_slew"]
    error = report["rate"] + slew + report["rate"] * slew
    ahead_ns = (at_raw_ns - report["raw_ns"]) + mapping.h_ns(at_raw_ns)
    rate = (1 + error) * (1 + mapping.ppm * 1e-6) - 1
    return report["time_ns"] + round(ahead_ns * (1 + error)), rate


@dataclass(frozen=True, slots=True)
class Shown:
    """What a clock showed at an instant of the raw counter, known to ``error_ns`` either way."""

    raw_ns: int
    wall_ns: int
    error_ns: float


def look(read: Callable[[], int]) -> Shown:
    """Read a clock between two readings of the raw counter; the narrowest of several tries."""
    best: Shown | None = None
    for _ in range(LOOKS):
        before = raw_ns()
        wall_ns = read()
        after = raw_ns()
        if best is None or (after - before) / 2 < best.error_ns:
            best = Shown((before + after) // 2, wall_ns, (after - before) / 2)
    assert best is not None
    return best
