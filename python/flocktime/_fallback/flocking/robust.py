"""Averages that a minority cannot move far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flocktime._fallback.arithmetic import clamp, total_order

#: So many lie within the gate...
MOST: Final = 0.6
#: ... with this to spare.
MOST_MARGIN: Final = 1.2


@dataclass(frozen=True, slots=True)
class Gate:
    """Centre and gate of a set of numbers, some of which may be lies."""

    centre: float
    """The median, snapped to one of the numbers: of two middle ones that which lies nearer to zero."""
    width: float
    """How far from the centre a number may lie."""

    def admits(self, value: float) -> bool:
        return abs(value - self.centre) <= self.width

    def mean(self, values: Sequence[float]) -> float:
        """The mean of what the gate admits; the centre is always among it."""
        total, count = 0.0, 0.0
        for value in values:
            if self.admits(value):
                total += value - self.centre
                count += 1.0
        return self.centre + total / count if count > 0.0 else self.centre


def gate(values: Sequence[float], narrowest: float, widest: float, reach: float, tie: float) -> Gate | None:
    """The median and a gate of three standard deviations about it, within the limits. ``None`` for no numbers.

    The deviation is estimated from the median absolute deviation (1.4826 times it for normal noise; Hampel 1974).
    It also holds three of five, where these lie within ``reach``: where two halves of a flock meet again, each would else shut
    the other out. Fewer liars than two of five cannot widen it so, and more of them not beyond that.
    """
    centre = _snapped_median(sorted(values, key=total_order), tie)
    if centre is None:
        return None
    distances = sorted((abs(value - centre) for value in values), key=total_order)
    deviation = 3.0 * 1.4826 * middle(distances)
    most = MOST_MARGIN * distances[min(int(len(distances) * MOST), len(distances) - 1)]
    return Gate(centre, clamp(max(deviation, min(most, reach)), narrowest, widest))


def _snapped_median(ordered: Sequence[float], tie: float) -> float | None:
    """Of two in the middle that lie farther apart than ``tie`` the greater one."""
    half = len(ordered) // 2
    if not ordered:
        return None
    if len(ordered) % 2 == 1:
        return ordered[half]
    lower, upper = ordered[half - 1], ordered[half]
    return lower if abs(lower) <= abs(upper) and upper - lower <= tie else upper


def middle(ordered: Sequence[float]) -> float:
    """The median proper: of an even number the mean of the two in the middle."""
    half = len(ordered) // 2
    if not ordered:
        return 0.0
    return ordered[half] if len(ordered) % 2 == 1 else (ordered[half - 1] + ordered[half]) / 2.0
