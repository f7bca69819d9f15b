"""Telling callbacks what has changed, from threads of their own: neither the flock nor its clock ever waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from flocktime.errors import FlockError
from flocktime.flock.status import FlockState, StateChange, Suspect

if TYPE_CHECKING:
    from flocktime._backend import FlockMember

__all__ = ["Watcher", "changes_since"]

#: How long a wait lasts at most; a member that stops ends it at once.
_WAIT_S: Final = 3600.0
#: How long the end waits for callbacks that are under way, all in all.
_PATIENCE_S: Final = 0.5


def changes_since(member: FlockMember, serial: int, timeout: float) -> list[StateChange]:
    """The changes after ``serial``, oldest first; waits for one. The last of all is the member's end.

    Empty: the timeout passed, nothing will come any more, or this is a forked child.
    """
    found = [_change(*entry) for entry in member.wait(serial, timeout)]
    if found or member.running or member.detached:
        return found
    # It has ended: what is in its log now is all that there will ever be.
    last = _change(*member.wait(0, 0.0)[-1])
    if serial < last.serial:
        return [_change(*entry) for entry in member.wait(serial, 0.0)]
    return [StateChange(last.serial + 1, member.report()["status"], ())] if serial == last.serial else []


class Watcher:
    """Hands each callback the present state and then each change, in order, from a thread of its own: one that takes long, or
    never comes back, delays nobody else. What a callback raises is reported like any thread's exception; later changes are
    still handed to it.
    """

    def __init__(self, member: FlockMember) -> None:
        self._member = member
        self._threads: list[threading.Thread] = []

    def add(self, callback: Callable[[StateChange], object]) -> None:
        """Tell this one from now on.

        Raises:
            FlockError: this is a forked child, where nothing changes.
        """
        if self._member.detached:
            raise FlockError("the flock's member belongs to the parent of this process")
        present = self._present()
        thread = threading.Thread(target=self._run, args=(callback, present), name="flocktime-on-state", daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """After the member was stopped: callbacks hear of it, then their threads end. One that hangs is not waited for longer
        than a moment: it is not this package's.
        """
        deadline_s = time.monotonic() + _PATIENCE_S
        for thread in tuple(self._threads):
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline_s - time.monotonic()))

    def _present(self) -> StateChange:
        latest = changes_since(self._member, 0, 0.0)[-1]
        end = [] if self._member.running else changes_since(self._member, latest.serial, 0.0)
        return end[-1] if end else latest

    def _run(self, callback: Callable[[StateChange], object], present: StateChange) -> None:
        changes = [present]
        while True:
            for change in changes:
                _tell(callback, change)
                serial = change.serial
            has_ended = not self._member.running
            changes = changes_since(self._member, serial, _WAIT_S)
            if has_ended and not changes:
                return


def _tell(callback: Callable[[StateChange], object], change: StateChange) -> None:
    try:
        callback(change)
    except Exception as error:
        args = threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
        threading.excepthook(args)


def _change(serial: int, state: FlockState, wrong: list[tuple[str, int, float | None]]) -> StateChange:
    suspects = tuple(
        Suspect(name, node, None if offset_ns is None else offset_ns / 1e3) for name, node, offset_ns in wrong
    )
    return StateChange(serial, state, suspects)
