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
        members: of the flock. seconds: how long a figure is taken for. settle_s: how long the flock runs before that.
        round_s: from one step to the next. pause_s: how long a member stands still, or is cut off.
        flood: datagrams of each kind. rate: of them a second. seed: of all that is drawn.
    """

    members: int = 16
    seconds: float = 60.0
    settle_s: float = 60.0
    round_s: float = 1.0
    pause_s: float = 60.0
    flood: int = 1_000_000
    rate: int = 10_000
    seed: int = 1

    def random(self) -> random.Random:
        return random.Random(self.seed)

    def settings(self, *names: str) -> dict[str, Any]:
        """Those that a row depends on, for its table."""
        return {name: getattr(self, name) for name in (*names, "round_s", "seed")}
