"""What the operating system says about its own clock."""

from __future__ import annotations

import ctypes
import sys

from flocktime._fallback.arithmetic import saturated_i64, saturated_u64
from flocktime._fallback.interval import Bound, Vouched, grown

#: By so much the kernel lets the error that it reports grow, once a second, billionths.
KERNEL_DRIFT_PPB = 500_000
_STA_UNSYNC = 0x40
_STA_NANO = 0x2000
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """``struct timex`` of Linux, as far as it is looked at; the rest is room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("tv_sec", ctypes.c_long),
        ("tv_usec", ctypes.c_long),
        ("rest", ctypes.c_long * 40),
    )


def utc_error_ns() -> int | None:
    """What the operating system says its clock may be wrong by, nanoseconds, where it says that it is synchronised to UTC."""
    clock = kernel_clock()
    return None if clock is None or clock.bound is None else clock.bound.error_ns


def kernel_clock() -> Vouched | None:
    """The kernel's clock, and what it says that may be wrong by: nobody vouches where it is not synchronised. ``None``: it cannot
    be asked.

    It is as true as whoever disciplines the clock tells the kernel. Added are what is still to be slewed, and what the reported
    error grows by until the next second."""
    if sys.platform != "linux" or _adjtimex is None:
        return None
    answer = _Timex()  # its modes are zero: nothing is changed
    state = _adjtimex(ctypes.byref(answer))
    if state < 0:
        return None
    unit_ns = 1 if answer.status & _STA_NANO else 1000
    wall_ns = saturated_i64(answer.tv_sec * 1_000_000_000 + answer.tv_usec * unit_ns)
    if state >= _TIME_ERROR or answer.status & _STA_UNSYNC or answer.maxerror < 0:
        return Vouched(wall_ns, None)
    # The reading is cut to its unit.
    error_ns = saturated_u64(answer.maxerror * 1000 + abs(answer.offset) * unit_ns + unit_ns)
    return Vouched(wall_ns, Bound(grown(error_ns, 1_000_000_000, KERNEL_DRIFT_PPB), False, "system"))


try:
    _adjtimex = ctypes.CDLL(None).adjtimex if sys.platform == "linux" else None
except (OSError, AttributeError):  # a C library that keeps it to itself
    _adjtimex = None
