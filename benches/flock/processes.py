"""Processes that are talked to by lines of JSON, with a deadline for every answer and no orphan left behind."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

__all__ = ["ROOT", "THREAD", "HarnessError", "Talker", "cpu_ns", "gather", "on_one_processor"]

ROOT = Path(__file__).resolve().parents[2]
#: Whatever a process is asked, it has answered by then, or something is wrong with it.
PATIENCE_S = 60.0
#: A member's thread, as the system names it, cut to fifteen letters. The fallback's threads have no names there.
THREAD = "flocktime-flock"


class HarnessError(Exception):
    """A process did not do what it was asked; the message has its own last words."""


class Talker:
    """``python -m MODULE ARGUMENTS``, one JSON object a line each way. ``prefix``: what comes before, ``ip netns exec`` say."""

    def __init__(self, name: str, module: str, arguments: Sequence[str] = (), prefix: Sequence[str] = ()) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin, self.process.stdout
        self._left = b""

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """A command and its answer."""
        self.send(do, **values)
        return self.answer()

    def send(self, do: str, **values: Any) -> None:
        """A command; its answer has to be taken later."""
        try:
            self._in.write(json.dumps({"do": do, **values}).encode() + b"\n")
            self._in.flush()
        except OSError:
            raise self._broken("takes no commands any more") from None

    def answer(self, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """The answer to the oldest command that has none yet."""
        deadline = time.monotonic() + patience_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            while b"\n" not in self._left:
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not selector.select(left_s):
                    raise self._broken(f"did not answer within {patience_s:g} s")
                piece = os.read(self._out.fileno(), 1 << 16)
                if not piece:
                    raise self._broken("ended")
                self._left += piece
        line, _, self._left = self._left.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise HarnessError(f"{self.name}: {answer['failed']}")
        return answer

    def stop_by(self, number: signal.Signals) -> None:
        """Send this very process a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """At once and without a word, and wait until it is gone."""
        if self.process.poll() is None:
            self.process.kill()  # a stopped process dies as well
        self._reap()

    def close(self) -> None:
        """Ask it to end by ending its input; after five seconds it is killed."""
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                self._in.close()
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._reap()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reap(self) -> None:
        self.process.wait()
        for pipe in (self._in, self._out, self._errors):
            with contextlib.suppress(OSError):  # what was not yet written has nobody to read it
                pipe.close()

    def errors(self) -> str:
        """The end of what it, or a child of its, has complained about."""
        self._errors.seek(0)
        return self._errors.read().strip()[-2000:]

    def _broken(self, what: str) -> HarnessError:
        code = self.process.poll()
        ended = "" if code is None else f" (exit code {code})"
        return HarnessError(f"{self.name} (process {self.pid}) {what}{ended}\n{self.errors()}")


def gather(talkers: Sequence[Talker], do: str, **values: Any) -> list[dict[str, Any]]:
    """The same command for all, then all answers."""
    for talker in talkers:
        talker.send(do, **values)
    return [talker.answer() for talker in talkers]


def cpu_ns(pid: int, thread: str | None = None) -> int | None:
    """Processor time of a process, or of its threads of one name; ``None`` where it has no thread of that name."""
    spent = None
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            if thread is None or (task / "comm").read_text().strip() == thread:
                spent = (spent or 0) + int((task / "schedstat").read_text().split()[0])
    return spent


@contextmanager
def on_one_processor(pids: Sequence[int]) -> Iterator[None]:
    """All threads of these processes on the same processor for a while, and then where they may run otherwise."""
    usual = {pid: os.sched_getaffinity(pid) for pid in pids}
    one = {max(set.intersection(*usual.values()))}
    try:
        for pid in pids:
            _keep_to(pid, one)
        yield
    finally:
        for pid, processors in usual.items():
            _keep_to(pid, processors)


def _keep_to(pid: int, processors: set[int]) -> None:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), processors)
