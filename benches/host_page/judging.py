"""What was stamped, held against what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from operator import eq, ge
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.flock.figures import Table

__all__ = ["Verdict"]


@dataclass(slots=True)
class Verdict:
    """Counts over everything that was judged so far.

    Attributes:
        stamps: how many there were. duplicates: stamps that two processes have, or one twice. regressions: at or below the one
        before, in one process. below: at or below one that was noted before their process was started.
    """

    stamps: int = 0
    duplicates: int = 0
    regressions: int = 0
    below: int = 0

    def judge(self, sequences: Sequence[Sequence[bytes]], floors: Sequence[bytes] = ()) -> None:
        """Sequences of stamps, each of one process in its order. ``floors``: for each of them what was noted before."""
        for stamps, floor in zip(sequences, floors, strict=False):
            self.below += sum(stamp <= floor for stamp in (stamps if stamps and min(stamps) <= floor else ()))
        for stamps in sequences:
            self.stamps += len(stamps)
            self.regressions += sum(map(ge, stamps, islice(stamps, 1, None)))
        together = sorted(chain.from_iterable(sequences))  # runs that rise already: as fast as merging them
        self.duplicates += sum(map(eq, together, islice(together, 1, None)))

    def add_to(self, table: Table) -> None:
        """With their bars, which are zero."""
        table.add("stamps", self.stamps, least=1)
        table.add("duplicates", self.duplicates, most=0)
        table.add("regressions within a process", self.regressions, most=0)
