"""How far the measurement is, drawn between blocks: a drawing thread would take the interpreter from a timed loop."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

__all__ = ["shown_on"]


@contextmanager
def shown_on(console: Console, blocks: int) -> Iterator[Callable[[int], object]]:
    """Yield what to call with the number of finished blocks."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("blocks", total=blocks)
        yield lambda done: progress.update(task, completed=done, refresh=True)
