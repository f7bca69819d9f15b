"""Code that runs in the middle of a clock's own call, in the very same thread: finalisers and signal handlers that stamp.

Each test runs in a child, which ends itself if it hangs.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, Timestamp
from flocktime.testing import ManualSource
from tests.processes.children import forked
from tests.support import NOW_US, stamp

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")]

FAR = stamp(NOW_US + 10**12, node=2)


def _everything(clock: Clock, source: ManualSource) -> list[Timestamp]:
    """One of each call that issues, refuses or looks."""
    source.advance(1)
    issued = [clock.now(), *clock.now_many(2), clock.update(stamp(source() // 1000, 3, node=2)), clock.update_many([])]
    with pytest.raises(ValueError, match="ahead of"):
        clock.update(FAR)
    clock.stats()
    return issued


def _check(outside: list[Timestamp], inside: list[Timestamp]) -> int:
    """Nothing twice, each sequence rising; the number of those issued in between."""
    assert outside == sorted(outside)
    together = outside + inside
    assert len(set(together)) == len(together)
    return len(inside)


def test_finalisers_may_stamp(tmp_path: Path) -> None:
    """The garbage collector runs at any allocation; what it ends may stamp, merge and be refused, and nothing repeats."""

    def child() -> int:
        source = ManualSource(NOW_US)
        clock = Clock(source=source)
        inside: list[Timestamp] = []

        class Dying:
            def __init__(self) -> None:
                self.itself = self

            def __del__(self) -> None:
                inside.extend(_everything(clock, source))

        outside: list[Timestamp] = []
        usual = gc.get_threshold()
        gc.set_threshold(3)
        try:
            for _ in range(3_000):
                Dying()
                outside += _everything(clock, source)
        finally:
            gc.set_threshold(*usual)
        return _check(outside, inside)

    (count,) = forked([child], tmp_path)
    assert count > 1_000


def test_signal_handlers_may_stamp(tmp_path: Path) -> None:
    """A handler runs between any two instructions; it may stamp on the clock that it has interrupted."""

    def child() -> int:
        source = ManualSource(NOW_US)
        clock = Clock(source=source)
        inside: list[Timestamp] = []

        def handler(*_: Any) -> None:
            inside.append(clock.now())

        signal.signal(signal.SIGALRM, handler)
        signal.signal(signal.SIGUSR1, handler)
        outside: list[Timestamp] = []
        signal.setitimer(signal.ITIMER_REAL, 0.000_2, 0.000_2)
        while len(inside) < 300:
            outside.append(clock.now())
            outside.append(clock.update(stamp(NOW_US, 3, node=2)))
        signal.setitimer(signal.ITIMER_REAL, 0)
        return _check(outside, inside)

    (count,) = forked([_with_watchdog(child)], tmp_path)
    assert count >= 300


def _with_watchdog(child: Callable[[], int]) -> Callable[[], int]:
    """The alarm belongs to the test here, so another timer ends a child that hangs."""

    def watched() -> int:
        signal.alarm(0)
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_VIRTUAL, 30)
        return child()

    return watched
