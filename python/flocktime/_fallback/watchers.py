"""Who waits for a buffer: callables, each to be called once."""

from __future__ import annotations

import threading
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
        """Call up to ``most`` of those whom ``there`` is enough for. Who answers ``False`` is gone: the next one is called."""
        called = 0
        while self._waiting and called < most:
            watcher = self._next(there)
            if watcher is None:
                return
            try:
                called += watcher[1]() is not False
            except BaseException:
                with self._lock:
                    self._waiting.appendleft(watcher)  # an interruption, say: nobody may sleep on because of it
                raise

    def _next(self, there: int) -> Watcher | None:
        with self._lock:
            for watcher in tuple(self._waiting):
                if watcher[0] <= there and self._take(watcher):
                    return watcher
        return None

    def _take(self, watcher: Watcher) -> bool:
        """Out with it; false where something else of this very thread was faster."""
        try:
            self._waiting.remove(watcher)
        except ValueError:
            return False
        return True
