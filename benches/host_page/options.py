"""What every row is run with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

__all__ = ["Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """The defaults are those that the bars are meant for.

    Attributes:
        processes: on one page at a time. kills: SIGKILLs, each of one process or of all of them. life_s: a kill comes at a random
            point of so long a time. stamps: of each process. trials: of killing the writer, with each lease.
        requests: to the server. blocks: interleaved ones that are timed. seed: of all that is drawn.
        directory: where pages lie; none: a temporary one.
    """

    processes: int = 4
    kills: int = 1_000
    life_s: float = 0.03
    stamps: int = 1_000_000
    trials: int = 20
    requests: int = 100_000
    blocks: int = 60
    seed: int = 1
    directory: str = ""

    def random(self) -> random.Random:
        return random.Random(self.seed)

    def settings(self, *names: str) -> dict[str, Any]:
        """Those that a row depends on, for its table."""
        return {name: getattr(self, name) for name in (*names, "seed")}
