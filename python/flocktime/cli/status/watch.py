"""Statuses one after the other: on the same place of a terminal, one below the other elsewhere, or as JSON lines."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from flocktime.flock.status import FlockStatus


class JsonLines:
    """One status a line; what went wrong goes to standard error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def status(self, plain: dict[str, Any], _status: FlockStatus) -> None:
        print(json.dumps(plain), flush=True)

    def nothing(self, why: str) -> None:
        print(f"flocktime status: {why}", file=sys.stderr, flush=True)


class Screen:
    """The table, drawn anew on a terminal and printed again elsewhere."""

    def __init__(self) -> None:
        from rich.live import Live

        from flocktime.cli.console import wide_console

        self._console = wide_console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def status(self, _plain: dict[str, Any], status: FlockStatus) -> None:
        from flocktime.cli.status.view import view

        self._show(view(status))

    def nothing(self, why: str) -> None:
        from rich.text import Text

        self._show(Text(why, "red"))

    def _show(self, what: Any) -> None:
        if self._live is not None:
            self._live.update(what, refresh=True)
        else:
            self._console.print(what)
            self._console.print()
            sys.stdout.flush()
