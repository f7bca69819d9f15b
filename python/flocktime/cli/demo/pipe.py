"""How the processes of the demonstration speak with their parent: a JSON object a line, over standard input and output."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, Final

#: No line is longer: the addresses of all services are.
MOST_LINE_BYTES: Final = 65_536


def say(**value: Any) -> None:
    """Tell the parent."""
    print(json.dumps(value), flush=True)


class Parent:
    """What the parent says. Read without ``sys.stdin``: a thread that is inside of that when the interpreter shuts down is
    a fatal error.
    """

    def __init__(self) -> None:
        self._buffer = b""

    def hear(self) -> dict[str, Any]:
        """The next thing it says."""
        found = self._next()
        if found is None:
            raise SystemExit("the parent process is gone")
        return found

    def follow(self, told: Callable[[dict[str, Any]], object], gone: Callable[[], object]) -> None:
        """Pass on, in a thread, what the parent says from now on, and then that it is gone, however it went."""

        def run() -> None:
            while (value := self._next()) is not None:
                told(value)
            gone()

        threading.Thread(target=run, name="parent", daemon=True).start()

    def _next(self) -> dict[str, Any] | None:
        while b"\n" not in self._buffer:
            chunk = os.read(0, 4096)
            if not chunk or len(self._buffer) > MOST_LINE_BYTES:
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        value: dict[str, Any] = json.loads(line)
        return value


def end_on_signals(busy: Callable[[], bool] = lambda: False) -> None:
    """End cleanly on the usual signals, unless ``busy``: then somebody else takes care of them."""

    def stop(*_: object) -> None:
        if not busy():
            raise SystemExit(0)

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)
