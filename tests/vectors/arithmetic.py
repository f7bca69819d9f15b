"""The format once more, as plain arithmetic on Python integers, written from ``docs/wire-format.md`` alone.

The vectors come from here and never from flocktime itself, so that a mistake there cannot vouch for itself.
"""

from __future__ import annotations

from uuid import UUID

MAX_EPOCH = 2**16 - 1
MAX_PHYSICAL = 2**52 - 1
MAX_LOGICAL = 2**12 - 1
MAX_NODE = 2**48 - 1
DAY_US = 24 * 60 * 60 * 1_000_000
HORIZON = MAX_PHYSICAL - DAY_US

Fields = tuple[int, int, int, int]  # epoch, physical_us, logical, node


def integer(fields: Fields) -> int:
    """The 128 bits."""
    epoch, physical, logical, node = fields
    return epoch * 2**112 + physical * 2**60 + logical * 2**48 + node


def hexadecimal(fields: Fields) -> str:
    """32 digits, most significant first."""
    digits, rest = "", integer(fields)
    for _ in range(32):
        rest, digit = divmod(rest, 16)
        digits = "0123456789abcdef"[digit] + digits
    return digits


def wall(physical_us: int) -> str:
    """ISO 8601 in UTC with microseconds, by counting days."""
    days, rest = divmod(physical_us, DAY_US)
    seconds, microseconds = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    year = 1970
    while days >= _year_length(year):
        days -= _year_length(year)
        year += 1
    month = 1
    while days >= _month_length(year, month):
        days -= _month_length(year, month)
        month += 1
    return f"{year:04}-{month:02}-{days + 1:02}T{hour:02}:{minute:02}:{second:02}.{microseconds:06}Z"


def text(fields: Fields) -> str:
    """The form for people."""
    epoch, physical, logical, node = fields
    return f"{epoch:05}_{wall(physical)}_{logical:04}_{node:012x}"


def uuid(fields: Fields) -> str | None:
    """UUIDv7, written bit by bit from the left; ``None`` where the epoch does not fit."""
    epoch, physical, logical, node = fields
    if epoch > 15:
        return None
    bits = (
        f"{physical // 1000:048b}" + "0111" + f"{physical % 1000:010b}" + f"{logical:012b}"[:2]
        + "10" + f"{logical:012b}"[2:] + f"{node:048b}" + f"{epoch:04b}"
    )  # fmt: skip
    return str(UUID(int=int(bits, 2)))


def python_hash(fields: Fields) -> int:
    """What ``hash()`` gives on a 64-bit Python: two rounds of multiply and fold, as a signed number, never -1."""
    high, low = divmod(integer(fields), 2**64)
    mixed = low ^ (high * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ mixed // 2**32) * 0xD6E8FEB86659FD93 % 2**64
    mixed ^= mixed // 2**32
    signed = mixed - 2**64 if mixed >= 2**63 else mixed
    return -2 if signed == -1 else signed


def fields_hashing_to_minus_one() -> Fields:
    """A timestamp of 2026 whose mixed hash is -1, the one value that Python reserves: the rounds run backwards."""
    high = 1_767_225_600_000_000 // 16
    mixed = 2**64 - 1
    mixed ^= mixed >> 32
    mixed = mixed * pow(0xD6E8FEB86659FD93, -1, 2**64) % 2**64
    mixed ^= mixed >> 32
    value = high * 2**64 + (mixed ^ (high * 0x9E3779B97F4A7C15 % 2**64))
    return value >> 112, value >> 60 & MAX_PHYSICAL, value >> 48 & MAX_LOGICAL, value & MAX_NODE


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _year_length(year: int) -> int:
    return 366 if _is_leap(year) else 365


def _month_length(year: int, month: int) -> int:
    if month == 2:
        return 29 if _is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31
