"""What a node shows on a terminal: its status, redrawn every second."""

from __future__ import annotations

import os
from collections import deque
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from flocktime.cli.status.view import view
from flocktime.cli.status.words import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flocktime.flock import Flock
    from flocktime.flock.status import FlockStatus, StateChange

#: So many notes stay below the table.
_MOST_NOTES: Final = 5
#: Rows that are not peers'.
_OTHER_ROWS: Final = 18


class LiveTeller:
    """The table with the latest notes below it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = Console(highlight=False) if console is None else console
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._notes: deque[str] = deque(maxlen=_MOST_NOTES)
        self._status: FlockStatus | None = None

    def __enter__(self) -> Self:
        with self._as_long_as_it_is_there():
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._as_long_as_it_is_there():
            self._live.stop()

    def started(self, flock: Flock, status_address: str | None) -> None:
        if status_address is not None:
            self.note(f"status on {status_address}")
        self.looked(flock.status())

    def changed(self, _change: StateChange, status: FlockStatus) -> None:
        self.looked(status)

    def looked(self, status: FlockStatus) -> None:
        self._status = status
        self._draw()

    def note(self, message: str) -> None:
        self._notes.append(clean(message))
        self._draw()

    def stopped(self, why: str) -> None:
        with self._as_long_as_it_is_there():
            self._live.stop()
            self._console.print(Text(clean(why)))

    def _draw(self) -> None:
        if self._status is None:
            return
        rows = max(1, self._console.size.height - _OTHER_ROWS)
        shown = Group(view(self._status, rows), *(Text(note, "dim") for note in self._notes))
        with self._as_long_as_it_is_there():
            self._live.update(shown, refresh=True)

    @contextmanager
    def _as_long_as_it_is_there(self) -> Iterator[None]:
        """A window that was closed is no reason to leave the flock, nor to end otherwise than in order."""
        try:
            yield
        except OSError:
            # It does not come back. What rich and the stream keep of what they could not write goes nowhere, from now on.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._console.file.fileno())
