"""Comparing members again and again, and whether all of them were there to be compared.

Only members that are synchronised are compared, so one that falls out of step would make the figure better. Therefore each
row that compares also says how many pairs were left out, and how many members were in step at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

    from benches.flock.figures import Table
    from benches.flock.village import Instant, Village

__all__ = ["EVERY_S", "Compared", "add_synchronised", "compare"]

#: How often all members are compared, seconds.
EVERY_S = 0.2
#: A 99th percentile does not look at more than that either.
MOST_LEFT_OUT_PERCENT = 1.0
#: Of the looks that there is time for so many are taken, on however slow a machine.
LEAST_LOOKS = 0.5


@dataclass(slots=True)
class Compared:
    """The pairwise skews of those that are synchronised, nanoseconds, look by look.

    Attributes:
        pairs: that there are at one look when everybody is synchronised. seconds: for how long it was looked. errors_ns: what
        the judgement of each look may be wrong by. looks: how many there were.
    """

    pairs: int
    seconds: float
    ns: list[int] = field(default_factory=list)
    errors_ns: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, count: int, seconds: float) -> Compared:
        """Nothing as yet, of so many members."""
        return cls(comb(count, 2), seconds)

    @classmethod
    def together(cls, parts: Sequence[Compared]) -> Compared:
        """What several windows have found of the same members."""
        whole = cls(parts[0].pairs, sum(one.seconds for one in parts))
        for one in parts:
            whole.ns += one.ns
            whole.errors_ns += one.errors_ns
        return whole

    @property
    def looks(self) -> int:
        return len(self.errors_ns)

    @property
    def left_out_percent(self) -> float:
        """Pairs one of whose members was not synchronised. NaN without a look, which meets no bar."""
        whole = self.pairs * self.looks
        return 100.0 * (whole - len(self.ns)) / whole if whole else float("nan")

    def look(self, instant: Instant, names: Sequence[str] | None = None) -> None:
        self.ns += instant.pairs_ns(names)
        self.errors_ns.append(instant.error_ns)

    def add_to(self, table: Table, where: str = "", most_left_out: float = MOST_LEFT_OUT_PERCENT) -> None:
        """How many pairs were compared, and how many were left out, with their bars."""
        least = max(1, int(LEAST_LOOKS * self.seconds / EVERY_S)) * self.pairs
        table.add(f"{where}pairs compared", len(self.ns), "", least=least)
        table.add(f"{where}pairs left out, not synchronised", self.left_out_percent, "%", most=most_left_out)


def compare(village: Village, seconds: float, rng: random.Random) -> Compared:
    """All members, at irregular instants for so many seconds."""
    found = Compared.of(len(village.members), seconds)
    for instant in village.instants(seconds, EVERY_S, rng):
        found.look(instant)
    return found


def add_synchronised(table: Table, states: Iterable[str], count: int, where: str = "") -> None:
    """How many say that they are synchronised, all of which have to."""
    in_step = sum(one == "synchronised" for one in states)
    table.add(f"{where}synchronised at the end", in_step, "", least=count, most=count)
