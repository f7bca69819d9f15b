"""What a log says, whatever its format: who did what, in which order it must have happened, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from flocktime.clock import Timestamp

#: The last instant that a recorded time may name. Clocks take no timestamp of the last day that can be represented. A
#: recorded time must end a second earlier still: where many events share one microsecond their counter carries into the
#: time, by 1 us for each 4,096 events, and what it carries to is sent to other clocks. A second is room for 4,096,000,000
#: events, more than any log may have.
LAST_US: Final = Timestamp.MAX.physical_us - 86_400_000_000 - 1_000_000

#: More processes than that are a host column read wrongly, and would make every vector clock slow to compare.
MOST_PROCESSES: Final = 4096

#: What is quoted from a file in a message is cut to this many characters.
MOST_QUOTED: Final = 60


class Malformed(Exception):
    """An input that cannot be judged: which file, which line (``None``: no single one), and why."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class TooLarge(Malformed):
    """An input above a limit that an option raises."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read from one file before it is refused."""

    most_bytes: int = 64 << 20
    most_events: int = 200_000
    most_clock_entries: int = 4_000_000  # in all vector clocks together; no option raises it


class Why(Enum):
    """Where a causal edge is taken from. The value is what people and JSON see."""

    NEXT = "next in process"
    CLOCK = "clock entry"
    REQUEST = "request"
    RESPONSE = "response"
    PARENT = "parent span"
    MESSAGE = "message"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event of a log.

    Attributes:
        process: who.
        label: what, for people.
        wall_us: the recorded wall time; ``None`` where the log has none for it.
        line: where it stands in the file, from 1.
        turn: its place among the events of its own process, as far as the file tells. Equal turns: file order.
    """

    process: str
    label: str
    wall_us: int | None
    line: int
    turn: int


@dataclass(frozen=True, slots=True)
class Link:
    """``cause`` happened before ``effect`` (positions in ``Recording.events``), because the file implies it.

    ``carried`` marks a message: the receiver's clock is given the sender's timestamp. The other links follow from those
    and from the order within a process; they are judged all the same.
    """

    cause: int
    effect: int
    why: Why
    carried: bool = False


@dataclass(slots=True)
class Recording:
    """A whole log, read and checked."""

    form: str
    events: list[Recorded]
    links: list[Link]
    notes: list[str] = field(default_factory=list)

    @property
    def timed(self) -> bool:
        """Whether the log has wall times at all."""
        return any(event.wall_us is not None for event in self.events)

    @property
    def processes(self) -> list[str]:
        """Every process, in order of first appearance."""
        return list(dict.fromkeys(event.process for event in self.events))


def quoted(text: str) -> str:
    """Text of a file for a message: on one line, printable, short."""
    cut = text if len(text) <= MOST_QUOTED else text[: MOST_QUOTED - 3] + "..."
    return f"'{printable(cut)}'"


def printable(text: str) -> str:
    """The same text without what a terminal would obey or could not show."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
