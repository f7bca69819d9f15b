"""Log records through an event buffer: whoever logs never waits for a disk, and the records are in one order.

``EventBufferHandler(buffer)`` puts them in; ``hand_on(buffer, handlers)`` takes them out, in a thread of its own say::

    logging.getLogger().addHandler(EventBufferHandler(buffer := EventBuffer(10_000, overflow="drop_oldest")))
    threading.Thread(target=hand_on, args=(buffer, [logging.FileHandler("service.log")])).start()
    ...
    buffer.close()

Either way the timestamp ends up in ``record.flocktime``, where a formatter finds it: ``"%(flocktime)s %(message)s"``.
"""

from __future__ import annotations

import logging
from logging.handlers import QueueHandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flocktime.events import EventBuffer

__all__ = ["EventBufferHandler", "hand_on"]


class EventBufferHandler(logging.Handler):
    """Pushes each record, prepared as ``logging.handlers.QueueHandler`` does: message and traceback are text, arguments are gone.

    Logging does not wait, unless the buffer was made with ``overflow="block"``. What the buffer refuses goes to ``handleError``,
    as any failure of a handler does. The record that was logged gets the timestamp as ``record.flocktime``, for the handlers
    behind this one; of the record in the buffer it is the timestamp that comes out with it.

    Args:
        buffer: the event buffer. Its clock stamps.
    """

    def __init__(self, buffer: EventBuffer) -> None:
        super().__init__()
        self.buffer = buffer

    def prepare(self, record: logging.LogRecord) -> Any:
        """What is pushed for a record: ``QueueHandler``'s copy of it, by this handler's formatter."""
        return QueueHandler.prepare(self, record)  # type: ignore[arg-type]  # it uses nothing else of a handler

    def emit(self, record: logging.LogRecord) -> None:
        """Stamp and push a record."""
        try:
            record.flocktime = self.buffer.push(self.prepare(record))
        except Exception:
            self.handleError(record)


def hand_on(buffer: EventBuffer, handlers: Iterable[logging.Handler]) -> None:
    """Take records out as they come and give each to all handlers whose level it has, until the buffer is closed and empty."""
    handlers = list(handlers)
    for timestamp, record in buffer:
        record.flocktime = timestamp
        for handler in handlers:
            if record.levelno >= handler.level:
                handler.handle(record)
