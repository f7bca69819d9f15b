"""Where true time lies for certain, as far as somebody vouches for a clock. Pure functions.

Everything is rounded away from the middle, so that an interval is never narrower than what it was made of.
"""

from __future__ import annotations

from collections import namedtuple

from flocktime._fallback.arithmetic import saturated_u64
from flocktime._fallback.layout import MAX_PHYSICAL

#: An oscillator is this far off its nominal rate at most, billionths: by so much a bound grows with its age. Twice what is sold
#: for computers, and the largest rate correction of a flock.
DRIFT_PPB = 200_000


class Bound(namedtuple("Bound", ("error_ns", "free_running", "by"))):
    """What a reading may be wrong by, either way."""

    __slots__ = ()
    error_ns: int
    free_running: bool  # nobody has measured it lately: it is an earlier one, grown
    by: str  # whose word it is


class Vouched(namedtuple("Vouched", ("wall_ns", "bound"))):
    """A reading, and what it may be wrong by; ``None``: nobody says."""

    __slots__ = ()
    wall_ns: int
    bound: Bound | None


def grown(error_ns: int, age_ns: int, drift_ppb: int) -> int:
    """What an error comes to after so many nanoseconds, at most."""
    return saturated_u64(error_ns - -(age_ns * drift_ppb) // 1_000_000_000)


def span_us(reading: Vouched) -> tuple[int, int] | None:
    """The earliest and the latest microsecond that true time may have been at; ``None``: nobody says."""
    if reading.bound is None:
        return None
    error_ns = reading.bound.error_ns
    earliest, latest = (reading.wall_ns - error_ns) // 1000, -(-(reading.wall_ns + error_ns) // 1000)
    return max(0, min(earliest, MAX_PHYSICAL)), max(0, min(latest, MAX_PHYSICAL))


def left_ns(reading: Vouched, physical_us: int) -> int | None:
    """How far the reading has to go on, the error staying as it is, until this whole microsecond has passed for certain;
    ``None``: nobody vouches for it."""
    if reading.bound is None:
        return None
    earliest = reading.wall_ns - reading.bound.error_ns
    return saturated_u64((physical_us + 1) * 1000 - earliest)


def status(reading: Vouched) -> str:
    """``synchronised``, ``free_running`` or ``unknown``."""
    if reading.bound is None:
        return "unknown"
    return "free_running" if reading.bound.free_running else "synchronised"
