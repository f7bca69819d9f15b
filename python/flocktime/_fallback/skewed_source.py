"""``SkewedSource``: another source seen through a wrong clock, for demonstrations and for tests on real processes."""

from __future__ import annotations

import threading
from collections import namedtuple
from collections.abc import Callable

from flocktime._fallback.arithmetic import saturated_i64, saturated_u64, to_i64, wrapped_i64
from flocktime._fallback.fields import seconds_us
from flocktime._fallback.interval import Vouched
from flocktime._fallback.sources import OwnSource, Source, error_of, told
from flocktime.errors import _show

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any, NoReturn


class _State(namedtuple("_State", ("wall_shift_ns", "raw_shift_ns", "held_ns"), defaults=(0, 0, None))):
    """What was done to a source while it runs."""

    __slots__ = ()
    wall_shift_ns: int
    raw_shift_ns: int
    held_ns: tuple[int, int] | None  # what a frozen source goes on showing, wall and raw


class SkewedSource(OwnSource):
    """Another source seen through a wrong clock: a constant offset, and a rate error that grows from its creation on.

    The rate error is that of its oscillator: the raw counter beneath a flock has it too. Any thread may step, set, freeze or
    thaw it at any time; monotonic time is that of the source beneath throughout.

    Args:
        offset: seconds or ``timedelta``, at most 100 years either way; positive is ahead.
        ppm: microseconds gained in each second of the source beneath, at most a million either way.
        source: the source beneath: ``None`` for the operating system's clock, a ``ManualSource`` or a ``SkewedSource``.

    >>> true = ManualSource(1_000_000)
    >>> wrong = SkewedSource(offset=0.25, ppm=100, source=true)
    >>> true.advance(1_000_000)
    >>> wrong() - true()
    250100000
    """

    __slots__ = ("_base", "_error", "_hand", "_offset_ns", "_ppm", "_start_raw_ns", "_start_wall_ns", "_state")
    __module__ = "flocktime"

    def __init__(self, offset: Any = 0.0, ppm: float = 0.0, *, source: Callable[[], int] | None = None) -> None:
        if isinstance(ppm, bool) or not isinstance(ppm, int | float):
            raise TypeError(f"ppm must be a number, not {type(ppm).__name__}")
        if not abs(ppm) <= 1_000_000:  # false for NaN too
            raise ValueError(f"ppm must lie within a million either way, got {_show(ppm)}")
        self._offset_ns = seconds_us("offset", offset, negative=True) * 1000
        self._ppm = float(ppm)
        self._base = Source(source)
        if not self._base.rereadable:
            raise TypeError("source must be None, a ManualSource or a SkewedSource")
        self._start_wall_ns, self._start_raw_ns = self._base.wall_ns(), self._base.raw_ns()
        self._state = _State()
        self._error: int | None = None  # what it was told to vouch for, in nanoseconds
        self._hand = threading.RLock()  # whoever changes something holds it; readers do not

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'flocktime.SkewedSource' is not an acceptable base type")

    def __call__(self) -> int:
        state = self._state
        return self._running_wall_ns(state) if state.held_ns is None else state.held_ns[0]

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds of the source beneath."""
        return self._base.monotonic_ns()

    def raw_ns(self) -> int:
        """Nanoseconds of the oscillator: monotonic time with this rate error, and what ``step`` and ``freeze`` do to it."""
        state = self._state
        return self._running_raw_ns(state) if state.held_ns is None else state.held_ns[1]

    def step(self, seconds: Any) -> None:
        """Let the oscillator jump by so many seconds, either way: readings and ``raw_ns`` move, as in a machine that was migrated.

        Raises:
            ValueError: more than 100 years.
        """  # noqa: E501  # the compiled one says the same in its first line
        by_ns = seconds_us("seconds", seconds, negative=True) * 1000
        with self._hand:
            wall_shift, raw_shift, held = self._state
            if held is not None:
                held = (saturated_i64(held[0] + by_ns), saturated_u64(held[1] + by_ns))
            self._state = _State(saturated_i64(wall_shift + by_ns), saturated_i64(raw_shift + by_ns), held)

    def set_wall(self, seconds: Any) -> None:
        """Set the wall clock by so many seconds, either way, as an operator does: readings move, ``raw_ns`` does not.

        Raises:
            ValueError: more than 100 years.
        """
        by_ns = seconds_us("seconds", seconds, negative=True) * 1000
        with self._hand:
            wall_shift, raw_shift, held = self._state
            if held is not None:
                held = (saturated_i64(held[0] + by_ns), held[1])
            self._state = _State(saturated_i64(wall_shift + by_ns), raw_shift, held)

    def freeze(self) -> None:
        """Stop the oscillator: readings and ``raw_ns`` stand still, as in a paused machine. Freezing twice changes nothing."""
        with self._hand:
            state = self._state
            if state.held_ns is None:
                self._state = state._replace(held_ns=(self._running_wall_ns(state), self._running_raw_ns(state)))

    def thaw(self) -> None:
        """Let it go on from where it stands: it stays behind by the time it was frozen."""
        with self._hand:
            wall_shift, raw_shift, held = self._state
            if held is not None:
                lost_wall = saturated_i64(self._running_wall_ns(self._state) - held[0])
                lost_raw = wrapped_i64(self._running_raw_ns(self._state) - held[1])
                self._state = _State(saturated_i64(wall_shift - lost_wall), saturated_i64(raw_shift - lost_raw), None)

    def vouch(self, error: float | timedelta | None) -> None:
        """Say of all readings from now on what they may be wrong by: seconds or ``timedelta``; ``None``: nobody knows.

        What the source beneath says does not count: it knows nothing of this one's errors.

        Raises:
            ValueError: negative, or more than 100 years.
        """
        self._error = error_of(error)

    @property
    def frozen(self) -> bool:
        """Whether it is frozen."""
        return self._state.held_ns is not None

    def _raw_ns(self) -> int:
        return self.raw_ns()

    def _vouched(self, system: Callable[[], Vouched]) -> Vouched:  # noqa: ARG002 -- it is no system's
        return told(self(), self._error)

    @property
    def _moved_by_hand(self) -> bool:
        return self._base.moved_by_hand

    def _max_drift_us(self, configured: int | None) -> int | None:
        return self._base.max_drift_us(configured)

    def _running_wall_ns(self, state: _State) -> int:
        base = self._base.wall_ns()
        drift = to_i64(float(saturated_i64(base - self._start_wall_ns)) * self._ppm * 1e-6)
        return saturated_i64(saturated_i64(saturated_i64(base + self._offset_ns) + drift) + state.wall_shift_ns)

    def _running_raw_ns(self, state: _State) -> int:
        base = self._base.raw_ns()
        drift = to_i64(float(wrapped_i64(base - self._start_raw_ns)) * self._ppm * 1e-6)
        return saturated_u64(saturated_u64(base + drift) + state.raw_shift_ns)

    def __repr__(self) -> str:
        return f"<flocktime.SkewedSource offset={self._offset_ns // 1000} us, ppm={self._ppm!r}>"
