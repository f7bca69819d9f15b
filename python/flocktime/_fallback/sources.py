"""Where readings come from: any callable that returns ``int`` nanoseconds since 1970, and one that tests move by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from flocktime._fallback.arithmetic import MAX_I64, saturated_i64, saturated_u64
from flocktime._fallback.fields import checked_int, seconds_us
from flocktime._fallback.interval import Bound, Vouched
from flocktime._fallback.layout import HORIZON
from flocktime.errors import SourceError, _show

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any, NoReturn


def _os_raw_ns() -> int:
    """The oscillator as the operating system counts it: nobody slews or sets it."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


if not hasattr(time, "CLOCK_MONOTONIC_RAW"):
    _os_raw_ns = time.monotonic_ns


class OwnSource:
    """What a clock may ask a source of this package beside its reading."""

    __slots__ = ()

    def __call__(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        raise NotImplementedError

    def monotonic_ns(self) -> int:
        """Nanoseconds since any fixed start; never goes back."""
        raise NotImplementedError

    def _raw_ns(self) -> int:
        """Nanoseconds of the oscillator; a source that plays a broken one may go back."""
        return self.monotonic_ns()

    def _max_drift_us(self, configured: int | None) -> int | None:
        """How far remote timestamps may lead on this source, where the clock was given ``configured``; ``None``: no limit."""
        return configured

    def _vouched(self, system: Callable[[], Vouched]) -> Vouched:
        """A reading, and what it may be wrong by. ``system`` asks those who keep the operating system's clock."""
        raise NotImplementedError

    @property
    def _on_os_clock(self) -> bool:
        """Whether it is a flock's over the operating system's clock."""
        return False

    @property
    def _moved_by_hand(self) -> bool:
        """Whether time goes on only when somebody says so: who waits for it has to look every now and then."""
        return False


class Source:
    """A callable as the clock sees it: the reading, other times beside it, and whether it may be read twice."""

    __slots__ = ("_call", "_own", "max_drift_us", "monotonic_ns", "raw_ns", "rereadable")

    def __init__(self, source: Callable[[], int] | None) -> None:
        if source is not None and not callable(source):
            raise TypeError(f"source must be callable, not {type(source).__name__}")
        self._call: Callable[[], Any] = time.time_ns if source is None else source
        self._own = own = source if isinstance(source, OwnSource) else None
        self.monotonic_ns: Callable[[], int] = time.monotonic_ns if own is None else own.monotonic_ns
        self.raw_ns: Callable[[], int] = _os_raw_ns if own is None else own._raw_ns
        self.max_drift_us: Callable[[int | None], int | None] = _as_configured if own is None else own._max_drift_us
        # Other people's callables are called once per timestamp and never behind their back: a scripted one would notice.
        self.rereadable = source is None or own is not None

    def wall_ns(self) -> int:
        reading = self._call()
        if type(reading) is not int:
            raise SourceError(f"a time source must return int nanoseconds, got {_show(reading)}")
        return saturated_i64(reading)  # what lies beyond is out of a timestamp's range either way

    def vouched(self, system: Callable[[], Vouched]) -> Vouched:
        """A reading, and what it may be wrong by. ``system`` asks those who keep the operating system's clock."""
        if self._own is not None:
            return self._own._vouched(system)
        if self.rereadable:
            return system()
        wall_ns = self.wall_ns()
        ask = getattr(self._call, "error_ns", None)
        error_ns = None if ask is None else ask()
        if error_ns is not None and (type(error_ns) is not int or error_ns < 0):
            raise SourceError(f"error_ns of a time source must return int nanoseconds or None, got {_show(error_ns)}")
        return told(wall_ns, None if error_ns is None else saturated_u64(error_ns))

    @property
    def on_os_clock(self) -> bool:
        """Whether it is the operating system's clock, or a flock's over that."""
        return self._own._on_os_clock if self._own is not None else self.rereadable

    @property
    def moved_by_hand(self) -> bool:
        """Whether time goes on only when somebody says so."""
        return self._own is not None and self._own._moved_by_hand


def _as_configured(limit: int | None) -> int | None:
    return limit


def told(wall_ns: int, error_ns: int | None) -> Vouched:
    """A reading of a source that says itself what it may be wrong by."""
    return Vouched(wall_ns, None if error_ns is None else Bound(error_ns, False, "source"))


def error_of(error: Any) -> int | None:
    """What a source is told to vouch for: seconds or a ``timedelta`` in nanoseconds."""
    return None if error is None else seconds_us("error", error) * 1000


def usable_us(wall_ns: int) -> tuple[int, bool]:
    """Microseconds within what a timestamp can hold, and whether the reading had to be bent to get there."""
    microseconds = wall_ns // 1000
    usable = max(0, min(microseconds, HORIZON))
    return usable, usable != microseconds


class ManualSource(OwnSource):
    """A time source that moves only when told to: for tests, replays and demonstrations.

    Calling it gives its wall time in nanoseconds, so it is a source like any other callable; a clock reads it without
    calling into Python. Any thread may move or read it at any time.

    >>> source = ManualSource(1_000_000)
    >>> clock = Clock(source=source)
    >>> first = clock.now()
    >>> source.step_back(500_000)
    >>> clock.now() > first
    True
    """

    __slots__ = ("_error", "_held", "_lock", "_monotonic", "_wall")
    __module__ = "flocktime"

    def __init__(self, start_us: int = 0) -> None:
        self._lock = threading.RLock()
        self._wall = _bounded("start_us", start_us) * 1000
        self._monotonic = 0
        self._held: int | None = None  # what a paused source goes on showing, in nanoseconds
        self._error: int | None = None  # what it was told to vouch for, in nanoseconds

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'flocktime.ManualSource' is not an acceptable base type")

    def __call__(self) -> int:
        with self._lock:
            return self._wall if self._held is None else self._held

    def monotonic_ns(self) -> int:
        """Nanoseconds that ``advance`` has let pass. Setting and stepping leave it alone."""
        with self._lock:
            return self._monotonic

    def set(self, us: int) -> None:
        """Set the wall time to so many microseconds since 1970, as an operator does.

        Raises:
            ValueError: beyond 64 bits of nanoseconds; nothing has moved then.
        """
        wall = _bounded("us", us) * 1000
        with self._lock:
            self._wall = wall

    def advance(self, us: int) -> None:
        """Let so many microseconds pass.

        Raises:
            ValueError: negative, or beyond 64 bits of nanoseconds; nothing has moved then.
        """
        step = _not_negative("us", us) * 1000
        with self._lock:
            # Both or neither: a source at its limit stays as it was.
            self._wall, self._monotonic = _fits(self._wall + step), _fits(self._monotonic + step)

    def step_back(self, us: int) -> None:
        """Set the wall time back by so many microseconds.

        Raises:
            ValueError: negative, or beyond 64 bits of nanoseconds; nothing has moved then.
        """
        step = _not_negative("us", us) * 1000
        with self._lock:
            self._wall = _fits(self._wall - step)

    def pause(self) -> AbstractContextManager[None]:
        """Readings stand still until ``resume``, or the end of the ``with`` block; time passes on behind them.

        That is what a stopped process or a frozen machine sees. Pausing a paused source changes nothing.

        >>> source = ManualSource(10)
        >>> with source.pause():
        ...     source.advance(5)
        ...     source()
        10000
        >>> source()
        15000
        """
        with self._lock:
            if self._held is None:
                self._held = self._wall
        return _Paused(self)

    def resume(self) -> None:
        """Readings show the time that has passed meanwhile."""
        with self._lock:
            self._held = None

    def vouch(self, error: float | timedelta | None) -> None:
        """Say of all readings from now on what they may be wrong by: seconds or ``timedelta``; ``None``: nobody knows.

        Raises:
            ValueError: negative, or more than 100 years.

        >>> source = ManualSource(1_000)
        >>> source.vouch(0.000_100)
        >>> Clock(source=source).interval().latest.physical_us
        1100
        """
        error_ns = error_of(error)
        with self._lock:
            self._error = error_ns

    def _vouched(self, system: Callable[[], Vouched]) -> Vouched:  # noqa: ARG002 -- it is no system's
        with self._lock:
            return told(self(), self._error)

    @property
    def _moved_by_hand(self) -> bool:
        return True

    def __repr__(self) -> str:
        paused = "" if self._held is None else ", paused"
        return f"<flocktime.ManualSource at {self() // 1000} us{paused}>"


class _Paused:
    __slots__ = ("_source",)

    def __init__(self, source: ManualSource) -> None:
        self._source = source

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._source.resume()


def _bounded(name: str, value: Any) -> int:
    number = checked_int(name, value)
    if abs(number) > MAX_I64 // 1000:
        raise ValueError(f"{name} must fit 64 bits in nanoseconds, got {_show(number)}")
    return number


def _not_negative(name: str, value: Any) -> int:
    number = _bounded(name, value)
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {number}")
    return number


def _fits(nanoseconds: int) -> int:
    if abs(nanoseconds) > MAX_I64:
        raise ValueError("the source has left the range of 64 bits of nanoseconds")
    return nanoseconds
