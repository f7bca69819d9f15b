"""Who waits for a buffer: callables, each to be called once."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from collections import deque

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    #: How much has to be there, and what to call then.
    Watcher = tuple[int, Callable[[], Any]]


class Watchers:
    """In the order in which they came. They are called without the lock: a call may run anything."""

    __slots__ = ("_lock", "_waiting")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting: deque[Watcher] = deque()

    def add(self, level: int, wake: Callable[[], Any]) -> None:
        with self._lock:
            self._waiting.append((level, wake))

    def remove(self, wake: Callable[[], Any]) -> bool:
        """Whether it was still there."""
        with self._lock:
            for watcher in tuple(self._waiting):
                if watcher[1] is wake:
                    return self._take(watcher)
        return False

    def ring(self, most: int, there: int) -> None:
        """Call up to ``most`` of those whom ``there`` is enough for. Who answers ``False`` is gone: the next one is called.

        All of them, whatever one of the calls raises: that one is made again by another thread. Where it lacked stack or memory,
        that is the end of it, or an error where there is not enough for that either; anything else was raised by code that came
        in between, a signal's handler say, and is raised here.
        """
        called, interruption = 0, None
        while self._waiting and called < most:
            taken: list[Watcher] = []  # before it is out: an interruption finds it here or there
            try:
                if not self._next(there, taken):
                    break
                called += taken[0][1]() is not False
            except BaseException as error:
                exhausted = isinstance(error, (RecursionError, MemoryError))
                called += len(taken)
                done = not exhausted if not taken else self._is_called_elsewhere(taken[0])
                if interruption is None and not (exhausted and done):
                    interruption = error
                if not done:
                    break
        if interruption is not None:
            raise interruption

    def _next(self, there: int, taken: list[Watcher]) -> bool:
        """Take one out, into ``taken``."""
        with self._lock:
            for watcher in tuple(self._waiting):
                if watcher[0] <= there:
                    taken[:] = (watcher,)
                    if self._take(watcher):
                        return True
        taken.clear()
        return False

    def _is_called_elsewhere(self, watcher: Watcher) -> bool:
        """By a thread of its own, which has all its stack. Else it is back in the list, for the next one who comes by."""
        try:
            with self._lock:
                self._take(watcher)  # where that was interrupted
            start_new_thread(watcher[1], ())
        except (RuntimeError, MemoryError):  # no such thread; no stack is a RuntimeError too
            with self._lock:
                self._waiting.appendleft(watcher)
            return False
        return True

    def _take(self, watcher: Watcher) -> bool:
        """Out with it; false where something else of this very thread was faster."""
        try:
            self._waiting.remove(watcher)
        except ValueError:
            return False
        return True
