"""Commit waits that are interrupted: signals are handled while a thread waits, and what their handlers raise ends the wait."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from flocktime import Clock, WaitTimeout
from flocktime.testing import SkewedSource
from tests.processes.children import forked
from tests.support import stamp

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")]


def _clock() -> Clock:
    source = SkewedSource()
    source.vouch(0.0)
    return Clock(source=source)


def test_interrupts_end_a_wait(tmp_path: Path) -> None:
    """A handler that raises ends the wait with that, long before the timestamp has passed."""

    def child() -> str:
        clock = _clock()
        ts = stamp(clock.now().physical_us + 3_600_000_000)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        try:
            clock.wait_until(ts)
        except KeyboardInterrupt:
            return "interrupted"
        return "passed"

    assert forked([child], tmp_path) == ["interrupted"]


def test_other_signals_do_not(tmp_path: Path) -> None:
    """A handler that returns has run while the thread waited; the wait goes on to its end, and is not early."""

    def child() -> tuple[int, bool]:
        clock, handled = _clock(), []
        signal.signal(signal.SIGALRM, lambda *_: handled.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        ts = stamp(clock.now().physical_us + 100_000)
        earliest = clock.wait_until(ts).earliest
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert earliest is not None
        return len(handled), earliest > ts

    ((handled, passed),) = forked([child], tmp_path)
    assert passed
    assert handled >= 1


def test_threads_wait_side_by_side(tmp_path: Path) -> None:
    """Waits of several threads and a timeout among them do not get into each other's way; none is early."""

    def child() -> list[bool]:
        clock, passed = _clock(), list[bool]()

        def wait(ahead_us: int) -> None:
            ts = stamp(clock.now().physical_us + ahead_us)
            earliest = clock.wait_until(ts, 60).earliest
            passed.append(earliest is not None and earliest > ts)

        threads = [threading.Thread(target=wait, args=(ahead_us,)) for ahead_us in range(0, 40_000, 2_500)]
        for thread in threads:
            thread.start()
        with pytest.raises(WaitTimeout):
            clock.wait_until(stamp(clock.now().physical_us + 10**9), 0.02)
        for thread in threads:
            thread.join()
        return passed

    assert forked([child], tmp_path) == [[True] * 16]
