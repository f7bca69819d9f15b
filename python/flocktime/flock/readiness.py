"""Waiting until a member is synchronised, in a thread or in a coroutine."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from flocktime.errors import NotReady
from flocktime.flock.arguments import seconds

if TYPE_CHECKING:
    from flocktime._backend import FlockMember
    from flocktime.flock.status import FlockStatus

__all__ = ["Readiness"]

#: A thread's wait is cut into such pieces, so that an interrupt is served.
_SLICE_S: Final = 0.5
#: A coroutine looks this often. It holds no thread meanwhile, which could not be cancelled.
_PAUSE_S: Final = 0.02


class Readiness:
    """One wait for one member.

    Raises:
        TypeError, ValueError: the timeout is no number of seconds.
    """

    def __init__(
        self,
        member: FlockMember,
        status: Callable[[], FlockStatus],
        *,
        steers: bool,
        timeout: float | timedelta | None,
    ) -> None:
        self._member = member
        self._status = status
        self._steers = steers
        self._timeout_s = math.inf if timeout is None else seconds("timeout", timeout)
        self._deadline_s = time.monotonic() + self._timeout_s
        self._serial, self._state = 0, ""

    def wait(self) -> None:
        """Until it is synchronised; ``NotReady`` where it is not in time, or never will be."""
        slice_s = 0.0
        while not self._is_over(slice_s):
            slice_s = self._at_most(_SLICE_S)

    async def wait_in_a_coroutine(self) -> None:
        """The same, while the event loop runs on."""
        while not self._is_over(0.0):
            await asyncio.sleep(self._at_most(_PAUSE_S))

    def _at_most(self, wanted_s: float) -> float:
        return max(0.0, min(wanted_s, self._deadline_s - time.monotonic()))

    def _is_over(self, wait_s: float) -> bool:
        changes = self._member.wait(self._serial, wait_s)
        if changes:
            self._serial, self._state, _ = changes[-1]
        if not self._steers:
            raise NotReady("this member monitors only (steer=False): it never becomes synchronised")
        if not self._member.running:  # also where it was synchronised to the end
            raise NotReady(f"this member is {_ended(self._status())}: it will not become synchronised")
        if self._state == "synchronised":
            return True
        if time.monotonic() < self._deadline_s:
            return False
        status = self._status()  # it knows of a round that has just ended, and has yet to be told
        if status.state != "synchronised":
            raise NotReady(f"not synchronised after {self._timeout_s:g} s: {_why_not(status)}")
        return True


def _ended(status: FlockStatus) -> str:
    failure = status.io.get("failure")
    return f"{status.state} ({failure})" if failure else status.state


def _why_not(status: FlockStatus) -> str:
    heard = sum(peer.verdict != "silent" for peer in status.peers)
    text = f"{status.state}, {heard} of {len(status.peers)} peers heard, {status.voters} voted"
    apart = status.apart()
    if apart:
        text += f"; farther apart than can be decided: {', '.join(map(str, apart[:5]))}"
    if status.namesakes:
        text += f"; of this member's name, so that they share its vote: {', '.join(status.namesakes[:5])}"
    if status.peers_error is not None:
        text += f"; peers() failed: {status.peers_error}"
    return text
