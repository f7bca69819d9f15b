"""The console that reports are printed on."""

from __future__ import annotations

from rich.console import Console


def wide_console() -> Console:
    """Standard output. Nobody folds lines in a pipe, so where it is no terminal it is wide enough for the tables."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 120)
    return console
