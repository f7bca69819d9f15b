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
from flocktime.stats import ClockStats

__all__ = [
    "BACKEND",
    "Clock",
    "ClockError",
    "ClockStats",
    "DriftError",
    "EpochError",
    "ForkedClock",
    "InvalidTimestamp",
    "ManualSource",
    "NodeCollision",
    "NotReady",
    "SkewedSource",
    "SourceError",
    "Timestamp",
]
