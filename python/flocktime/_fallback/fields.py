"""Checks and conversions of plain numbers, shared by timestamps, clocks and sources."""

from __future__ import annotations

import operator
from datetime import timedelta
from math import isnan

from flocktime.errors import _invalid, _show

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any

_MICROSECOND = timedelta(microseconds=1)
#: A hundred years: more is a mistake of units.
MAX_SECONDS = 3_155_760_000
_CENTURY_S = 3_155_760_000


def checked_int(name: str, value: Any) -> int:
    """``value`` as an int; ``TypeError`` for what is none (a float is none)."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}") from None


def checked_bool(name: str, value: Any) -> bool:
    """A truth value and nothing that merely looks like one: ``trusted="no"`` must not mean yes."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, not {type(value).__name__}")
    return value


def field(name: str, value: Any, largest: int) -> int:
    """A field of a timestamp within its bits."""
    number = checked_int(name, value)
    if not 0 <= number <= largest:
        raise _invalid("fields", f"{name} must lie in 0..={largest}", None, number)
    return number


def bounded(name: str, value: Any, least: int, most: int) -> int:
    """A number inside these bounds, both inclusive."""
    number = checked_int(name, value)
    if not least <= number <= most:
        raise ValueError(f"{name} must lie in {least}..={most}, got {_show(number)}")
    return number


def to_delta_us(delta: timedelta) -> int:
    """Exact microseconds of a ``timedelta``."""
    return delta // _MICROSECOND


def from_delta_us(microseconds: int) -> timedelta:
    """The ``timedelta`` of so many microseconds."""
    return timedelta(microseconds=microseconds)


def seconds_us(name: str, value: Any, *, negative: bool = False) -> int:
    """Seconds (a number) or a ``timedelta`` in microseconds, at most 100 years either way."""
    if isinstance(value, timedelta):
        microseconds = to_delta_us(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(value, float) and isnan(value):
            raise ValueError(f"{name} must be a number of seconds, got {_show(value)}")
        if abs(value) > _CENTURY_S:  # an int of any size compares without overflow
            raise ValueError(f"{name} must be at most 100 years, got {_show(value)}")
        microseconds = round(value * 1_000_000)
    else:
        raise TypeError(f"{name} must be seconds or a timedelta, not {type(value).__name__}")
    if abs(microseconds) > _CENTURY_S * 1_000_000:
        raise ValueError(f"{name} must be at most 100 years, got {_show(value)}")
    if microseconds < 0 and not negative:
        raise ValueError(f"{name} must not be negative, got {_show(value)}")
    return microseconds
