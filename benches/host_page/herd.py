"""Processes on one page, and what is known of each: when it was started, what it noted, and that it is gone."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benches.flock.processes import HarnessError, Talker
from benches.host_page.journal import CAPACITY, STAMP, STARTED, Journal
from benches.host_page.records import latest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

__all__ = ["Herd", "Life"]

#: Whatever a process is waited for, it has done by then.
PATIENCE_S = 60.0
MEMORY = Path("/dev/shm")


@dataclass(slots=True, eq=False)
class Life:
    """A process from its start to its end. ``floor``: the latest stamp that anybody had noted when it was started."""

    pid: int
    journal: Journal
    floor: bytes


class Herd:
    """The processes of a page, and the page's file. Used as a context, which leaves nothing behind.

    ``directory``: where the page lies; a temporary one if it is empty. Journals lie in memory, so that writing them back does not
    keep the disk from confirming the page.
    """

    def __init__(self, directory: str = "") -> None:
        self._beside = tempfile.TemporaryDirectory(dir=directory or None, prefix="flocktime-page-")
        self._journals = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None, prefix="flocktime-page-")
        self.page = Path(self._beside.name, "page")
        self.alive: list[Life] = []
        self.dead: list[Life] = []
        self.most = bytes(STAMP)
        self._number = 0
        self._template = Talker("template", "benches.host_page.template")

    def start(self, work: str, journal: Journal | None = None, **values: Any) -> Life:
        """A process more. ``values``: what its work takes beside the page and its journal, a new one if none is given."""
        floor = max([self.most, *(one.journal.latest() for one in [*self.alive, *self.dead])])
        journal = journal or self.journal()
        answer = self._template.ask("fork", work=work, path=str(self.page), journal=str(journal.path), **values)
        life = Life(answer["pid"], journal, floor)
        self.alive.append(life)
        return life

    def journal(self, capacity: int = CAPACITY) -> Journal:
        self._number += 1
        return Journal(Path(self._journals.name, str(self._number)), capacity)

    def peers(self) -> list[str]:
        """The journals of those that live."""
        return [str(one.journal.path) for one in self.alive]

    def kill(self, lives: Iterable[Life]) -> None:
        """At once, all of them, and wait until they are gone."""
        lives = list(lives)
        for one in lives:
            os.kill(one.pid, signal.SIGKILL)  # it is reaped below and not before: the number is still its
        for one in lives:
            self._buried(one, {-signal.SIGKILL, 0})

    def join(self) -> None:
        """Wait until all have done what they were to do."""
        for one in list(self.alive):
            self._buried(one, {0})

    def _buried(self, life: Life, codes: set[int]) -> None:
        code = self._template.ask("reap", pid=life.pid)["code"]
        self.alive.remove(life)
        self.dead.append(life)
        if code not in codes:
            raise HarnessError(f"process {life.pid} ended with {code}\n{self._template.errors()}")

    def forget(self) -> list[Life]:
        """Those that are dead, to be judged and closed by the caller. What they have noted stays a floor."""
        forgotten, self.dead = self.dead, []
        self.most = max([self.most, *(one.journal.latest() for one in forgotten)])
        return forgotten

    def wait_until_started(self, lives: Iterable[Life]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        for one in lives:
            while not one.journal[STARTED]:
                if time.monotonic() > deadline:
                    raise HarnessError(f"process {one.pid} did not start\n{self._template.errors()}")
                time.sleep(0.001)

    def writer(self) -> Life | None:
        """Who renewed the lease last, or is at it, if it lives."""
        record = latest(self.page) if self.page.exists() else None
        return next((one for one in self.alive if record is not None and one.pid == record.process), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._template.close()  # and with it all others
        self._journals.cleanup()
        self._beside.cleanup()
