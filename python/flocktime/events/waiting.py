"""Waiting for a buffer: threads by a queue of the interpreter's own, tasks by a future of their loop.

Both say to the buffer what to call (``_watch``), look once more, and only then sleep: whoever changes the buffer in between
calls it already. A queue's ``get`` lets the interpreter go, and comes back for signals; its ``put`` may come twice, is not
Python's, so that nothing interrupts it, and works at the end of the stack.

Who was called and then goes away with nothing, because its time is over, it was interrupted or cancelled, passes the call on:
there may be somebody else who sleeps beside an event. What must be done at the end is done once more where that was interrupted,
by a signal's handler that raises: a watcher that is left behind would swallow somebody's call. That is written out at each
place: a function for it would be one more to be interrupted at its entry, before it has done anything.
"""

from __future__ import annotations

import os
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Literal, TypeVar

from flocktime.buffer_errors import _forked_wait

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from flocktime.events.buffer import EventBuffer

    Wanted = Literal["items", "room"]

__all__ = ["Patience", "wait", "wait_async"]

T = TypeVar("T")
Bell = SimpleQueue[None]

#: The threads that sleep. A child that a signal's handler forks off one of them has the sleeper and nobody who calls it.
_asleep: set[Bell] = set()


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
    """Attempt it until it yields something, whenever there is one of ``what``; ``None``: the time is over.

    Raises:
        ForkedBuffer: this is a child of the process that began to wait.
    """
    generation = buffer._generation()
    called = (
        True  # until the opposite is known: whatever ends this early, an interruption above all, passes the call on
    )
    try:
        while True:
            bell: Bell = SimpleQueue()
            wake = partial(bell.put, None)
            try:
                buffer._watch(what, 1, wake)
                _asleep.add(bell)
                if buffer._generation() != generation:
                    raise _forked_wait()
                left = patience.left()
                if (done := attempt()) is not None or left == 0:
                    called = not buffer._unwatch(what, wake)
                    return done
                bell.get(timeout=left)
            except Empty:
                pass
            finally:
                try:
                    buffer._unwatch(what, wake)
                except BaseException:
                    buffer._unwatch(what, wake)
                    raise
                finally:
                    _asleep.discard(bell)
    finally:
        if called:
            try:
                buffer._pass_on(what)
            except BaseException:
                buffer._pass_on(what)
                raise


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
                try:
                    buffer._unwatch(what, wake)
                except BaseException:
                    buffer._unwatch(what, wake)
                    raise
                finally:
                    bell.cancel()
    finally:
        if called:
            try:
                buffer._pass_on(what)
            except BaseException:
                buffer._pass_on(what)
                raise


def _wake(loop: asyncio.AbstractEventLoop, bell: asyncio.Future[None]) -> bool:
    """Called by whatever thread; false where the loop is closed or stands still: nobody is about to come from there."""
    try:
        loop.call_soon_threadsafe(_ring, bell)
    except RuntimeError:
        if loop.is_closed():
            return False
        raise
    return loop.is_running()


def _ring(bell: asyncio.Future[None]) -> None:
    if not bell.done():
        bell.set_result(None)


def _entered_child() -> None:
    for bell in tuple(_asleep):
        bell.put(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_entered_child)
