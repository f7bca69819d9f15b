"""``Refused``: why an event buffer did not take events in."""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Refused(namedtuple("Refused", ("error", "is_full"), defaults=(False,))):
    """Why events were not taken in: ``error`` makes the exception of them.

    It is returned inside and raised where it is counted, so that none is confused with what a clock's own source raises.
    """

    __slots__ = ()
    error: Callable[[list[Any]], BaseException]
    is_full: bool
