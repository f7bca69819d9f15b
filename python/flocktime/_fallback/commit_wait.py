"""Intervals of a ``Clock``, and the wait until a timestamp has passed for certain: TrueTime's commit wait.

Each look says how far the reading has to go on. The thread sleeps for nearly that long, looks again, and sleeps for what is left:
by then the two clocks differ by next to nothing, so that three looks are enough. It never looks without having slept.
"""

from __future__ import annotations

import time

from flocktime._fallback.fields import from_delta_us, seconds_us
from flocktime._fallback.interval import Vouched, left_ns, span_us, status
from flocktime._fallback.timestamp import Timestamp
from flocktime.errors import _epoch
from flocktime.intervals import Interval, _timed_out, _unknown

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import timedelta
    from typing import Any

    from flocktime._fallback.clock import Clock

#: The longest sleep: the bound may have shrunk meanwhile, or somebody has set the clock.
_LONGEST_NS = 1_000_000_000
#: A source that is moved by hand is looked at so often.
_BY_HAND_NS = 1_000_000
#: A processor that has idled for milliseconds takes some 50 us longer to wake than one that has just been woken, and has
#: forgotten what a look needs. So a sleep ends this much before the moment,
_EARLY_NS = 200_000
#: and a second one, which is short, by what even the quickest waking takes. It rarely ends too early; then there is a third.
_WAKING_NS = 25_000
#: There is no look without a sleep before it, and none as short as a look.
_LEAST_NS = 25_000


def interval(self: Clock) -> Interval:
    """Where true time lies for certain: at some moment during the call it was neither before nor after these.

    The bound is the flock's where the clock follows one that has UTC, else that of ``clockbound``, else the kernel's
    (``adjtimex``), else what the source vouches for; see ``docs/intervals.md``. Where nobody vouches it is ``"unknown"``,
    without ends.

    Raises:
        What a source written in Python raises passes through.

    >>> source = ManualSource(1_000_000)
    >>> source.vouch(0.25)
    >>> interval = Clock(source=source).interval()
    >>> interval.earliest.physical_us, interval.latest.physical_us, interval.status
    (750000, 1250000, 'synchronised')
    """
    return _value(*_read(self))


def after(self: Clock, ts: Timestamp) -> bool:
    """Whether true time is past this timestamp for certain: it lies below the earliest. False while nobody knows.

    Raises:
        EpochError: the clock is in another epoch.
    """
    _check(ts)
    reading, epoch = _read(self)
    return _left_ns(reading, epoch, ts) == 0


def before(self: Clock, ts: Timestamp) -> bool:
    """Whether true time has not come to this timestamp for certain: it lies above the latest. False while nobody knows.

    Raises:
        EpochError: the clock is in another epoch.
    """
    _check(ts)
    reading, epoch = _read(self)
    _left_ns(reading, epoch, ts)
    span = span_us(reading)
    return span is not None and span[1] < ts.physical_us


def wait_until(self: Clock, ts: Timestamp, timeout: float | timedelta | None = None) -> Interval:
    """Wait until ``after(ts)``: TrueTime's commit wait. Never early; late by what the system takes to wake a thread.

    Other threads run meanwhile, and signals are handled. Nothing is polled: the thread sleeps to the moment, at most a second at
    a time. On a source that is moved by hand it looks every millisecond.

    Args:
        ts: in the clock's epoch.
        timeout: seconds or ``timedelta``; ``None``: as long as it takes.

    Returns:
        The interval that proves it.

    Raises:
        WaitTimeout: the timeout is over before. TimeUnknown: nobody vouches for the clock, so that it could never be certain.
        EpochError: the clock is in another epoch. What a source written in Python or a signal's handler raises passes through.

    >>> source = SkewedSource()
    >>> source.vouch(0.001)
    >>> clock = Clock(source=source)
    >>> committed = clock.now()
    >>> clock.wait_until(committed, timeout=60).earliest > committed
    True
    """
    _check(ts)
    deadline = None if timeout is None else time.monotonic_ns() + seconds_us("timeout", timeout) * 1000
    interval, left = _passed(self, ts)
    if interval is None:
        from flocktime._fallback.timer_slack import Precise  # ctypes: most programs never wait

        longest_ns = _BY_HAND_NS if self._source.moved_by_hand else _LONGEST_NS
        with Precise():
            while interval is None:
                rest = left if deadline is None else deadline - time.monotonic_ns()
                if rest <= 0:
                    raise _timed_out(ts, from_delta_us(-(-left // 1000)))
                near = left - _EARLY_NS if left > _EARLY_NS else max(left - _WAKING_NS, _LEAST_NS)
                time.sleep(min(near, longest_ns, rest) / 1e9)
                interval, left = _passed(self, ts)
    return interval


def _passed(clock: Clock, ts: Timestamp) -> tuple[Interval | None, int]:
    """The interval that lies above ``ts``, if it does, else how far the reading has to go on."""
    reading, epoch = _read(clock)
    left = _left_ns(reading, epoch, ts)
    if left is None:
        raise _unknown(ts)
    return (_value(reading, epoch), 0) if left == 0 else (None, left)


def wait_until_async(
    self: Clock, ts: Timestamp, timeout: float | timedelta | None = None
) -> Coroutine[Any, Any, Interval]:
    """``wait_until`` for a task: other tasks run meanwhile. The last milliseconds are waited for on a thread of the loop's.

    Never early; later than ``wait_until`` by what the loop takes to come to this task.
    """
    from flocktime._commit_wait import wait

    return wait(self, ts, timeout)


def look(
    self: Clock, ts: Timestamp, timeout: float | timedelta | None = None
) -> tuple[Interval, float, float | None, bool]:
    """For ``wait_until_async``: the interval, seconds left and those of the timeout, and whether time is moved by hand."""
    _check(ts)
    timeout_s = None if timeout is None else seconds_us("timeout", timeout) / 1e6
    reading, epoch = _read(self)
    left = _left_ns(reading, epoch, ts)
    if left is None:
        raise _unknown(ts)
    return _value(reading, epoch), left / 1e9, timeout_s, self._source.moved_by_hand


def _check(ts: Any) -> None:
    if not isinstance(ts, Timestamp):
        raise TypeError(f"ts must be a Timestamp, not {type(ts).__name__}")


def _read(clock: Clock) -> tuple[Vouched, int]:
    return clock._source.vouched(clock._keeper), clock.epoch


def _left_ns(reading: Vouched, epoch: int, ts: Timestamp) -> int | None:
    if ts.epoch != epoch:
        raise _epoch("subtraction", epoch, ts.epoch)
    return left_ns(reading, ts.physical_us)


def _value(reading: Vouched, epoch: int) -> Interval:
    span = span_us(reading)
    earliest, latest = (None, None) if span is None else [Timestamp(us, epoch=epoch) for us in span]
    return Interval(earliest, latest, status(reading), None if reading.bound is None else reading.bound.by)
