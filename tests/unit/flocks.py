"""Small flocks on the loopback device, with rounds short enough for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flocktime.flock import Flock, StateChange

ROUND_S = 0.05
#: A busy machine may take its time; a flock that needs longer does not synchronise.
PATIENCE_S = 30.0


@contextmanager
def flocks(count: int, **given: Any) -> Iterator[list[Flock]]:
    """So many members that know each other, with the same arguments."""
    with ExitStack() as stack:
        common = {"round": ROUND_S, "anchor": False, **given}
        members = [stack.enter_context(Flock("127.0.0.1:0", name=f"member-{i}", **common)) for i in range(count)]
        introduce(members)
        yield members


def introduce(members: list[Flock]) -> None:
    """Let everybody ask everybody else."""
    for member in members:
        member.set_peers([str(other.address) for other in members if other is not member])


def together(members: list[Flock]) -> None:
    """Wait until all of them are synchronised."""
    for member in members:
        member.ready(PATIENCE_S)


def until(condition: Callable[[], object]) -> None:
    """Wait for something that no callback tells; an ``AssertionError`` when it does not come in time."""
    pause, deadline_s = threading.Event(), time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "what was waited for did not come"
        pause.wait(ROUND_S / 5)


class Changes:
    """Collects what a flock tells its callbacks, and waits for what is to come."""

    def __init__(self, flock: Flock) -> None:
        self.seen: list[StateChange] = []
        self._arrived = threading.Condition()
        flock.on_state(self._add)

    def _add(self, change: StateChange) -> None:
        with self._arrived:
            self.seen.append(change)
            self._arrived.notify_all()

    def wait(self, for_what: Callable[[StateChange], bool]) -> StateChange:
        """The first change that fits; an ``AssertionError`` when none comes in time."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: any(map(for_what, self.seen)), PATIENCE_S), self.seen
            return next(filter(for_what, self.seen))
