"""The textual forms: ``str`` for people and files, ``hex`` for headers, JSON. All of fixed width, all sort like the value.

::

    00000_2026-11-23T01:57:54.123456Z_0000_00000000002a
    epoch wall time, UTC              logical node (hex)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flocktime._fallback.fields import to_delta_us
from flocktime._fallback.layout import EPOCH_SHIFT, LOGICAL_SHIFT, MAX_EPOCH, MAX_LOGICAL, MAX_PHYSICAL, PHYSICAL_SHIFT
from flocktime.errors import _invalid

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any, Final

EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: d: decimal digit, x: lower-case hexadecimal digit; everything else stands for itself.
TEMPLATE: Final = "ddddd_dddd-dd-ddTdd:dd:dd.ddddddZ_dddd_xxxxxxxxxxxx"
WIDTH: Final = len(TEMPLATE)

_DECIMAL: Final = frozenset("0123456789")
_HEX: Final = frozenset("0123456789abcdef")


def checked_str(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, not {type(text).__name__}")
    return text


def parse_hex(text: Any) -> int:
    """32 lower-case hexadecimal digits."""
    if len(checked_str(text)) != 32:
        raise _invalid("hex", "must be 32 characters long", None, text)
    for position, char in enumerate(text):
        if char not in _HEX:
            raise _invalid("hex", "expected a lower-case hexadecimal digit", position, text)
    return int(text, 16)


def render(epoch: int, physical_us: int, logical: int, node: int) -> str:
    moment = EPOCH_START + timedelta(microseconds=physical_us)
    return f"{epoch:05}_{moment:%Y-%m-%dT%H:%M:%S.%f}Z_{logical:04}_{node:012x}"


def parse(form: str, text: Any, whole: Any, offset: int = 0) -> int:
    """The value of the fixed-width form. ``whole`` and ``offset`` place it inside a longer text, for messages."""
    if len(checked_str(text)) != WIDTH:
        raise _invalid(form, f"must be {WIDTH + 2 * offset} characters long", None, whole)
    for i, (expected, char) in enumerate(zip(TEMPLATE, text, strict=True)):
        if expected == "d" and char not in _DECIMAL:
            raise _invalid(form, "expected a decimal digit", offset + i, whole)
        if expected == "x" and char not in _HEX:
            raise _invalid(form, "expected a lower-case hexadecimal digit", offset + i, whole)
        if expected not in "dx" and char != expected:
            raise _invalid(form, f"expected '{expected}'", offset + i, whole)
    epoch, logical, node = int(text[0:5]), int(text[34:38]), int(text[39:51], 16)
    if epoch > MAX_EPOCH:
        raise _invalid(form, f"epoch must lie in 0..={MAX_EPOCH}", offset, whole)
    try:
        moment = datetime(
            int(text[6:10]), int(text[11:13]), int(text[14:16]),
            int(text[17:19]), int(text[20:22]), int(text[23:25]), int(text[26:32]),
            tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        raise _invalid(form, "no such date or time", offset + 6, whole) from None
    physical_us = to_delta_us(moment - EPOCH_START)
    if not 0 <= physical_us <= MAX_PHYSICAL:
        raise _invalid(form, f"physical_us must lie in 0..={MAX_PHYSICAL}", offset + 6, whole)
    if logical > MAX_LOGICAL:
        raise _invalid(form, f"logical must lie in 0..={MAX_LOGICAL}", offset + 34, whole)
    return epoch << EPOCH_SHIFT | physical_us << PHYSICAL_SHIFT | logical << LOGICAL_SHIFT | node


def parse_json(text: Any) -> int:
    """The ``str`` form as a JSON string: in double quotes, nothing around it."""
    if len(checked_str(text)) != WIDTH + 2:
        raise _invalid("json", f"must be {WIDTH + 2} characters long", None, text)
    for i in (0, WIDTH + 1):
        if text[i] != '"':
            raise _invalid("json", "expected '\"'", i, text)
    return parse("json", text[1:-1], text, offset=1)
