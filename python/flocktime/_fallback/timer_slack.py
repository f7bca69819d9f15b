"""Waking a thread when it is time, and not up to 50 us later together with others, as Linux does to save power."""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from collections.abc import Iterator

_PR_SET_TIMERSLACK = 29
_PR_GET_TIMERSLACK = 30


@contextmanager
def precise() -> Iterator[None]:
    """For this thread, inside the block. Where the operating system has nothing of the kind, nothing happens."""
    before = -1 if _prctl is None else _prctl(_PR_GET_TIMERSLACK, 0, 0, 0, 0)
    if _prctl is None or before <= 1:
        yield
        return
    _prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    try:
        yield
    finally:
        _prctl(_PR_SET_TIMERSLACK, before, 0, 0, 0)


try:
    _prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
except (OSError, AttributeError):  # a C library that keeps it to itself
    _prctl = None
else:
    if _prctl is not None:
        _prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
