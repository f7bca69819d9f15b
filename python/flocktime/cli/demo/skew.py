"""How far the services' clocks lie apart, seen from outside: each look at a flock says what its time is at a moment of the
host's monotonic clock, which all processes share; between two looks it is a straight line.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

from flocktime.cli.demo.log import Look

#: Two looks farther apart than this have nothing between them that is known.
LONGEST_GAP_NS: Final = 1_000_000_000
#: All clocks are compared at moments so far apart.
STEP_NS: Final = 100_000_000

Looks = Mapping[str, Sequence[Look]]


@dataclass(frozen=True, slots=True)
class Moment:
    """All services at one instant: how far their flock's times lie ahead of the host's monotonic clock, nanoseconds.

    Attributes:
        true_ns: when.
        ahead_ns: of every service that runs.
        wall_ns: the same of their wall clocks.
        together: those that say they are synchronised, before and after.
    """

    true_ns: int
    ahead_ns: dict[str, float]
    wall_ns: dict[str, float]
    together: tuple[str, ...]

    @property
    def skew_us(self) -> float | None:
        """The largest distance between two that are synchronised."""
        return spread_us([self.ahead_ns[name] for name in self.together])

    @property
    def middle_ns(self) -> float | None:
        """The mean of those that are synchronised; before there are two, the median of all."""
        if len(self.together) > 1:
            return fmean(self.ahead_ns[name] for name in self.together)
        return median(self.ahead_ns.values()) if self.ahead_ns else None


def spread_us(ahead_ns: Sequence[float]) -> float | None:
    """The largest distance between two of them, microseconds; ``None`` for fewer than two."""
    return (max(ahead_ns) - min(ahead_ns)) / 1e3 if len(ahead_ns) > 1 else None


def at(looks: Looks, true_ns: int, jumped: Mapping[str, int] | None = None) -> Moment:
    """All services at one instant; those that nobody looked at about then are left out.

    From the moment that it was made to jump, a service is not one of those that are synchronised, whatever it says: it takes
    it a round or two to notice.
    """
    ahead: dict[str, float] = {}
    wall: dict[str, float] = {}
    together = []
    for name, series in looks.items():
        place = bisect_left(series, true_ns, key=lambda look: look.true_ns)
        if not 0 < place < len(series):
            continue
        before, after = series[place - 1], series[place]
        gap_ns = after.true_ns - before.true_ns
        if gap_ns > LONGEST_GAP_NS:
            continue
        share = (true_ns - before.true_ns) / gap_ns
        ahead[name] = before.ahead_ns + share * (after.ahead_ns - before.ahead_ns)
        wall[name] = before.wall_ahead_ns + share * (after.wall_ahead_ns - before.wall_ahead_ns)
        right = jumped is None or after.true_ns < jumped.get(name, after.true_ns + 1)
        if right and before.state == after.state == "synchronised":
            together.append(name)
    return Moment(true_ns, ahead, wall, tuple(together))


def moments(looks: Looks, jumped: Mapping[str, int] | None = None) -> list[Moment]:
    """All services at equally spaced instants, from the first look to the last."""
    seen = [series for series in looks.values() if series]
    if not seen:
        return []
    first, last = min(series[0].true_ns for series in seen), max(series[-1].true_ns for series in seen)
    found = [at(looks, true_ns, jumped) for true_ns in range(first + STEP_NS, last, STEP_NS)]
    return [moment for moment in found if moment.ahead_ns]


def latest(looks: Looks) -> Moment | None:
    """All services at the latest instant that everybody who runs has been looked at."""
    seen = [series[-1].true_ns for series in looks.values() if series]
    if not seen:
        return None
    return at(looks, min(true_ns for true_ns in seen if max(seen) - true_ns < LONGEST_GAP_NS))


def pairs_us(moment: Moment) -> list[float]:
    """The distances of all pairs that are synchronised."""
    ahead = [moment.ahead_ns[name] for name in moment.together]
    return [abs(one - other) / 1e3 for place, one in enumerate(ahead) for other in ahead[:place]]
