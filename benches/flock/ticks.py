"""A thread that stamps all the time and looks whether anything ever goes back: the stamps, and the time beneath them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from flocktime.clock import Clock, Timestamp

__all__ = ["Ticker"]

#: Stamps in a row, and how long the thread then stands aside: some ten thousand stamps a second, a few per cent of a core.
BURST, PAUSE_S = 10, 0.001
#: One burst in so many looks at the disciplined clock as well, which takes the member's lock.
SELDOM = 5
#: Counted from the second round after the first synchronisation: that is when stamps change over, which may be a step.
SETTLED_ROUNDS = 2


class Falling:
    """Counts how often a value falls, and by how much at most."""

    def __init__(self) -> None:
        self.seen = self.fallen = self.worst = 0
        self._before: int | None = None

    def look(self, value: int) -> None:
        self.seen += 1
        if self._before is not None and value < self._before:
            self.fallen += 1
            self.worst = max(self.worst, self._before - value)
        self._before = value


class Ticker:
    """Three things, each of which proves something that the others do not.

    Stamps of ``clock`` must rise, strictly. That alone proves little, because a clock keeps them rising over a time that
    falls. So once synchronised, the disciplined clock must not fall either; nor must what stamps follow, ``shown``, by
    more than the microsecond or two that reading it through the processor's counter may cost.
    """

    def __init__(self, clock: Clock, shown: Callable[[], int], report: Callable[[], dict[str, Any]]) -> None:
        self._clock, self._shown, self._report = clock, shown, report
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._stamps = self._backward_stamps = 0
        self._disciplined, self._readings = Falling(), Falling()
        self._counts_from: int | None = None
        self._counting = False
        self._first: Timestamp | None = None
        self._last: Timestamp | None = None
        self._failure: str | None = None
        self._begin = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def counts(self) -> dict[str, Any]:
        """What was seen so far, within ``seconds`` since the start."""
        with self._lock:
            return {
                "seconds": time.monotonic() - self._begin,
                "stamps": self._stamps,
                "backward_stamps": self._backward_stamps,
                "disciplined": self._disciplined.seen,
                "backward_disciplined": self._disciplined.fallen,
                "readings": self._readings.seen,
                "worst_reading_ns": self._readings.worst,
                "first": None if self._first is None else self._first.to_hex(),
                "last": None if self._last is None else self._last.to_hex(),
                "failure": self._failure,
            }

    def _run(self) -> None:
        bursts = 0
        try:
            while not self._stopping.wait(PAUSE_S):
                bursts += 1
                with self._lock:
                    if bursts % SELDOM == 0:
                        self._look_beneath()
                    for _ in range(BURST):
                        self._stamp()
        except Exception as error:  # told to whoever asks for the counts
            self._failure = f"{type(error).__name__}: {error}"

    def _stamp(self) -> None:
        stamp = self._clock.now()
        self._stamps += 1
        if self._last is None:
            self._first = stamp
        elif stamp <= self._last:
            self._backward_stamps += 1
        self._last = stamp
        if self._counting:
            self._readings.look(self._shown())

    def _look_beneath(self) -> None:
        report = self._report()
        if self._counts_from is None:
            if report["joined"]:
                self._counts_from = report["round"] + SETTLED_ROUNDS
        elif report["round"] >= self._counts_from:
            self._counting = True
            self._disciplined.look(report["time_ns"])
