"""Between the threads where events happen and the one that orders them: a bounded buffer that stamps."""

from flocktime.buffer_errors import (
    BufferClosed,
    BufferEmpty,
    BufferFull,
    ClockWentBack,
    EventBufferError,
    ForkedBuffer,
    LateEvent,
    OrderPromised,
)
from flocktime.events.buffer import EventBuffer
from flocktime.stats import BufferStats

__all__ = [
    "BufferClosed",
    "BufferEmpty",
    "BufferFull",
    "BufferStats",
    "ClockWentBack",
    "EventBuffer",
    "EventBufferError",
    "ForkedBuffer",
    "LateEvent",
    "OrderPromised",
]
