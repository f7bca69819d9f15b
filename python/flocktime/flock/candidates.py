"""Peers that a program finds by itself: a callable that is asked again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flocktime.flock.arguments import text

if TYPE_CHECKING:
    from flocktime._backend import FlockMember

__all__ = ["Candidates", "checked_names"]

_PATIENCE_S = 0.5


def checked_names(names: Iterable[str]) -> list[str]:
    """A list of ``host:port``; a single string would be taken for its letters."""
    if isinstance(names, str | bytes):
        raise TypeError("peers must be an iterable of 'host:port', not a single one")
    found = list(names)
    for name in found:
        if not isinstance(name, str):
            raise TypeError(f"peers must hold str 'host:port', not {type(name).__name__}")
        text("an address among the peers", name)
    return found


class Candidates:
    """Asks ``find`` now, in the caller's thread, and every ``every`` seconds in one of its own. While it fails, the latest answer
    stays; only where it fails at once there is none, and ``ValueError``.
    """

    def __init__(self, member: FlockMember, find: Callable[[], Iterable[str]], every: float) -> None:
        self._member = member
        self._find = find
        self._every = every
        self._stopping = threading.Event()
        #: Why the latest call failed, ``None`` if it did not.
        self.error: str | None = None
        failure = self._ask()  # the first failure is the caller's to see: nothing runs yet
        if failure is not None:
            raise ValueError(f"peers() failed: {self.error}") from failure
        self._thread = threading.Thread(target=self._run, name="flocktime-peers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No answer counts from now on. A call that hangs is not waited for longer than a moment: it is not this package's."""
        self._stopping.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            self._ask()

    def _ask(self) -> Exception | None:
        try:
            names = checked_names(self._find())
            if not self._stopping.is_set():
                self._member.set_peers(names)
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            return error
        self.error = None
        return None
