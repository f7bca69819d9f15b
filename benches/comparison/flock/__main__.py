"""The flock against what one would otherwise have, on the same seeds: a table, and a picture.

python -m benches.comparison.flock --seeds 20 --plot docs/comparison.svg
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from statistics import median

from benches.comparison.flock.measuring import Seen, curve, see
from benches.comparison.flock.worlds import CONTESTANTS, NODES, QUIET, SECONDS, WORLDS

from flocktime.errors import FlockError


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benches.comparison.flock", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, metavar="K", help="seeds 1 to K (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="at once (default: %(default)s)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the first seed, as SVG")
    options = parser.parse_args(arguments)
    if not (1 <= options.seeds <= 1000 and 1 <= options.processes <= 64):
        parser.error(f"--seeds 1 to 1000 and --processes 1 to 64, got {options.seeds} and {options.processes}")
    jobs = list(product(range(len(CONTESTANTS)), range(1, options.seeds + 1)))
    try:
        with ProcessPoolExecutor(options.processes) as pool:
            seen = [each for found in pool.map(see, *zip(*jobs, strict=True)) for each in found]
            if options.plot is not None:
                _draw(pool, options.plot)
    except FlockError as error:
        print(f"benches.comparison.flock: {error}", file=sys.stderr)
        return 2
    print(table(seen))
    print(f"\n{NODES} members, {SECONDS:g} s, local network; seeds 1 to {options.seeds}; worst of all seeds (median).")
    return 0


def _draw(pool: ProcessPoolExecutor, path: Path) -> None:
    """The first seed."""
    from benches.comparison.flock.picture import SHOWN, draw

    lines = list(product(range(len(CONTESTANTS)), range(SHOWN)))
    curves = pool.map(curve, *zip(*lines, strict=True), [1] * len(lines))
    draw(dict(zip(lines, curves, strict=True)), path)


def table(seen: Sequence[Seen]) -> str:
    """A block of lines for each world."""
    lines = ["| world | | stamps apart | dragged away |", "|---|---|---:|---:|"]
    for number, world in enumerate(WORLDS):
        for contestant, way in enumerate(CONTESTANTS):
            cell = [each for each in seen if (each.contestant, each.world) == (contestant, number)]
            dragged = "" if world is QUIET else _spread([each.dragged_us for each in cell])
            title = "" if contestant else world.name
            lines.append(f"| {title} | {way.name} | {_spread([each.apart_us for each in cell])} | {dragged} |")
    return "\n".join(lines)


def _spread(values_us: Sequence[float]) -> str:
    return f"{_length(max(values_us))} ({_length(median(values_us))})"


def _length(us: float) -> str:
    for unit, size in (("years", 3.15576e13), ("h", 3.6e9), ("min", 6e7), ("s", 1e6), ("ms", 1e3)):
        if us >= 0.995 * size:
            return f"{us / size:.3g} {unit}"
    return f"{us:.3g} µs"


if __name__ == "__main__":
    sys.exit(main())
