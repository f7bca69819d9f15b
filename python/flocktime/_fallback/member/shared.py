"""What a member's handle and its thread share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flocktime._fallback import forks
from flocktime._fallback.gossip.compose import state
from flocktime._fallback.gossip.machine import Machine
from flocktime._fallback.gossip.settings import Settings
from flocktime._fallback.member.bell import Bell
from flocktime._fallback.member.directory import Directory
from flocktime._fallback.member.io import Io
from flocktime._fallback.member.log import Log
from flocktime._fallback.member.world import World
from flocktime._fallback.sources import Source
from flocktime._fallback.steered_source import Steering
from flocktime.errors import _flock

_WHY_NOT: Final = {
    "detached": "the flock's member belongs to the parent of this process",
    "stopped": "the flock's member was stopped",
    "failed": "the flock's member has failed",
}


class Shared:
    """All of it belongs to the process that made it."""

    def __init__(
        self, settings: Settings, base: Source, *, on_os_clock: bool, listening: bool, resolve_s: float
    ) -> None:
        self._generation = forks.generation
        self.base = base
        #: The base is the operating system's own clock, and what that says about its synchronisation counts.
        self.on_os_clock = on_os_clock
        self.world = World(base)
        self.machine = Machine(settings, self.world)
        #: Around the machine and its world; held briefly, never during a system call but those of sending and of drawing random
        #: bytes. A signal handler or a finaliser may ask for a header in the middle of the very thread that holds it.
        self.lock = threading.RLock()
        self.steering = Steering()
        self.steering.guidance = self.machine.guidance
        self.log = Log(state(self.machine))
        self.io = Io(listening)
        self.bell = Bell()
        self.directory = Directory(self.bell, resolve_s)
        self.unsupported_peers = 0  # that the socket cannot send to, because they are of another family
        self.stopping = False

    @property
    def is_detached(self) -> bool:
        """Whether this is a forked child, and the member its parent's."""
        return self._generation != forks.generation

    @property
    def status(self) -> str:
        return "detached" if self.is_detached else self.log.status

    @contextmanager
    def running(self) -> Iterator[Machine]:
        """The machine, locked, where somebody drives it; else ``FlockError``."""
        self.check_running()
        with self.lock:
            yield self.machine

    def check_running(self) -> None:
        """``FlockError`` where nobody drives it. Takes no lock."""
        status = self.status
        if status != "running":
            failure = f": {self.log.failure}" if status == "failed" else ""
            raise _flock(f"{_WHY_NOT[status]}{failure}")
