"""``Bell``: wakes a thread that waits for its socket."""

from __future__ import annotations

import contextlib
import socket


class Bell:
    """Any thread rings; one waits until ``fileno`` becomes readable. Rings that nobody has heard yet add up to one."""

    __slots__ = ("_clapper", "_rope")

    def __init__(self) -> None:
        self._rope, self._clapper = socket.socketpair()
        self._rope.setblocking(False)
        self._clapper.setblocking(False)

    def ring(self) -> None:
        """Never blocks."""
        # The only error is that it is full of rings that nobody has heard yet.
        with contextlib.suppress(OSError):
            self._rope.send(b"\1")

    def hush(self) -> None:
        """Forget the rings so far."""
        with contextlib.suppress(BlockingIOError):
            while len(self._clapper.recv(64)) == 64:
                pass

    def fileno(self) -> int:
        return self._clapper.fileno()
