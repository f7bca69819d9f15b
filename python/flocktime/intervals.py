"""Where true time lies for certain, and what is wrong when nobody knows. Both backends report numbers; this is what they mean."""

from __future__ import annotations

import os

from flocktime.errors import ClockError, _FileError

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any

    from flocktime._backend import Timestamp

__all__ = ["ClockBoundError", "Interval", "TimeUnknown", "WaitTimeout"]


class Interval:
    """Where true time (UTC) lay for certain, at some moment while ``clock.interval()`` ran.

    Attributes:
        earliest: true time was no earlier; a timestamp of the clock's epoch, or ``None`` while nobody knows. It lies below all
            others of its microsecond.
        latest: true time was no later; likewise.
        status: ``"synchronised"``, ``"free_running"`` (nobody has compared the clock lately: the bound is an earlier one, grown
            by what a clock may drift) or ``"unknown"`` (nobody vouches for it).
        vouched_by: whose word it is: ``"flock"``, ``"clockbound"``, ``"system"`` (the kernel's) or ``"source"``; or ``None``.
    """

    __slots__ = ("earliest", "latest", "status", "vouched_by")

    earliest: Timestamp | None
    latest: Timestamp | None
    status: str
    vouched_by: str | None

    def __init__(self, earliest: Any, latest: Any, status: str, vouched_by: str | None) -> None:
        self.earliest = earliest
        self.latest = latest
        self.status = status
        self.vouched_by = vouched_by

    @property
    def width(self) -> timedelta | None:
        """From the earliest to the latest; ``None`` while nobody knows."""
        return None if self.earliest is None or self.latest is None else self.latest - self.earliest

    def as_dict(self) -> dict[str, object]:
        """The same as a plain dictionary."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == other.as_dict() if isinstance(other, Interval) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.earliest, self.latest, self.status, self.vouched_by))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
        return f"Interval({shown})"


class TimeUnknown(ClockError):
    """Nobody vouches for the clock: whether a timestamp has passed could never be certain.

    Attributes:
        stamp: the timestamp that was to be waited for.
    """

    def __init__(self, message: str, *, stamp: Timestamp | None = None) -> None:
        super().__init__(message)
        self.stamp = stamp


class WaitTimeout(ClockError, TimeoutError):
    """The timeout of a wait was over before the timestamp had passed for certain.

    Attributes:
        stamp: the timestamp that was waited for.
        left: how much longer it would have taken, as far as was known.
    """

    def __init__(self, message: str, *, stamp: Timestamp | None = None, left: timedelta | None = None) -> None:
        super().__init__(message)
        self.stamp = stamp
        self.left = left


class ClockBoundError(_FileError):
    """The shared memory of a ClockBound daemon cannot be used.

    Attributes:
        path: the file.
        reason: ``"os"`` (the operating system refuses), ``"size"``, ``"foreign"`` (not ClockBound's), ``"version"``,
            ``"unwritten"`` (no daemon has written it yet), ``"unsettled"`` (one is in the middle of it, and stays there) or
            ``"damaged"``.
    """


# What the backends call: numbers in, the finished error out. Timestamps are those of either backend.


def _unknown(stamp: Any) -> TimeUnknown:
    message = (
        f"cannot wait for {stamp}: nobody vouches for this clock, so it is never certain that it has passed "
        "(clock.interval() says so; docs/intervals.md says who may vouch)"
    )
    return TimeUnknown(message, stamp=stamp)


def _timed_out(stamp: Any, left: timedelta) -> WaitTimeout:
    message = f"{stamp} has not passed for certain within the timeout: {left.total_seconds():.6f} s were left"
    return WaitTimeout(message, stamp=stamp, left=left)


def _clockbound(path: str | os.PathLike[str], why: str, number: int = 0) -> ClockBoundError:
    path = os.fspath(path)
    complaint = {
        "os": os.strerror(number) if number else "the operating system refuses",
        "size": f"it has {number} bytes, a record has 80",
        "foreign": "it is not ClockBound's",
        "version": f"it is of version {number} of ClockBound's shared memory protocol, this reads 2",
        "unwritten": "no daemon has written it yet",
        "unsettled": "a daemon is in the middle of writing it, and stays there",
        "damaged": "its numbers cannot be",
    }[why]
    errno = number if why == "os" and number else None
    return ClockBoundError(f"cannot use ClockBound's {path}: {complaint}", path=path, reason=why, errno=errno)
