"""A thread that looks at a clock's intervals all the time, and whether true time is inside."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from benches.flock.oscillator import raw_ns

if TYPE_CHECKING:
    from flocktime.clock import Clock

__all__ = ["Voucher"]

#: Looks in a row, and how long the thread then stands aside.
BURST, PAUSE_S = 5, 0.01
#: A call that takes longer was interrupted: it takes some ten microseconds.
INTERRUPTED_NS = 200_000


class Voucher:
    """Holds each interval against the truth, which is the machine's raw counter and ``utc_ns`` besides.

    True time goes on while the interval is taken. It has to hold what was true before as well as what is true afterwards; where
    the system took the processor away in between, which is seen by how long the call took, some of what was true meanwhile.
    """

    def __init__(self, clock: Clock, utc_ns: int) -> None:
        self._clock, self._utc_ns = clock, utc_ns
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._statuses: Counter[str] = Counter()
        self._outside = self._interrupted = 0
        self._widths_us: Counter[int] = Counter()
        self._closest_us: float | None = None
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="voucher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def counts(self) -> dict[str, Any]:
        """What was seen so far. Widths are rounded to a tenth of a millisecond, ``{width in us: times}``."""
        with self._lock:
            return {
                "statuses": dict(self._statuses),
                "outside": self._outside,
                "interrupted": self._interrupted,
                "widths_us": {str(width): times for width, times in self._widths_us.items()},
                "closest_us": self._closest_us,
                "failure": self._failure,
            }

    def _run(self) -> None:
        try:
            while not self._stopping.wait(PAUSE_S):
                for _ in range(BURST):
                    self._look()
        except Exception as error:  # told to whoever asks for the counts
            self._failure = f"{type(error).__name__}: {error}"

    def _look(self) -> None:
        before = raw_ns() + self._utc_ns
        interval = self._clock.interval()
        after = raw_ns() + self._utc_ns
        with self._lock:
            self._statuses[interval.status] += 1
            if interval.earliest is None or interval.latest is None:
                return
            earliest_us, latest_us = interval.earliest.physical_us, interval.latest.physical_us
            self._widths_us[round((latest_us - earliest_us) / 100) * 100] += 1
            interrupted = after - before > INTERRUPTED_NS
            self._interrupted += interrupted
            first, last = (after, before) if interrupted else (before, after)
            room_us = min(first / 1e3 - earliest_us, latest_us - last / 1e3)
            self._outside += room_us < 0
            self._closest_us = room_us if self._closest_us is None else min(self._closest_us, room_us)
