"""Waiting for a buffer: threads by a lock of the interpreter's own, tasks by a future of their loop.

Both say to the buffer what to call (``_watch``), look once more, and only then sleep: whoever changes the buffer in between
calls it already. A lock's ``acquire`` lets the interpreter go, and comes back for signals.

Who was called and then goes away with nothing, because its time is over, it was interrupted or cancelled, passes the call on:
there may be somebody else who sleeps beside an event.
"""

from __future__ import annotations

import threading
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from flocktime.events.buffer import EventBuffer

    Wanted = Literal["items", "room"]

__all__ = ["Patience", "wait", "wait_async"]

T = TypeVar("T")


class Patience:
    """For how long to wait, from now on: seconds, ``None`` for ever."""

    __slots__ = ("_began", "_seconds")

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._began = monotonic()

    def waited(self) -> float:
        """Seconds since the beginning."""
        return monotonic() - self._began

    def left(self) -> float | None:
        """Seconds left, not negative; ``None``: no end."""
        return None if self._seconds is None else max(0.0, self._seconds - self.waited())


def wait(buffer: EventBuffer, what: Wanted, attempt: Callable[[], T | None], patience: Patience) -> T | None:
    """Attempt it until it yields something, whenever there is one of ``what``; ``None``: the time is over."""
    called = (
        True  # until the opposite is known: whatever ends this early, an interruption above all, passes the call on
    )
    try:
        while True:
            bell = threading.Lock()
            bell.acquire()
            wake = bell.release
            try:
                buffer._watch(what, 1, wake)
                left = patience.left()
                if (done := attempt()) is not None or left == 0:
                    called = not buffer._unwatch(what, wake)
                    return done
                bell.acquire(timeout=-1 if left is None else left)
            finally:
                buffer._unwatch(what, wake)
    finally:
        if called:
            buffer._pass_on(what)


async def wait_async(
    buffer: EventBuffer, what: Wanted, level: int, attempt: Callable[[], T | None], patience: Patience
) -> T | None:
    """``wait`` for a task: whenever there are ``level`` of ``what``."""
    if (done := attempt()) is not None:
        return done
    import asyncio  # most programs never wait here, and it takes longer to import than all of this package

    loop = asyncio.get_running_loop()
    called = True
    try:
        while True:
            bell: asyncio.Future[None] = loop.create_future()
            wake = partial(_wake, loop, bell)
            try:
                buffer._watch(what, level, wake)
                left = patience.left()
                if (done := attempt()) is not None or left == 0:
                    called = not buffer._unwatch(what, wake)
                    return done
                await asyncio.wait((bell,), timeout=left)
            finally:
                buffer._unwatch(what, wake)
                bell.cancel()
    finally:
        if called:
            buffer._pass_on(what)


def _wake(loop: asyncio.AbstractEventLoop, bell: asyncio.Future[None]) -> bool:
    """Called by whatever thread; false where the loop is closed: nobody waits there any more."""
    try:
        loop.call_soon_threadsafe(_ring, bell)
    except RuntimeError:
        if loop.is_closed():
            return False
        raise
    return True


def _ring(bell: asyncio.Future[None]) -> None:
    if not bell.done():
        bell.set_result(None)
