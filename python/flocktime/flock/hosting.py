"""The clock of a flock: one of its own, or the one that all processes of the host share."""

from __future__ import annotations

import os
from typing import Any

from flocktime._paths import file_path
from flocktime.clock import Clock, SkewedSource

__all__ = ["page_clock", "skewed"]


def skewed(source: SkewedSource | None) -> SkewedSource | None:
    """What a flock may steer in place of the operating system's clocks: only this kind shows an oscillator beneath."""
    if source is not None and not isinstance(source, SkewedSource):
        raise TypeError(f"source must be None or a SkewedSource, not {type(source).__name__}")
    return source


def page_clock(
    page: str | os.PathLike[str] | None,
    source: SkewedSource | None,
    own: dict[str, Any],
    *,
    steer: bool,
    **settings: Any,
) -> Clock | None:
    """The clock of the page, with these settings; ``None`` without a page. ``own`` is what a page has already.

    Raises:
        PageError: see ``Clock.open``. ValueError: something of ``own`` was given as well, or the member does not steer.
            TypeError: ``page`` is no path. There is no file then.
    """
    if page is None:
        return None
    page = file_path("page", page)
    if not steer:
        raise ValueError("steer=False cannot be given with a page: its clocks would wait for steering that never comes")
    given = [name for name, value in own.items() if value is not None]
    if given:
        raise ValueError(f"{given[0]} cannot be given with a page: all its clocks go on from where they are")
    return Clock.open(page, source=source, **settings)
