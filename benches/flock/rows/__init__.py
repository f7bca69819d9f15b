"""The rows, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benches.flock.rows.cost import cost
from benches.flock.rows.faults import faults
from benches.flock.rows.flood import flood
from benches.flock.rows.forks import forks
from benches.flock.rows.intervals import intervals
from benches.flock.rows.liars import liars
from benches.flock.rows.partitions import partitions
from benches.flock.rows.skew import busy, headers, loopback, relayed
from benches.python.flock_speed import speed

if TYPE_CHECKING:
    from collections.abc import Callable

    from benches.flock.figures import Table
    from benches.flock.options import Options

__all__ = ["ROWS", "USUAL"]


def now(options: Options) -> Table:
    """now() and update() on a flock's clock against a plain clock and time.time_ns, in one run."""
    return speed(seed=options.seed, round_s=options.round_s)


ROWS: dict[str, Callable[[Options], Table]] = {
    "loopback": loopback,
    "busy": busy,
    "relay": relayed,
    "headers": headers,
    "liars": liars,
    "cost": cost,
    "flood": flood,
    "faults": faults,
    "partitions": partitions,
    "forks": forks,
    "intervals": intervals,
    "now": now,
}

#: What a row is run with where nothing else is said, beside the defaults of all.
USUAL: dict[str, dict[str, Any]] = {"intervals": {"seconds": 600.0}}
