"""Clocks and the timestamps they issue, with the sources of time they can run on."""

from flocktime._backend import BACKEND, Clock, ManualSource, SkewedSource, Timestamp
from flocktime.errors import (
    ClockError,
    DriftError,
    EpochError,
    ForkedClock,
    InvalidTimestamp,
    NodeCollision,
    NotReady,
    SourceError,
)
from flocktime.intervals import ClockBoundError, Interval, TimeUnknown, WaitTimeout
from flocktime.page_errors import LeaseExpired, PageError
from flocktime.stats import ClockStats, PageStatus

__all__ = [
    "BACKEND",
    "Clock",
    "ClockBoundError",
    "ClockError",
    "ClockStats",
    "DriftError",
    "EpochError",
    "ForkedClock",
    "Interval",
    "InvalidTimestamp",
    "LeaseExpired",
    "ManualSource",
    "NodeCollision",
    "NotReady",
    "PageError",
    "PageStatus",
    "SkewedSource",
    "SourceError",
    "TimeUnknown",
    "Timestamp",
    "WaitTimeout",
]
