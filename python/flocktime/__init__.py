"""One notion of time for every service in a cluster: timestamps that respect causality and never go backwards."""

from flocktime.clock import (
    BACKEND,
    Clock,
    ClockError,
    ClockStats,
    DriftError,
    EpochError,
    ForkedClock,
    InvalidTimestamp,
    NodeCollision,
    SourceError,
    Timestamp,
)

__version__ = "0.1.0"

__all__ = [
    "BACKEND",
    "Clock",
    "ClockError",
    "ClockStats",
    "DriftError",
    "EpochError",
    "ForkedClock",
    "InvalidTimestamp",
    "NodeCollision",
    "SourceError",
    "Timestamp",
    "__version__",
]
