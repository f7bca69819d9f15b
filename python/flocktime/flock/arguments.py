"""What a flock is given, checked and turned into plain integers."""

from __future__ import annotations

import math
from datetime import timedelta

from flocktime.errors import _show

__all__ = ["anchor_ns", "check_str", "count", "member_name", "seconds", "text", "within"]


def check_str(name: str, value: object) -> None:
    """Nothing but text."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")


def text(name: str, value: str | None) -> str | None:
    """A ``str`` that UTF-8 can hold, or ``None`` where it was not given."""
    if value is None:
        return None
    check_str(name, value)
    try:
        value.encode()
    except UnicodeEncodeError:  # it has surrogates in it, as text has that was made of bytes that were none
        raise ValueError(f"{name} must be text that UTF-8 can hold, got {_show(value)}") from None
    return value


def member_name(value: str | None) -> str | None:
    """What a member is called, or ``None`` where it was not given."""
    if value == "":
        raise ValueError("name must not be empty, got '': all members that have it would have one vote together")
    return text("name", value)


def seconds(name: str, value: float | timedelta) -> float:
    """A number of seconds, that of a ``timedelta``; neither NaN nor anything that is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        raise TypeError(f"{name} must be a number of seconds or a timedelta, not {type(value).__name__}")
    found = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if math.isnan(found):
        raise ValueError(f"{name} must be a number of seconds, got {found!r}")
    return found


def within(name: str, value: float | timedelta, least_s: float, most_s: float) -> float:
    """The same, inside these bounds, both inclusive."""
    found = seconds(name, value)
    if not least_s <= found <= most_s:
        raise ValueError(f"{name} of a flock must lie in {least_s:g}..={most_s:g} seconds, got {found!r}")
    return found


def count(name: str, value: int, least: int, most: int) -> int:
    """A whole number inside these bounds, both inclusive."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not least <= value <= most:
        raise ValueError(f"{name} must lie in {least}..={most}, got {value}")
    return value


def anchor_ns(anchor: bool | float | timedelta | None) -> int | None:
    """What a member takes: ``None``: ask the operating system; -1: never; else the error in nanoseconds."""
    if anchor is None:
        return None
    if anchor is False:
        return -1
    error_s = 0.001 if anchor is True else seconds("anchor", anchor)
    if not 0.0 <= error_s <= 1.0:
        raise ValueError(f"anchor must be None, a bool or 0..=1 seconds, got {error_s!r}")
    return round(error_s * 1e9)
