"""Telling callbacks what has changed, from a thread of its own: neither the flock nor its clock ever waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from flocktime.flock.status import StateChange, Suspect

if TYPE_CHECKING:
    from flocktime._backend import FlockMember

__all__ = ["Watcher", "changes_since"]

#: How long a wait lasts at most; a member that stops ends it at once.
_WAIT_S = 3600.0


def changes_since(member: FlockMember, serial: int, timeout: float) -> list[StateChange]:
    """The changes after ``serial``, oldest first; waits for one. Empty: the timeout passed, or nothing will come any more."""
    return [
        StateChange(number, state, tuple(Suspect(name, node, _us(offset)) for name, node, offset in wrong))
        for number, state, wrong in member.wait(serial, timeout)
    ]


class Watcher:
    """Hands each change to each callback, in order. A callback that raises is reported like any thread's exception; the
    others and the later changes are still handed out.
    """

    def __init__(self, member: FlockMember) -> None:
        self._member = member
        self._callbacks: list[Callable[[StateChange], object]] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, callback: Callable[[StateChange], object]) -> None:
        with self._lock:
            self._callbacks.append(callback)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="flocktime-on-state", daemon=True)
                self._thread.start()

    def remove(self, callback: Callable[[StateChange], object]) -> None:
        with self._lock:
            self._callbacks.remove(callback)

    def stop(self) -> None:
        """After the member was stopped: what it still had to say is handed out, then the thread ends."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        serial = 0
        while True:
            changes = changes_since(self._member, serial, _WAIT_S)
            for change in changes:
                serial = change.serial
                self._hand_out(change)
            if not changes and not self._member.running:
                return

    def _hand_out(self, change: StateChange) -> None:
        with self._lock:
            callbacks = list(self._callbacks)
        for callback in callbacks:
            try:
                callback(change)
            except Exception as error:
                args = threading.ExceptHookArgs((type(error), error, error.__traceback__, threading.current_thread()))
                threading.excepthook(args)


def _us(offset_ns: float | None) -> float | None:
    return None if offset_ns is None else offset_ns / 1e3
