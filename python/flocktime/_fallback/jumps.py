"""Tell when a source moved against monotonic time. Absorbing a jump needs none of this: it is for the operator's eyes."""

from __future__ import annotations

from flocktime.errors import NotReady

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Final

    from flocktime._fallback.sources import Source

#: Readings within this window after the last comparison are taken as they are: comparing costs two more readings.
WINDOW_US: Final = 100_000
#: Slewing is no jump: NTP slews at up to 500 ppm. What remains above it and above this is one.
JUMP_US: Final = 10_000
SLEW_DIVISOR: Final = 2_000  # 500 ppm
#: A comparison that took longer was interrupted half-way and says nothing.
BRACKET_NS: Final = 1_000_000


class JumpWatch:
    """Compares wall and monotonic time at most every 100 ms of wall time, whenever the clock is read."""

    __slots__ = ("_anchor", "backward", "forward")

    def __init__(self) -> None:
        self._anchor: tuple[int, int] | None = None  # wall and monotonic, in microseconds
        self.backward = 0
        self.forward = 0

    def saw(self, source: Source, wall_us: int) -> None:
        """A reading that somebody takes anyway."""
        if self._anchor is None or not 0 <= wall_us - self._anchor[0] < WINDOW_US:
            self.compare(source, wall_us)

    def compare(self, source: Source, wall_us: int | None) -> None:
        """Compare now. Without a reading to use (``None``), a source that may not be read twice is left alone."""
        pair = _measure(source, wall_us)
        if pair is None:
            return
        if self._anchor is not None:
            elapsed = pair[1] - self._anchor[1]
            shift = pair[0] - self._anchor[0] - elapsed
            limit = JUMP_US + elapsed // SLEW_DIVISOR
            self.backward += shift < -limit
            self.forward += shift > limit
        self._anchor = pair


def _measure(source: Source, wall_us: int | None) -> tuple[int, int] | None:
    """Wall and monotonic microseconds of one instant."""
    if not source.rereadable:
        return None if wall_us is None else (wall_us, source.monotonic_ns() // 1000)
    for _ in range(3):
        before = source.monotonic_ns()
        try:
            wall = source.wall_ns() // 1000
        except NotReady:
            return None  # a flock that refuses until it is synchronised: there is nothing to compare yet
        if source.monotonic_ns() - before <= BRACKET_NS:
            return wall, before // 1000
    return None
