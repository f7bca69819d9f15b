"""What a service writes down, one JSON object a line, and how it is read back.

A file starts with a line that names the service and its clock's node, holds one line an event in the order in which
they happened in that process, between them a line every tenth of a second that says how its flock stands, and ends with a
line of totals. A file without that last line is incomplete, and that is an error.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

from flocktime.clock import Clock, DriftError, Timestamp
from flocktime.events import BufferClosed, BufferFull, EventBuffer
from flocktime.integrations.headers import Received, counters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flocktime.flock import Flock

#: The most events of one service: the longest demonstration stays well below, and a file below some 60 MB.
MOST_EVENTS: Final = 200_000
#: The same for the looks at its flock.
MOST_LOOKS: Final = 20_000
#: The most lines that wait for the disk: some ten seconds of a busy service.
MOST_WAITING: Final = 16_384

#: Two clocks read one after the other lie microseconds apart, unless the process lost the processor in between.
INTERRUPTED_NS: Final = 100_000

Kind = Literal["request-received", "work", "request-sent", "response-received", "response-sent"]


class LogError(Exception):
    """A log that cannot be written any further, or does not say what a complete one must."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a received timestamp was not adopted: the error's name, and of a drift error the node and the numbers."""

    error: str
    node: int | None = None
    ahead_us: int = 0
    limit_us: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One event of one service.

    Attributes:
        kind: what happened.
        message: the message's id where the event sends or receives one that is judged, else ``None``.
        request: the id of the request from outside that all this was done for.
        wall_us: the service's own wall clock.
        stamp: the timestamp that flocktime gave the event.
        true_ns: the host's monotonic clock, which all processes share. For the judge only.
        refusal: for a receipt whose timestamp was refused.
    """

    kind: Kind
    message: str | None
    request: str
    wall_us: int
    stamp: Timestamp
    true_ns: int
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Look:
    """How a service's flock stood at one instant.

    Attributes:
        true_ns: the host's monotonic clock, which all processes share. For the judge only.
        ahead_ns: the flock's time less ``true_ns``: where two services differ in it, their clocks do.
        wall_ahead_ns: the same of its wall clock.
        state: as ``FlockStatus.state``.
        wrong: the nodes that it calls wrong.
        suspects_itself: it, or its wall clock, is the odd one out.
    """

    true_ns: int
    ahead_ns: int
    wall_ahead_ns: int
    state: str
    wrong: tuple[int, ...]
    suspects_itself: bool


@dataclass(frozen=True, slots=True)
class ServiceLog:
    """One process's complete log.

    At its end stand ``stats``, its clock's, ``headers``, its header counters, and ``buffer``, the account of the buffer that the
    lines went through.
    """

    name: str
    node: int
    records: list[Record]
    stats: dict[str, Any]
    headers: dict[str, int]
    looks: list[Look] = field(default_factory=list)
    buffer: dict[str, Any] = field(default_factory=dict)


class Journal:
    """The writing side, owned by one service and used from its one thread.

    Lines go through an ``EventBuffer`` to a thread that writes them: the service never waits for the disk, and their order
    is that in which they were pushed.
    """

    def __init__(self, path: Path, name: str, clock: Clock, wall: Callable[[], int]) -> None:
        self._file: TextIO = path.open("x", encoding="utf-8")
        self._clock = clock
        self._wall = wall
        self.events = 0
        self.refused = 0
        self.looks = 0
        # A clock of its own: the service's does not stamp before its flock is synchronised.
        self._waiting = EventBuffer(MOST_WAITING)
        self._failure: OSError | None = None
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()
        self._line({"service": name, "node": f"{clock.node:012x}"})

    def event(self, kind: Kind, request: str, stamp: Timestamp, message: str | None = None) -> None:
        """Write an event down, before anything else runs: the order of lines stands for the order of events."""
        self._event(kind, request, stamp, message, None)

    def receipt(self, kind: Kind, request: str, received: Received, message: str | None = None) -> None:
        """The same for a received message, with what became of its timestamp."""
        self._event(kind, request, received.stamp, message, _refusal(received))

    def _event(self, kind: Kind, request: str, stamp: Timestamp, message: str | None, refusal: Refusal | None) -> None:
        if self.events == MOST_EVENTS:
            raise LogError(f"the log is full: {MOST_EVENTS} events")
        wall_ns, true_ns = self._instant()
        line: dict[str, Any] = {
            "seq": self.events,
            "kind": kind,
            "request": request,
            "message": message,
            "wall_us": wall_ns // 1000,
            "stamp": stamp.to_hex(),
            "true_ns": true_ns,
        }
        if refusal is not None:
            line["refusal"] = {name: getattr(refusal, name) for name in Refusal.__slots__}
            self.refused += 1
        self._line(line)
        self.events += 1

    def look(self, flock: Flock) -> Look:
        """Write down how the flock stands, and return it."""
        if self.looks == MOST_LOOKS:
            raise LogError(f"the log is full: {MOST_LOOKS} looks at the flock")
        wall_ns, true_ns = self._instant()
        # The wall clock less the flock's: whoever was interrupted between the two readings saw too much.
        status = min((flock.status() for _ in range(3)), key=lambda status: status.os_offset_us or 0.0)
        wall_ahead_ns = wall_ns - true_ns
        look = Look(
            true_ns,
            wall_ahead_ns - round(1e3 * (status.os_offset_us or 0.0)),
            wall_ahead_ns,
            status.state,
            tuple(suspect.node for suspect in status.wrong),
            status.suspects_itself,
        )
        self._line({"look": asdict(look)})
        self.looks += 1
        return look

    def _instant(self) -> tuple[int, int]:
        """Wall and monotonic time of one instant, nanoseconds. A reading that was interrupted half-way is taken again."""
        attempts: list[tuple[int, int, int]] = []
        while len(attempts) < 3:
            before, wall, after = time.monotonic_ns(), self._wall(), time.monotonic_ns()
            attempts.append((after - before, wall, before))
            if after - before <= INTERRUPTED_NS:
                break
        _, wall_ns, true_ns = min(attempts)
        return wall_ns, true_ns

    def close(self) -> None:
        """Write what waits, and the totals, which make the log complete."""
        self._waiting.close()
        self._writer.join()
        if self._failure is not None:
            raise LogError(f"the log could not be written: {self._failure}") from self._failure
        totals = {"stats": self._clock.stats().as_dict(), "headers": counters(self._clock)}
        buffer = self._waiting.stats().as_dict()
        self._file.write(_text({"events": self.events, **totals, "buffer": buffer}))
        self._file.close()

    def _line(self, value: dict[str, Any]) -> None:
        try:
            self._waiting.push(value)
        except (BufferFull, BufferClosed) as error:
            why = error if self._failure is None else self._failure
            raise LogError(f"the log could not be written: {why}") from error

    def _write(self) -> None:
        """The thread that writes, until the buffer is closed and empty."""
        try:
            for _, value in self._waiting:
                batch = [value, *(value for _, value in self._waiting.drain())]
                self._file.write("".join(map(_text, batch)))
        except OSError as error:
            self._failure = error
            self._waiting.close()


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


def _refusal(received: Received) -> Refusal | None:
    if received.outcome in ("adopted", "absent"):
        return None
    error = received.error
    if not isinstance(error, DriftError):
        return Refusal(received.outcome if error is None else type(error).__name__)
    return Refusal("DriftError", error.node, _us(error.offset), _us(error.limit))


def _us(delta: timedelta | None) -> int:
    return 0 if delta is None else delta // timedelta(microseconds=1)


def read_log(path: Path) -> ServiceLog:
    """Read one service's log, or say in which line it is not what it must be."""
    with path.open(encoding="utf-8") as file:
        lines = _objects(path, file)
        try:
            first = next(lines)
            name, node = str(first["service"]), int(first["node"], 16)
            records: list[Record] = []
            looks: list[Look] = []
            for value in lines:
                if "seq" in value:
                    records.append(_record(path, value, expected=len(records)))
                elif "look" in value:
                    looks.append(Look(**{**value["look"], "wrong": tuple(value["look"]["wrong"])}))
                else:
                    break
            else:
                raise LogError(f"{path.name}: incomplete, the totals at the end are missing")
            if value["events"] != len(records):
                raise LogError(f"{path.name}: {len(records)} events, the service counted {value['events']}")
            lines_read, buffer = 1 + len(records) + len(looks), value["buffer"]
            if not buffer["pushed"] == buffer["drained"] == lines_read:
                raise LogError(
                    f"{path.name}: {lines_read} lines, {buffer['pushed']} went in and {buffer['drained']} out"
                )
            return ServiceLog(name, node, records, value["stats"], value["headers"], looks, buffer)
        except (StopIteration, KeyError, TypeError, ValueError) as error:
            raise LogError(f"{path.name}: not a complete log: {type(error).__name__}: {error}") from error


def _objects(path: Path, file: TextIO) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise LogError(f"{path.name}, line {number}: {error}") from error
        if not isinstance(value, dict):
            raise LogError(f"{path.name}, line {number}: not an object")
        yield value


def _record(path: Path, value: dict[str, Any], *, expected: int) -> Record:
    if value["seq"] != expected:
        raise LogError(f"{path.name}: event {expected} is missing, found {value['seq']}")
    refusal = value.get("refusal")
    return Record(
        value["kind"],
        value["message"],
        value["request"],
        value["wall_us"],
        Timestamp.from_hex(value["stamp"]),
        value["true_ns"],
        None if refusal is None else Refusal(**refusal),
    )
