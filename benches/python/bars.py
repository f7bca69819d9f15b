"""What the clock must cost, as ratios, and whether a measurement meets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flocktime.cli.bench.peers import CLOCK, Found
from flocktime.cli.bench.subjects import FALLBACK, FLOCKTIME, TIME_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flocktime.cli.bench.timer import Measurement, Spread, Subject

__all__ = ["BARS", "PEER", "PEER_CLOCK", "REFERENCE", "Bar", "Outcome", "judge"]

REFERENCE = "C reference"
#: Whoever of the installed peers is fastest, and whoever is fastest of those that are clocks and not mere generators.
PEER, PEER_CLOCK = "best PyPI peer", "best PyPI clock"


@dataclass(frozen=True, slots=True)
class Bar:
    """One ratio and its limit.

    Attributes:
        operation: of flocktime.
        against: whose figure it is divided by; ``faster`` turns the ratio round.
        limit: the ratio may at most be this; where ``faster``, it must at least be this.
        faster: the limit is a speed-up.
        aim: reported, but missing it is no failure.
    """

    operation: str
    against: str
    limit: float
    faster: bool = False
    aim: bool = False


BARS = (
    Bar("now", REFERENCE, 1.35),
    Bar("update", REFERENCE, 1.35),
    Bar("less", REFERENCE, 1.6),
    Bar("equal", REFERENCE, 1.6),
    Bar("hash", REFERENCE, 1.6),
    Bar("to_bytes", REFERENCE, 1.6),
    Bar("now_many", TIME_NS.who, 0.5),
    Bar("now", FALLBACK, 6.0, faster=True),
    Bar("now", PEER, 1.5, faster=True),
    Bar("now", PEER_CLOCK, 1.5, faster=True),
    Bar("now", TIME_NS.who, 1.0, aim=True),
    Bar("update", TIME_NS.who, 1.0, aim=True),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One bar held against a measurement.

    Attributes:
        bar: which.
        opponent: who exactly stood on the other side; ``None`` where nobody was measured.
        ratio: block by block.
        net: the same without the empty loop; ``None`` where nothing would be left.
    """

    bar: Bar
    opponent: Subject | None = None
    ratio: Spread | None = None
    net: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the median meets the limit; ``None`` where nothing was measured."""
        if self.ratio is None:
            return None
        return self.ratio.median >= self.bar.limit if self.bar.faster else self.ratio.median <= self.bar.limit

    @property
    def certain(self) -> bool:
        """Whether the whole middle half of the blocks lies on the same side of the limit as the median."""
        return self.ratio is not None and not self.ratio.lower < self.bar.limit < self.ratio.upper

    @property
    def verdict(self) -> str:
        if self.met is None:
            return "not measured"
        word = "met" if self.met else "above the aim" if self.bar.aim else "MISSED"
        return word if self.certain else f"{word}, within noise"


def judge(measured: Measurement, subjects: Sequence[Subject], found: Iterable[Found]) -> list[Outcome]:
    """Every bar, those included whose other side is not here."""
    peers = list(found)
    ours = {subject.operation: subject for subject in subjects if subject.who == FLOCKTIME}
    outcomes = []
    for bar in BARS:
        rivals = _rivals(bar, subjects, peers)
        opponent = min(rivals, key=lambda one: measured.ns(one).median, default=None)
        outcomes.append(_held(measured, bar, ours[bar.operation], opponent))
    return outcomes


def _rivals(bar: Bar, subjects: Sequence[Subject], peers: Sequence[Found]) -> list[Subject]:
    if bar.against == TIME_NS.who:
        return [TIME_NS]  # it has one operation; whatever is held against it is held against that one
    if bar.against in (PEER, PEER_CLOCK):
        pool = [one for peer in peers if bar.against == PEER or peer.peer.kind == CLOCK for one in peer.subjects]
    else:
        pool = [one for one in subjects if one.who == bar.against]
    return [one for one in pool if one.operation == bar.operation]


def _held(measured: Measurement, bar: Bar, ours: Subject, opponent: Subject | None) -> Outcome:
    if opponent is None:
        return Outcome(bar)
    above, below = (opponent, ours) if bar.faster else (ours, opponent)
    return Outcome(bar, opponent, measured.ratio(above, below), measured.net_ratio(above, below))
