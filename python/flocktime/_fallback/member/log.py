"""``Log``: the latest transitions of a member, for whoever waits for one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from flocktime._fallback.flocking import State

#: So many transitions are kept. Who asks too late sees a gap in the serial numbers.
LOG: Final = 64
#: A transition names so many wrong peers at most.
MAX_WRONG: Final = 32


class WrongPeer(NamedTuple):
    """A peer that lies outside the gate and has for long."""

    name: str  # how it is reached or recognised
    node: int
    offset_ns: float | None  # its disciplined clock less this member's, where that is known


class Transition(NamedTuple):
    """A change of how a member stands, or of whom it calls wrong."""

    serial: int  # counts from 1, the state that the member was started in
    state: str
    wrong: list[WrongPeer]  # the first MAX_WRONG


class Log:
    """Written by the member's thread, read by any."""

    def __init__(self, state: State) -> None:
        self._entries = deque([Transition(1, state.word, [])], maxlen=LOG)
        self._changed = threading.Condition()
        #: How the member's thread stands: running, stopped or failed.
        self.status = "running"
        #: Why it has failed.
        self.failure: str | None = None

    def add(self, state: State, wrong: Sequence[WrongPeer]) -> None:
        with self._changed:
            serial = self._entries[-1].serial + 1
            self._entries.append(Transition(serial, state.word, list(wrong[:MAX_WRONG])))
            self._changed.notify_all()

    def end(self, failure: str | None) -> None:
        """The end, good or bad. The first one counts."""
        with self._changed:
            if self.status == "running":
                self.status, self.failure = "stopped" if failure is None else "failed", failure
            self._changed.notify_all()

    def wait(self, seen: int, timeout: float) -> list[Transition]:
        """What came after ``seen``. Waits for it, but not where nothing will come any more."""
        with self._changed:
            self._changed.wait_for(lambda: self.status != "running" or self._entries[-1].serial > seen, timeout)
            return [entry for entry in self._entries if entry.serial > seen]
