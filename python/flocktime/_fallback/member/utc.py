"""What the operating system says about its own clock."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_STA_UNSYNC: Final = 0x40
_TIME_ERROR: Final = 5


class _Timex(ctypes.Structure):
    """``struct timex`` of Linux, as far as it is looked at; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 40),
    )


def utc_error_ns() -> int | None:
    """What the operating system says its clock may be wrong by, nanoseconds, where it says that it is synchronised to UTC."""
    if sys.platform != "linux" or _adjtimex is None:
        return None
    answer = _Timex()  # its modes are zero: nothing is changed
    state = _adjtimex(ctypes.byref(answer))
    synchronised = 0 <= state < _TIME_ERROR and not answer.status & _STA_UNSYNC
    return int(answer.maxerror) * 1000 if synchronised and answer.maxerror >= 0 else None


try:
    _adjtimex = ctypes.CDLL(None).adjtimex if sys.platform == "linux" else None
except (OSError, AttributeError):  # a C library that keeps it to itself
    _adjtimex = None
