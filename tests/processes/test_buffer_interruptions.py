"""Code that runs in the middle of a buffer's own call, in the very same thread: finalisers, signal handlers, and Ctrl-C.

Each test runs in a process of its own, which ends itself if it hangs.
"""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, EventBuffer, Timestamp
from flocktime.events import BufferFull
from flocktime.testing import ManualSource
from tests.buffers import PATIENCE_S, adds_up, changed, events, is_ascending
from tests.processes.children import forked
from tests.support import NOW_US, environment

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")]


class Stream:
    """One buffer, pushed to and taken from by whoever comes, with the account of what went in and came out.

    It is interrupted by itself: numbers are drawn and batches kept by single calls that nothing comes into the middle of.
    """

    def __init__(self, overflow: Any) -> None:
        self.buffer = EventBuffer(8, overflow=overflow, clock=Clock(source=ManualSource(NOW_US)))
        self.numbers = count()
        self.refused: list[int] = []
        self.taken: list[tuple[Timestamp, Any]] = []

    def push(self, many: int) -> None:
        """One event, or several at once."""
        numbers = list(islice(self.numbers, many))
        try:
            self.buffer.push(numbers[0], timeout=0) if many == 1 else self.buffer.push_many(numbers, timeout=0)
        except BufferFull as refusal:
            self.refused.extend(refusal.events)

    def take(self, most: int | None) -> None:
        """A batch, which lies above everything that came out before it was begun, and above what was promised then."""
        before = self.taken[-1][0] if self.taken else Timestamp.MIN
        promised = self.buffer.watermark
        batch = self.buffer.drain(most)
        assert promised is not None
        assert is_ascending(batch)
        assert all(timestamp > before and timestamp > promised for timestamp, _ in batch)
        self.taken.extend(batch)

    def check(self, at_least: int) -> int:
        """In the end everything adds up, and every event came out at most once."""
        self.taken.extend(self.buffer.drain())
        pushed, stats = next(self.numbers), self.buffer.stats()
        assert is_ascending(sorted(self.taken))
        assert adds_up(self.buffer)
        assert (stats.pushed, stats.rejected, stats.drained) == (pushed, len(self.refused), len(self.taken))
        assert len({*events(self.taken), *self.refused}) == len(self.taken) + len(self.refused)
        assert pushed >= at_least
        return pushed


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest", "block"])
def test_finalisers_may_push_and_take(overflow: Any, tmp_path: Path) -> None:
    """The garbage collector runs at any allocation; what it ends may push to the very buffer and take from it."""

    def child() -> int:
        stream = Stream(overflow)

        class Dying:
            def __init__(self, number: int) -> None:
                self.itself, self.number = self, number

            def __del__(self) -> None:
                stream.push(1 + self.number % 3)
                if self.number % 5 == 0:
                    stream.take(self.number % 4)

        with changed(gc.get_threshold, gc.set_threshold, 1):
            for number in range(1_000):
                Dying(number)
                stream.push(1 + number % 4)
                if number % 3 == 0:
                    stream.take(None if number % 2 else 3)
        gc.collect()
        return stream.check(at_least=3_000)

    forked([child], tmp_path)


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest", "block"])
def test_signal_handlers_may_push_and_take(overflow: Any, tmp_path: Path) -> None:
    """A handler runs between any two instructions; it may use the buffer that it has interrupted."""

    def child() -> int:
        stream, handled = Stream(overflow), 0

        def handler(*_: Any) -> None:
            nonlocal handled
            handled += 1
            stream.push(1 + handled % 3)
            if handled % 4 == 0:
                stream.take(handled % 5)

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.000_2, 0.000_2)
        while handled < 500:
            stream.push(1 + handled % 4)
            stream.take(None if handled % 2 else 3)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return stream.check(at_least=1_000)

    forked([_with_watchdog(child)], tmp_path)


def test_a_signal_handler_may_push_what_its_thread_waits_for(tmp_path: Path) -> None:
    """Waiting goes on after a handler; where the handler pushed, it is over."""

    def child() -> list[Any]:
        buffer = EventBuffer(5)
        taken = []
        signal.signal(signal.SIGALRM, lambda *_: buffer.push(len(taken)))
        for _ in range(20):
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            taken.append(buffer.pop(PATIENCE_S)[1])
        return taken

    assert forked([_with_watchdog(child)], tmp_path) == [list(range(20))]


def _with_watchdog(child: Callable[[], Any]) -> Callable[[], Any]:
    """The alarm belongs to the test here, so another timer ends a child that hangs."""

    def watched() -> Any:
        signal.alarm(0)
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_VIRTUAL, 30)
        return child()

    return watched


WAITING = """
import asyncio, sys
from flocktime import EventBuffer

class Watched(EventBuffer):
    def _watch(self, *arguments):
        super()._watch(*arguments)
        print("waiting", flush=True)

buffer = Watched(1, overflow="block")
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted", buffer.stats().as_dict()["pushed"], len(buffer), flush=True)
    buffer.drain()
    buffer.push("on")
    print(buffer.pop()[1], flush=True)
"""


@pytest.mark.parametrize(
    ("wait", "pushed"),
    [
        ("buffer.pop()", 0),
        ("buffer.pop(timeout=1000)", 0),
        ("next(iter(buffer))", 0),
        ("buffer.push(1); buffer.push(2)", 1),
        ("buffer.push_many([1, 2, 3])", 1),
        ("asyncio.run(buffer.pop_async())", 0),
    ],
)
def test_an_interruption_ends_waiting(wait: str, pushed: int) -> None:
    """Ctrl-C reaches a thread that waits at once; the buffer is as it was, and goes on."""
    child = subprocess.Popen(
        [sys.executable, "-c", WAITING.format(wait=wait)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "waiting\n"
        child.send_signal(signal.SIGINT)
        output, errors = child.communicate(timeout=PATIENCE_S)
    finally:
        child.kill()
    assert (output, errors, child.returncode) == (f"interrupted {pushed} {pushed}\non\n", "", 0)
