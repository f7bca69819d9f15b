"""One notion of time for every service in a cluster: timestamps that respect causality and never go backwards."""

from flocktime.clock import (
    BACKEND,
    Clock,
    ClockBoundError,
    ClockError,
    ClockStats,
    DriftError,
    EpochError,
    ForkedClock,
    Interval,
    InvalidTimestamp,
    LeaseExpired,
    NodeCollision,
    NotReady,
    PageError,
    PageStatus,
    SourceError,
    Timestamp,
    TimeUnknown,
    WaitTimeout,
)

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from flocktime.events import EventBuffer
    from flocktime.flock import Flock


def __getattr__(name: str) -> object:
    """What stands above the clock is imported when it is first asked for: most programs start with a clock, in milliseconds."""
    if name == "Flock":
        from flocktime.flock import Flock

        globals()["Flock"] = Flock
        return Flock
    if name == "EventBuffer":
        from flocktime.events import EventBuffer

        globals()["EventBuffer"] = EventBuffer
        return EventBuffer
    raise AttributeError(f"module 'flocktime' has no attribute {name!r}")


__all__ = [
    "BACKEND",
    "Clock",
    "ClockBoundError",
    "ClockError",
    "ClockStats",
    "DriftError",
    "EpochError",
    "EventBuffer",
    "Flock",
    "ForkedClock",
    "Interval",
    "InvalidTimestamp",
    "LeaseExpired",
    "NodeCollision",
    "NotReady",
    "PageError",
    "PageStatus",
    "SourceError",
    "TimeUnknown",
    "Timestamp",
    "WaitTimeout",
    "__version__",
]
