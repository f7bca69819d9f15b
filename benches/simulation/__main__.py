"""Every row of the flock's table, worst case and median over the seeds, as Markdown.

    python -m benches.simulation --seeds 20 --latencies DIR
    python -m benches.simulation --seeds 20 runaway-16 churn
    python -m benches.simulation --seeds 3 --large lan-1000

Exit code: 0 if every bar is met, 1 if one is missed, 2 for wrong input. ``--json FILE`` keeps every number.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

from benches.simulation.table import Finished, everywhere, markdown
from benches.simulation.work import Job, Result, work

from flocktime import BACKEND, __version__
from flocktime.errors import FlockError
from flocktime.simulation import CATALOGUE, Row, find


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benches.simulation", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="scenarios; all by default, but for the large ones")
    parser.add_argument("--seeds", type=int, default=20, metavar="K", help="seeds 1 to K (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="at once (default: %(default)s)")
    parser.add_argument(
        "--latencies", metavar="DIR", help="measured round trips; without it, rows that need them are left out"
    )
    parser.add_argument("--large", action="store_true", help="flocks of 1,000 and 10,000 as well: minutes a seed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value of every seed")
    found = parser.parse_args(arguments)
    if not 1 <= found.seeds <= 1000:
        parser.error(f"--seeds must lie in 1 to 1000, got {found.seeds}")
    if not 1 <= found.processes <= 64:
        parser.error(f"--processes must lie in 1 to 64, got {found.processes}")
    return found


def chosen(asked: argparse.Namespace) -> list[Row]:
    """The rows to run, in the order of the catalogue; what is left out is said."""
    if asked.rows:
        return [find(name) for name in dict.fromkeys(asked.rows)]
    rows = []
    for row in CATALOGUE.values():
        if row.needs_latencies and asked.latencies is None:
            print(f"left out, for want of --latencies: {row.name}", file=sys.stderr)
        elif not row.large or asked.large:
            rows.append(row)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print, row by row as they are done."""
    asked = options(arguments)
    begun = time.monotonic()
    try:
        finished = _performed(chosen(asked), asked)
    except FlockError as error:
        print(f"benches.simulation: {error}", file=sys.stderr)
        return 2
    print(everywhere(finished))
    print(f"\nflocktime {__version__}, {BACKEND}; seeds 1 to {asked.seeds}; {time.monotonic() - begun:.0f} s in all.")
    if asked.json is not None:
        asked.json.write_text(json.dumps([each.as_data() for each in finished], indent=1) + "\n", encoding="utf-8")
    return int(any(each.missed for each in finished))


def _performed(rows: Sequence[Row], asked: argparse.Namespace) -> list[Finished]:
    seeds = range(1, asked.seeds + 1)
    finished = []
    with ProcessPoolExecutor(asked.processes) as pool:
        waiting: list[tuple[Row, list[Future[Result]]]] = [
            (row, [pool.submit(work, Job(row.name, seed, asked.latencies)) for seed in seeds]) for row in rows
        ]
        try:
            for row, futures in waiting:
                finished.append(Finished(row, tuple(future.result() for future in futures)))
                print(markdown(finished[-1], first=len(finished) == 1), flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return finished


if __name__ == "__main__":
    sys.exit(main())
