"""Wall times as people's logs write them. A time without a zone is taken as UTC: only differences are judged."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from flocktime.cli.replay.recording import LAST_US, quoted

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

#: A time further in than this belongs to the message, not to the log.
_MOST_SEARCHED: Final = 300

_FRACTION = r"(?:[.,](?P<fraction>\d{1,9}))?(?!\d)"
_ISO: Final = re.compile(
    r"(?<!\d)(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})[T ](?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    + _FRACTION
    + r"(?P<zone>Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_AMERICAN: Final = re.compile(
    r"(?<![\d/])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}),? "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})" + _FRACTION + r"(?: ?(?P<half>[AaPp][Mm])\b)?",
    re.ASCII,
)

#: Digits since 1970 by their number: seconds, milliseconds, microseconds, nanoseconds.
_NANOSECONDS_BY_DIGITS: Final = {10: 1_000_000_000, 13: 1_000_000, 16: 1_000, 19: 1}


def find(text: str) -> int | None:
    """The first wall time in a line, in microseconds since 1970; ``None`` if there is none.

    Raises:
        ValueError: it looks like one and names no instant, or none that a timestamp can carry.
    """
    head = text[:_MOST_SEARCHED]
    matches = [match for match in (_ISO.search(head), _AMERICAN.search(head)) if match]
    if not matches:
        return None
    return _instant(min(matches, key=lambda match: match.start()))


def exact(text: str) -> int:
    """A field that holds nothing but a time: a date, or a number of seconds, milli-, micro- or nanoseconds since 1970.

    Raises:
        ValueError: it holds anything else.
    """
    field = text.strip()
    if field.isascii() and field.isdigit():
        unit = _NANOSECONDS_BY_DIGITS.get(len(field))
        if unit is None:
            raise ValueError(f"a time in digits must have 10, 13, 16 or 19 of them, found {quoted(field)}")
        return _within(int(field) * unit // 1000, field)
    found = find(field)
    if found is None:
        raise ValueError(f"no time that can be read in {quoted(field)}")
    return found


def _instant(match: re.Match[str]) -> int:
    part = match.groupdict()
    hour = int(part["hour"])
    if half := part.get("half"):
        if not 1 <= hour <= 12:
            raise ValueError(f"no such date or time: {quoted(match.group())}")
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    microseconds = int((part["fraction"] or "0").ljust(6, "0")[:6])
    try:
        moment = datetime(
            int(part["year"]), int(part["month"]), int(part["day"]), hour, int(part["minute"]), int(part["second"]),
            microseconds, tzinfo=_zone(part.get("zone")),
        )  # fmt: skip
        since = (moment - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        raise ValueError(f"no such date or time: {quoted(match.group())}") from None
    return _within(since, match.group())


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _within(microseconds: int, shown: str) -> int:
    if not 0 <= microseconds <= LAST_US:
        raise ValueError(f"time out of what a timestamp can carry (1970 to 2112): {quoted(shown)}")
    return microseconds
