"""A signal's handler that raises in the middle of a call: nobody sleeps beside an event because of it."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from flocktime import EventBuffer
from tests.buffers import PATIENCE_S, Running, adds_up
from tests.processes.children import forked

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")]

ROUNDS = 300


class Raised(Exception):
    """By the handler."""


def interrupted(call: Callable[[], Any], rng: random.Random) -> Any:
    """Its result, or ``None`` where the alarm came before it was there."""
    armed = [True]

    def handler(*_: object) -> None:
        if armed:
            armed.clear()
            raise Raised

    signal.signal(signal.SIGALRM, handler)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-6, 1e-4))
            return call()
        finally:
            armed.clear()
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Raised:
        return None


def test_a_consumer_is_woken_by_a_push_that_was_interrupted(tmp_path: Path, seed: int) -> None:
    """If the event is inside, the thread that waits for it gets it, without another push."""

    def child() -> bool:
        rng, buffer, taken = random.Random(seed), EventBuffer(10), threading.Semaphore(0)

        def consume() -> None:
            for _ in buffer:
                taken.release()

        consumer = Running(consume)
        for number in range(ROUNDS):
            before = buffer.stats()
            interrupted(lambda number=number: buffer.push(number), rng)
            after = buffer.stats()
            inside = after.pushed - after.rejected - before.pushed + before.rejected
            assert inside in (0, 1), f"seed {seed}"
            assert not inside or taken.acquire(timeout=PATIENCE_S / 4), f"seed {seed}: asleep beside event {number}"
        buffer.close()
        consumer.result()
        return adds_up(buffer)

    assert forked([child], tmp_path) == [True]


def test_a_consumer_that_was_interrupted_leaves_its_call_to_another(tmp_path: Path, seed: int) -> None:
    """Two wait, one of them is interrupted while an event comes in: it or the other takes it out."""

    def child() -> bool:
        rng, buffer = random.Random(seed), EventBuffer(10)
        other = Running(lambda: [None for _ in buffer])
        begin = threading.Semaphore(0)

        def produce() -> None:
            for number in range(ROUNDS):
                begin.acquire()
                buffer.push(number)

        producer = Running(produce)
        for number in range(ROUNDS):
            begin.release()
            interrupted(lambda: buffer.pop(0.001), rng)
            patience_s = monotonic() + PATIENCE_S / 4
            while buffer.stats().drained <= number:
                assert monotonic() < patience_s, f"seed {seed}: asleep beside event {number}"
                threading.Event().wait(0.000_1)
        producer.result()
        buffer.close()
        other.result()
        return adds_up(buffer)

    assert forked([child], tmp_path) == [True]


def test_a_thread_that_waits_when_a_handler_forks_is_told(tmp_path: Path) -> None:
    """In the child nobody would ever wake it. The parent waits on."""
    from flocktime.events import ForkedBuffer

    def child() -> list[str]:
        buffer, children = EventBuffer(1), list[int]()

        def handler(*_: object) -> None:
            children.append(os.fork())

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        try:
            Running(lambda: (threading.Event().wait(0.1), buffer.push("the parent's")))
            found = buffer.pop()[1]
        except ForkedBuffer:
            os._exit(7)
        return [found, str(os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]))]

    assert forked([child], tmp_path) == [["the parent's", "7"]]
