"""How late waits end: ``python -m benches.python.wait_speed`` from the top of the repository.

Waits on a clock that runs by itself, the operating system's with a bound that it is told to vouch for, each for a timestamp
drawn up to some milliseconds ahead. Beside them ``time.sleep`` for as long, which says what the machine can do. With
``--check`` the exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from typing import TYPE_CHECKING

from benches.flock.figures import Table, print_table, quantile, spread_us

from flocktime.clock import BACKEND, Clock, SkewedSource, Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["lateness"]

WAITS, AHEAD_US = 1_000, 5_000
#: What the clock may be wrong by, as it says: each wait takes so much longer.
ERROR_S = 0.001
#: The bar, and how long the one long wait is.
MEDIAN_US, LONG_S = 100.0, 2.5
#: Looks at the clock: one that says how far to sleep, one shortly before the moment, one that says that it is over.
LOOKS, LOOKS_LONG = 3.0, 8


class Counted:
    """The operating system's clock, counting its readings."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self) -> int:
        self.looks += 1
        return time.time_ns()

    def error_ns(self) -> int:
        return round(ERROR_S * 1e9)


def lateness(*, seed: int, waits: int = WAITS) -> Table:
    """How late ``wait_until`` and its async twin end, and how often they look."""
    rng = random.Random(seed)
    table = Table(
        "waits", "how late waits end", {"backend": BACKEND, "waits": waits, "ahead_us": AHEAD_US, "seed": seed}
    )
    source = SkewedSource()
    source.vouch(ERROR_S)
    clock = Clock(source=source)

    def late_ns(ts: Timestamp) -> int:
        return source() - round(ERROR_S * 1e9) - (ts.physical_us + 1) * 1000

    def drawn() -> Timestamp:
        return Timestamp(clock.now().physical_us + rng.randrange(AHEAD_US), node=1)

    waited = [_waited(clock, drawn(), late_ns) for _ in range(waits)]
    for what, percent, bar in (("p50", 50, MEDIAN_US), ("p99", 99, None), ("max", 100, None)):
        table.add(f"wait_until late by, {what}", quantile(waited, percent) / 1e3, "us", most=bar)
    table.add("wait_until early", sum(ns < 0 for ns in waited), "times", most=0)
    awaited = asyncio.run(_awaited(clock, [drawn for _ in range(waits)], late_ns))
    spread_us(table, "wait_until_async late by", awaited)
    table.add("wait_until_async early", sum(ns < 0 for ns in awaited), "times", most=0)
    spread_us(table, "time.sleep late by", [_slept(rng) for _ in range(waits)])
    counted = Counted()
    other = Clock(source=counted)
    for _ in range(waits):
        ts = Timestamp(other.now().physical_us + rng.randrange(AHEAD_US), node=1)
        other.wait_until(ts)
    table.add("looks a wait, mean", counted.looks / waits - 1, "", most=LOOKS)
    counted.looks = 0
    ts = Timestamp(time.time_ns() // 1000 + round(LONG_S * 1e6), node=1)
    other.wait_until(ts)
    table.add(f"looks in a wait of {LONG_S} s", counted.looks, "", most=LOOKS_LONG)
    return table


def _waited(clock: Clock, ts: Timestamp, late_ns: Callable[[Timestamp], int]) -> int:
    clock.wait_until(ts)
    return late_ns(ts)


async def _awaited(
    clock: Clock, draws: Sequence[Callable[[], Timestamp]], late_ns: Callable[[Timestamp], int]
) -> list[int]:
    found = []
    for draw in draws:
        ts = draw()
        await clock.wait_until_async(ts)
        found.append(late_ns(ts))
    return found


def _slept(rng: random.Random) -> int:
    ends = time.monotonic_ns() + rng.randrange(AHEAD_US) * 1000 + round(ERROR_S * 1e9)
    time.sleep(max(0.0, (ends - time.monotonic_ns()) / 1e9))
    return time.monotonic_ns() - ends


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benches.python.wait_speed", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of the waits drawn; default %(default)s")
    parser.add_argument("--waits", type=int, default=WAITS, help="of each kind; default %(default)s")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    options = parser.parse_args(arguments)
    table = lateness(seed=options.seed, waits=options.waits)
    print_table(table)
    return 1 if options.check and table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
