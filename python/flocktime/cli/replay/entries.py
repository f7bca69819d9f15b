"""One event of a ShiViz log as it stands in the file, and the vector clock in it, checked as far as one line goes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from flocktime.cli.replay import walltimes
from flocktime.cli.replay.json_list import DECODER, described
from flocktime.cli.replay.recording import Malformed, quoted

CLOCK_OPENS: Final = re.compile(r"\{\s*\"")


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. ``when`` is the text to look for a time in, or, if ``when_is_exact``, nothing but a time."""

    line: int
    host: str
    clock: dict[str, int]
    text: str
    when: str
    when_is_exact: bool = False


def whole(number: int, line: str) -> Entry | None:
    """The event that one line holds by itself; ``None`` if there is no clock in it.

    Raises:
        Malformed: there is something like a clock, and it is none.
    """
    opening = CLOCK_OPENS.search(line)
    if opening is None:
        return None
    before = line[: opening.start()].rstrip()
    try:
        value, end = DECODER.raw_decode(line, opening.start())
    except (ValueError, RecursionError) as error:
        raise _no_json(error, number) from None
    if not before:
        raise Malformed("no host before the vector clock; see --pattern", number)
    clock = _checked(value, number)
    word = before.split()[-1]
    host = next((name for name in _spellings(word) if name in clock), _spellings(word)[-1])
    text = line[end:].strip() or before.removesuffix(word).strip()
    return Entry(number, host, clock, text, line)


def _spellings(word: str) -> tuple[str, str, str]:
    """The word before a clock, out of its brackets, and without the path in front: ``[akka://System/user/node0]``."""
    bare = word.strip("[](){}<>:,;")
    return word, bare, bare.rsplit("/", 1)[-1]


def clock(text: str, line: int) -> dict[str, int]:
    """A vector clock: a JSON object of whole numbers, none negative, no host twice."""
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _no_json(error, line) from None
    return _checked(value, line)


def own_entry_missing(entry: Entry, hint: str = "") -> Malformed:
    """The complaint about an event whose clock does not know its own host."""
    names = ", ".join(quoted(name) for name in list(entry.clock)[:3]) or "nobody"
    more = f" and {len(entry.clock) - 3} more" if len(entry.clock) > 3 else ""
    reason = f"an event of {quoted(entry.host)} lacks its own entry: its clock names {names}{more} {hint}".rstrip()
    return Malformed(reason, entry.line)


def wall_times(events: list[Entry]) -> tuple[list[int | None], int]:
    """The wall time of each event, and how many of them lack one.

    Dates turn up in payloads too: where fewer than half of the events have one, the log counts as having none.

    Raises:
        Malformed: a time that is no instant, in a log that has times.
    """
    found: list[int | ValueError | None] = []
    for entry in events:
        try:
            found.append(walltimes.exact(entry.when) if entry.when_is_exact else walltimes.find(entry.when))
        except ValueError as error:
            found.append(error)
    lacking = sum(1 for time in found if time is None)
    if 2 * lacking > len(found):
        return [None] * len(found), 0
    times: list[int | None] = []
    for entry, time in zip(events, found, strict=True):
        if isinstance(time, ValueError):
            raise Malformed(str(time), entry.line)
        times.append(time)
    return times, lacking


def _no_json(error: Exception, line: int) -> Malformed:
    if isinstance(error, json.JSONDecodeError):
        trouble = f"{error.msg} at column {error.colno}"
    else:
        trouble = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Malformed(f"the vector clock is no JSON object: {trouble}", line)


def _checked(value: Any, line: int) -> dict[str, int]:
    if not isinstance(value, dict):
        raise Malformed(f"the vector clock is no JSON object but {described(value)}", line)
    for host, count in value.items():
        if type(count) is not int:
            raise Malformed(f"the clock's entry for {quoted(host)} is no whole number: {described(count)}", line)
        if count < 0:
            raise Malformed(f"the clock's entry for {quoted(host)} is negative: {described(count)}", line)
    return value
