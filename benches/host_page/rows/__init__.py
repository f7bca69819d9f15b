"""The rows, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benches.host_page.rows.kills import kills, reboots
from benches.host_page.rows.prefork import prefork
from benches.host_page.rows.speed import speed
from benches.host_page.rows.takeover import takeover
from benches.host_page.rows.throughput import throughput

if TYPE_CHECKING:
    from collections.abc import Callable

    from benches.flock.figures import Table
    from benches.host_page.options import Options

__all__ = ["ROWS"]

ROWS: dict[str, Callable[[Options], Table]] = {
    "kills": kills,
    "reboots": reboots,
    "throughput": throughput,
    "takeover": takeover,
    "speed": speed,
    "prefork": prefork,
}
