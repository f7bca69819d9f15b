"""What a flock's clock costs beside a plain one: ``python -m benches.python.flock_speed`` from the top of the repository.

This process is a synchronised member of a flock of real processes. Its clock, a plain ``Clock`` and ``time.time_ns`` are
timed in interleaved blocks of one run. With ``--check`` the exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from benches.flock.figures import Table, print_table
from benches.flock.processes import HarnessError
from benches.flock.village import Village, sketches

from flocktime.cli.bench import forms, timer
from flocktime.cli.bench.subjects import TIME_NS
from flocktime.cli.bench.timer import Subject
from flocktime.clock import Clock
from flocktime.errors import NotReady
from flocktime.flock import Flock

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["speed"]

FLOCK, PLAIN = "flock's clock", "plain Clock"
OPERATIONS = ("now", "update")
PEERS = 4
#: What the flock's clock may cost at most, as a ratio.
BARS = {PLAIN: 1.15, TIME_NS.who: 1.0}
BLOCKS, BUDGET_S = 60, 60.0


def speed(*, seed: int, round_s: float = 1.0, blocks: int = BLOCKS) -> Table:
    """``now()`` and ``update()`` of a synchronised member's clock against a plain clock's and ``time.time_ns``."""
    table = Table("now", "a flock's clock beside a plain one", {"blocks": blocks, "round_s": round_s, "seed": seed})
    with Village() as village:
        village.start(*sketches(PEERS, random.Random(seed), round=round_s))
        village.meet()
        peers = list(village.addresses.values())
        with Flock("127.0.0.1:0", peers=peers, key=village.key, name="timed", anchor=False, round=round_s) as flock:
            try:
                flock.ready(120.0)
            except NotReady as refused:
                raise HarnessError(str(refused)) from None
            timed = _subjects(flock.clock)
            measured = timer.measure(timed, blocks=blocks, budget_s=BUDGET_S, seed=seed)
            table.add("synchronised at the end", flock.state == "synchronised", "", least=1)
    for subject in timed:
        table.add(subject.label, measured.ns(subject).median, "ns")
    for operation in OPERATIONS:
        ours = _one(timed, operation, FLOCK)
        for who, limit in BARS.items():
            other = TIME_NS if who == TIME_NS.who else _one(timed, operation, who)
            ratio = measured.ratio(ours, other)
            table.add(f"{operation}: {FLOCK} times {who}", ratio.median, "", most=limit)
            table.add("  quartiles, lower", ratio.lower)
            table.add("  quartiles, upper", ratio.upper)
    table.remarks.append(
        f"{measured.blocks} interleaved blocks, loops of {measured.loop_s * 1e3:.2f} ms, {forms.TIMED_BY}; the empty loop, "
        f"{measured.ns(timer.EMPTY).median:.1f} ns, is contained in every figure"
    )
    return table


def _subjects(clock: Clock) -> list[Subject]:
    """The same calls on both clocks, and the same stamp from elsewhere, which is old."""
    plain = Clock()
    remote = Clock().now() + timedelta(seconds=-10)
    subjects = [TIME_NS]
    for who, one in ((FLOCK, clock), (PLAIN, plain)):
        subjects.append(Subject("now", who, forms.call, (one.now,)))
        subjects.append(Subject("update", who, forms.call_with, (one.update, remote)))
    return subjects


def _one(timed: Sequence[Subject], operation: str, who: str) -> Subject:
    return next(one for one in timed if (one.operation, one.who) == (operation, who))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(
        prog="python -m benches.python.flock_speed", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--blocks", type=int, default=BLOCKS, help="interleaved blocks, %(default)s by default")
    parser.add_argument("--round", type=float, default=1.0, help="seconds, %(default)s by default")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the blocks, %(default)s by default")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every bar is met")
    options = parser.parse_args(arguments)
    try:
        table = speed(seed=options.seed, round_s=options.round, blocks=options.blocks)
    except (HarnessError, ValueError) as failure:
        print(failure, file=sys.stderr)
        return 2
    print_table(table)
    return 1 if options.check and table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
