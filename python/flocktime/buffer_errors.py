"""Every error of an event buffer, once, for both backends.

As in ``flocktime.errors``: the backends report numbers, the sentence is written here. Whatever was refused is in the error.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any

    from flocktime._backend import Timestamp

__all__ = [
    "BufferClosed",
    "BufferEmpty",
    "BufferFull",
    "ClockWentBack",
    "EventBufferError",
    "ForkedBuffer",
    "LateEvent",
    "OrderPromised",
]


class EventBufferError(Exception):
    """The base of every error that an event buffer raises itself.

    Attributes:
        event: the event that was refused; ``None`` where there was none.
        events: of ``push_many`` all that were not taken in, in their order; else that one alone, or none.
        pushed: of ``push_many`` how many were taken in before.
    """

    def __init__(self, message: str, *, events: list[Any] | None = None, pushed: int = 0) -> None:
        super().__init__(message)
        self.events = [] if events is None else events
        self.event = self.events[0] if self.events else None
        self.pushed = pushed


class BufferFull(EventBufferError):
    """There was no room, at once or in time.

    Attributes:
        capacity: how many events fit.
    """

    def __init__(self, message: str, *, capacity: int = 0, **evidence: Any) -> None:
        super().__init__(message, **evidence)
        self.capacity = capacity


class BufferEmpty(EventBufferError):
    """There was no event, at once or in time.

    Attributes:
        waited: for how long it was waited, in seconds.
    """

    def __init__(self, message: str, *, waited: float = 0.0, **evidence: Any) -> None:
        super().__init__(message, **evidence)
        self.waited = waited


class BufferClosed(EventBufferError):
    """The buffer takes no more events in; or, to a consumer, it is closed and empty."""


class LateEvent(EventBufferError, ValueError):
    """The timestamp given does not lie above the watermark: no such event was to come any more.

    Attributes:
        timestamp: what was given.
        watermark: what was promised.
    """

    def __init__(
        self, message: str, *, timestamp: Timestamp | None = None, watermark: Timestamp | None = None, **evidence: Any
    ) -> None:
        super().__init__(message, **evidence)
        self.timestamp = timestamp
        self.watermark = watermark


class OrderPromised(EventBufferError, ValueError):
    """A timestamp was given to a buffer that stamps its events itself, and has promised their order.

    Give every event its timestamp from the first one on, or make the buffer with ``max_delay=``.
    """


class ClockWentBack(EventBufferError):
    """The buffer's clock was reset: its timestamps do not lie above those that are inside or were taken out.

    Take the rest out, close the buffer, and make a new one.

    Attributes:
        timestamp: what the clock says.
        last: what has to lie below.
    """

    def __init__(
        self, message: str, *, timestamp: Timestamp | None = None, last: Timestamp | None = None, **evidence: Any
    ) -> None:
        super().__init__(message, **evidence)
        self.timestamp = timestamp
        self.last = last


class ForkedBuffer(EventBufferError):
    """An iteration that began before a fork was continued in the child, whose buffer is a fresh and empty one. Or a thread waited
    when a signal's handler forked in the middle of it.

    Its producers are threads of the parent; nobody would ever wake who waits here. Begin anew.
    """


# What the backends call: the events that were refused and the numbers in, the finished error out.


def _full(events: list[Any], capacity: int, unwritten: bool = False) -> BufferFull:
    why = ", and the oldest is still being written" if unwritten else ""
    return BufferFull(f"the buffer is full: it holds {capacity} events{why}", capacity=capacity, events=events)


def _empty(waited: float) -> BufferEmpty:
    return BufferEmpty(f"the buffer is empty, after waiting for {waited:.3f} s", waited=waited)


def _closed(events: list[Any]) -> BufferClosed:
    return BufferClosed("the buffer is closed: it takes no more events in", events=events)


def _closed_and_empty() -> BufferClosed:
    return BufferClosed("the buffer is closed and empty: no event will come any more")


def _late(events: list[Any], timestamp: Any, watermark: Any) -> LateEvent:
    behind = "" if timestamp.epoch != watermark.epoch else f" by {(watermark - timestamp).total_seconds():.6f} s"
    message = f"{timestamp} is late{behind}: no event up to {watermark} was to come any more"
    return LateEvent(message, timestamp=timestamp, watermark=watermark, events=events)


def _order_promised(events: list[Any]) -> OrderPromised:
    message = (
        "this buffer stamps its events itself and has promised their order: give timestamps from the first event on, "
        "or make it with max_delay="
    )
    return OrderPromised(message, events=events)


def _clock_went_back(events: list[Any], timestamp: Any, last: Any) -> ClockWentBack:
    message = f"the clock was reset: its {timestamp} does not lie above {last}, which this buffer has promised; make a new one"
    return ClockWentBack(message, timestamp=timestamp, last=last, events=events)


def _of_many(error: Any, pushed: int, events: list[Any]) -> Any:
    """The same error about several events. What is no error of a buffer (a clock's, say) gets the same attributes."""
    error.pushed, error.events = pushed, events
    error.event = events[0] if events else None
    return error


def _forked_iteration() -> ForkedBuffer:
    return ForkedBuffer("this iteration began before a fork: in the child the buffer is a new one, and empty")


def _forked_wait() -> ForkedBuffer:
    return ForkedBuffer("this wait began before a fork: in the child the buffer is a new one, and empty")
