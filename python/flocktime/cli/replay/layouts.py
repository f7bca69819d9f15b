"""Take a ShiViz log apart into its events. How the lines are arranged is found by content.

Three arrangements occur, each event being

- ``clock first``: a line ``host {clock}``, then a line of text;
- ``text first``: a line of text, then a line ``host {clock}``;
- ``one line``: ``... host {clock} ...``.

Anything else is read with a pattern of the user's own. A pattern inside a log (ShiViz allows one on the first line) is
used to learn the arrangement but never run: a hostile one could keep a regular expression engine busy for years.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from flocktime.cli.replay.entries import CLOCK_OPENS, Entry, clock, own_entry_missing, whole
from flocktime.cli.replay.recording import Limits, Malformed, TooLarge, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOCK_FIRST: Final = "clock first"
TEXT_FIRST: Final = "text first"
ONE_LINE: Final = "one line"

#: Lines looked at to find the arrangement, before a file is said to hold no vector clock.
_PROBED: Final = 200

_CLOCK_LINE: Final = re.compile(r"(?:(?P<time>\d{10,19}) )?(?P<host>\S+)[ \t]+(?P<clock>\{.*\})\s*", re.ASCII)
_GROUP: Final = re.compile(r"\(\?P?<(\w+)>")
_TIME_GROUPS: Final = ("date", "timestamp", "time")

Line = tuple[int, str]


@dataclass(slots=True)
class Entries:
    """All events of a log in file order, with the number of lines that belong to none."""

    layout: str
    events: list[Entry]
    skipped: int = 0


def read(text: str, limits: Limits, pattern: re.Pattern[str] | None = None) -> Entries:
    """Every event of a log.

    Raises:
        Malformed: a line is not what its place demands, or no vector clock is found at all.
    """
    if pattern is not None:
        found = Entries("pattern", [])
        source = _matched(text, pattern, found)
    else:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        found = Entries(_from_header(lines) or _from_content(lines), [])
        source = _one_line(lines, found) if found.layout == ONE_LINE else _pairs(lines, found.layout == CLOCK_FIRST)
    clock_entries = 0
    for entry in source:
        if len(found.events) == limits.most_events:
            raise TooLarge(f"more than {limits.most_events} events (see --max-events)", entry.line)
        clock_entries += len(entry.clock)
        if clock_entries > limits.most_clock_entries:
            raise Malformed(f"more than {limits.most_clock_entries} entries in its vector clocks", entry.line)
        found.events.append(entry)
    if not found.events:
        raise Malformed("no event found")
    return found


def compiled(pattern: str) -> re.Pattern[str]:
    """A user's pattern, with ``(?<name>...)`` as ShiViz writes it or ``(?P<name>...)`` as Python does.

    Raises:
        ValueError: it is no regular expression, or lacks one of the groups ``host``, ``clock`` and ``event``.
    """
    try:
        made = re.compile(_GROUP.sub(r"(?P<\1>", pattern), re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from None
    lacking = [name for name in ("host", "clock", "event") if name not in made.groupindex]
    if lacking:
        raise ValueError(f"lacks the named group{'s' * (len(lacking) > 1)} {', '.join(lacking)}")
    return made


# Which arrangement?


def _from_header(lines: list[Line]) -> str | None:
    """The arrangement that ShiViz's own header tells. The header is taken off ``lines``."""
    if not lines or not {"host", "clock", "event"} <= set(_GROUP.findall(lines[0][1])):
        return None
    number, pattern = lines.pop(0)
    if lines and lines[0][0] == number + 1 and not CLOCK_OPENS.search(lines[0][1]):
        raise Malformed(
            f"the header announces several executions, parted by {quoted(lines[0][1])}: give each a file of its own",
            lines[0][0],
        )
    if r"\n" not in pattern:
        return ONE_LINE
    return CLOCK_FIRST if pattern.index("<clock>") < pattern.index(r"\n") else TEXT_FIRST


def _from_content(lines: list[Line]) -> str:
    are_clocks = [_CLOCK_LINE.fullmatch(line) is not None for _, line in lines[:2]]
    if are_clocks == [True, False] and not _are_whole(lines[1:_PROBED:2]):
        return CLOCK_FIRST
    if are_clocks == [False, True] and not _are_whole(lines[0:_PROBED:2]):
        return TEXT_FIRST
    if any(are_clocks) or any(CLOCK_OPENS.search(line) for _, line in lines[:_PROBED]):
        return ONE_LINE
    raise Malformed("neither Zipkin JSON nor a vector clock ('host {\"host\": 1}') found; see --pattern", 1)


def _are_whole(texts: list[Line]) -> bool:
    """Whether the lines that would be text are events themselves, all of them: a host, and a clock that knows it."""
    try:
        entries = [whole(*line) for line in texts]
    except Malformed:
        return False
    return all(entry is not None and entry.host in entry.clock for entry in entries)


# The arrangements.


def _pairs(lines: list[Line], clock_first: bool) -> Iterator[Entry]:
    for at in range(0, len(lines), 2):
        pair = lines[at : at + 2]
        if len(pair) == 1:
            raise Malformed(f"the log ends in the middle of an event: {quoted(pair[0][1])} lacks its pair", pair[0][0])
        (number, clock_line), (_, text) = pair if clock_first else reversed(pair)
        match = _CLOCK_LINE.fullmatch(clock_line)
        if match is None:
            raise _out_of_step(lines, at, clock_first)
        time = match["time"]
        yield Entry(number, match["host"], clock(match["clock"], number), text.strip(), time or text, time is not None)


def _out_of_step(lines: list[Line], at: int, clock_first: bool) -> Malformed:
    """What is wrong where a clock line was due. The culprit may be the text before it."""
    before = at - 1 if clock_first else at
    if before >= 0:
        text = whole(*lines[before])
        if text is not None and text.host not in text.clock:
            return own_entry_missing(text, "(has its text run into its clock?)")
        if text is not None:
            return Malformed(f"expected the text of an event, found the clock of {quoted(text.host)}", text.line)
    number, due = lines[before + 1]
    return Malformed(f"expected a line 'host {{clock}}', found {quoted(due)}", number)


def _one_line(lines: list[Line], found: Entries) -> Iterator[Entry]:
    for number, line in lines:
        entry = whole(number, line)
        if entry is None:
            found.skipped += 1  # no clock, no event: a framework's own line
        else:
            yield entry


def _matched(text: str, pattern: re.Pattern[str], found: Entries) -> Iterator[Entry]:
    times = [name for name in _TIME_GROUPS if name in pattern.groupindex]
    lines = _LineNumbers(text)
    last = 0
    for match in pattern.finditer(text):
        found.skipped += _filled(text[last : match.start()])
        last = match.end()
        line = lines.at(match.start("clock") if match["clock"] is not None else match.start())
        host, clock_text, event = (match[name] or "" for name in ("host", "clock", "event"))
        if not host:
            raise Malformed("the pattern's group 'host' matched nothing", line)
        time = next((match[name] for name in times if match[name]), None)
        yield Entry(line, host, clock(clock_text, line), event.strip(), time or match.group(), time is not None)
    found.skipped += _filled(text[last:])


def _filled(text: str) -> int:
    return sum(1 for line in text.split("\n") if line.strip())


class _LineNumbers:
    """Line numbers of growing positions, each stretch of text counted once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._counted = 0
        self._line = 1

    def at(self, position: int) -> int:
        if position >= self._counted:
            self._line += self._text.count("\n", self._counted, position)
            self._counted = position
            return self._line
        return self._line - self._text.count("\n", position, self._counted)
