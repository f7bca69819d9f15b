"""Event buffers under mixed load for ten minutes: ``python -m benches.soak`` from the top of the repository.

Producers and consumers of every kind work at full speed on buffers of every overflow policy. Memory is sampled twice a second
after a warm-up. The exit code is 1 if it is not flat, an event is not accounted for, or one came out of order. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from benches.flock.figures import print_table
from benches.soak.soak import LEAST_S, soak

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Load, sample, judge."""
    parser = argparse.ArgumentParser(prog="python -m benches.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="warm-up included, %(default)g by default")
    parser.add_argument("--seed", type=int, default=1, help="of the given timestamps, %(default)s by default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    options = parser.parse_args(arguments)
    if not LEAST_S <= options.seconds <= 1e6:
        parser.error(f"--seconds must lie in {LEAST_S:g}..=1000000, got {options.seconds:g}")
    table = soak(seconds=options.seconds, seed=options.seed)
    if options.json:
        print(json.dumps(table.as_data(), indent=2))
    else:
        print_table(table)
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
