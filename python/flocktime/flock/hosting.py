"""The clock of a flock: one of its own, or the one that all processes of the host share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from flocktime.clock import Clock

if TYPE_CHECKING:
    from flocktime.clock import SkewedSource

__all__ = ["page_clock"]


def page_clock(
    page: str | os.PathLike[str] | None, source: SkewedSource | None, own: dict[str, Any], **settings: Any
) -> Clock | None:
    """The clock of the page, with these settings; ``None`` without a page. ``own`` is what a page has already.

    Raises:
        PageError: see ``Clock.open``. ValueError: something of ``own`` was given as well.
    """
    if page is None:
        return None
    given = [name for name, value in own.items() if value is not None]
    if given:
        raise ValueError(f"{given[0]} cannot be given with a page: all its clocks go on from where they are")
    return Clock.open(page, source=source, **settings)
