"""What is timed of flocktime itself, of the pure fallback beside it, and the yardstick of every machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flocktime._backend import pure_clock
from flocktime.cli.bench import forms
from flocktime.cli.bench.timer import Subject
from flocktime.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BATCH",
    "FALLBACK",
    "FLOCKTIME",
    "ON_PAGE",
    "OPERATIONS",
    "TIME_NS",
    "fallback",
    "flocktime",
    "of_clock",
    "of_stamps",
    "on_page",
]

FLOCKTIME, ON_PAGE, FALLBACK = "flocktime", "flocktime, host page", "pure fallback"
#: Stamps of one ``now_many``.
BATCH = 1000
#: The order in which results are shown.
OPERATIONS = ("now", "update", "less", "equal", "hash", "to_bytes", "now_many")

#: Those that depend on where a clock keeps its state.
_OF_STATE = frozenset({"now", "update", "now_many"})

#: Reading the operating system's clock through CPython: what a program without flocktime would pay.
TIME_NS = Subject("now", "time.time_ns()", forms.call, (time.time_ns,), note="reads the OS clock, orders nothing")


def flocktime() -> list[Subject]:
    """The backend in use."""
    return of_clock(FLOCKTIME, Clock)


def fallback() -> list[Subject]:
    """The pure fallback, in the same process, whichever backend is in use."""
    return of_clock(FALLBACK, pure_clock())


def on_page(folder: str) -> list[Subject]:
    """The clock that processes of a host share, on a page in this folder: what of it is another one's work."""
    clock = Clock.open(f"{folder}/page")
    return [each for each in of_clock(ON_PAGE, lambda: clock, Clock().now()) if each.operation in _OF_STATE]


def of_clock(who: str, clock_type: Callable[[], Any], remote: Any = None) -> list[Subject]:
    """The operations of one clock class.

    ``update`` merges one stamp of another node over and over. After the first time it is old, which every received
    stamp is that took longer to arrive than the clock took to move on: all checks are made, then the clock ticks. It is
    ``remote``, or one of another clock of the class.
    """
    clock = clock_type()
    remote = clock_type().now() if remote is None else remote
    return [
        Subject("now", who, forms.call, (clock.now,)),
        Subject("update", who, forms.call_with, (clock.update, remote)),
        *of_stamps(who, clock.now(), clock.now()),
        Subject("now_many", who, forms.call_with, (clock.now_many, BATCH), makes=BATCH, note="per stamp"),
    ]


def of_stamps(who: str, a: Any, b: Any) -> list[Subject]:
    """Comparing, hashing and encoding, for any two stamps that have ``to_bytes``."""
    return [
        Subject("less", who, forms.less, (a, b)),
        Subject("equal", who, forms.equal, (a, b)),
        Subject("hash", who, forms.call_with, (hash, a)),
        Subject("to_bytes", who, forms.call, (a.to_bytes,)),
    ]
