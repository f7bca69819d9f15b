"""What a node says about itself where nobody watches: lines for a log, or JSON lines."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from flocktime.cli.node.log_stream import LogStream
from flocktime.cli.status.words import clean, offset, ppm, standing, warnings, who

if TYPE_CHECKING:
    from collections.abc import Callable

    from flocktime.flock import Flock
    from flocktime.flock.status import FlockStatus, StateChange

#: Without a change there is a line this often.
EVERY_S: Final = 60.0


class Teller(Protocol):
    """Whom the loop tells what happens."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def started(self, flock: Flock, status_address: str | None) -> None:
        """It listens; its status is served there."""

    def changed(self, change: StateChange, status: FlockStatus, /) -> None:
        """Its state, or who is wrong, is another one from now on."""

    def looked(self, status: FlockStatus) -> None:
        """Another second has passed."""

    def note(self, message: str) -> None:
        """Something that a person should know."""

    def stopped(self, why: str) -> None:
        """The last word."""


class _Lines:
    """The common part of both: when a line is due."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = clock() + EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def _is_due(self) -> bool:
        now_s = self._clock()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + EVERY_S
        return True


class PlainTeller(_Lines):
    """A line a thing, with the flock's time in front; notes go to standard error."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._output = LogStream(sys.stdout, lambda words: f"{_moment(None)} {words}")
        self._notes = LogStream(sys.stderr, lambda words: f"flocktime node: {words}")

    def started(self, flock: Flock, status_address: str | None) -> None:
        status = flock.status()
        served = "" if status_address is None else f", status on {status_address}"
        self._say(f"{clean(flock.name)} listens on {flock.address}{served}", status)

    def changed(self, change: StateChange, status: FlockStatus) -> None:
        wrong = f"; wrong: {who(change.wrong)}" if change.wrong else ""
        state = standing(status) if status.state == change.state else change.state
        self._say(f"{state}{wrong}", status)

    def looked(self, status: FlockStatus) -> None:
        if not self._is_due():
            return
        heard = sum(peer.verdict != "silent" for peer in status.peers)
        numbers = f"offset {offset(status)}, rate {ppm(status.rate_ppm)}"
        self._say(f"{standing(status)}, {numbers}, {heard} of {len(status.peers)} peers heard", status)
        for warning in warnings(status):
            self._say(f"warning: {warning}", status)

    def note(self, message: str) -> None:
        self._notes.write(f"flocktime node: {clean(message)}")

    def stopped(self, why: str) -> None:
        self._output.write(f"{_moment(None)} {clean(why)}")

    def _say(self, what: str, status: FlockStatus) -> None:
        self._output.write(f"{_moment(status.time_us)} {what}")


class JsonTeller(_Lines):
    """An object a line; ``event`` says what it is about."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._output = LogStream(sys.stdout, lambda words: _object("note", None, message=words))

    def started(self, flock: Flock, status_address: str | None) -> None:
        status = flock.status()
        self._say("started", status.time_us, name=flock.name, address=flock.address, status_address=status_address)

    def changed(self, change: StateChange, status: FlockStatus) -> None:
        wrong = [{"name": each.name, "node": each.node, "offset_us": each.offset_us} for each in change.wrong]
        self._say("change", status.time_us, state=change.state, wrong=wrong)

    def looked(self, status: FlockStatus) -> None:
        if self._is_due():
            self._say("status", status.time_us, status=status.as_dict())

    def note(self, message: str) -> None:
        self._say("note", None, message=message)

    def stopped(self, why: str) -> None:
        self._say("stopped", None, message=why)

    def _say(self, event: str, time_us: int | None, **values: Any) -> None:
        self._output.write(_object(event, time_us, **values))


def _object(event: str, time_us: int | None, **values: Any) -> str:
    shown_us = time.time_ns() // 1000 if time_us is None else time_us
    return json.dumps({"event": event, "time_us": shown_us, **values})


def _moment(us: int | None) -> str:
    """The flock's time; before it is shown, and at the end, the host's."""
    seconds = time.time() if us is None else us / 1e6
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
