"""How long ``import flocktime`` takes above a bare Python: ``python benches/python/import_time.py [--runs N]``.

Fresh interpreters, bare and importing by turns, so that what else the machine does meets both alike. The bar is the
median of the differences of neighbours. Exit code 1 where it is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

BAR_MS = 30.0
BARE, IMPORTING = "pass", "import flocktime"


def once_ms(code: str) -> float:
    """One fresh interpreter from start to end."""
    start = time.perf_counter_ns()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter_ns() - start) / 1e6


def measure(runs: int) -> list[tuple[float, float]]:
    """Pairs of bare and importing, in milliseconds; the first pair, which reads the disk, does not count."""
    return [(once_ms(BARE), once_ms(IMPORTING)) for _ in range(runs + 1)][1:]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=40, help="pairs of interpreters to start (default 40)")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    pairs = measure(options.runs)
    above = sorted(importing - bare for bare, importing in pairs)
    backend = subprocess.run(
        [sys.executable, "-c", "import flocktime; print(flocktime.BACKEND)"], check=True, capture_output=True, text=True
    ).stdout.strip()
    median = statistics.median(above)
    print(f"python      {sys.version.split()[0]}, {os.cpu_count()} processors, {backend} backend, {options.runs} pairs")
    print(f"bare        {statistics.median(bare for bare, _ in pairs):7.2f} ms")
    print(f"importing   {statistics.median(importing for _, importing in pairs):7.2f} ms")
    print(
        f"above bare  {median:7.2f} ms  (half of the pairs: {above[len(above) // 4]:.2f} to {above[len(above) * 3 // 4]:.2f})"
    )
    print(f"bar         {BAR_MS:7.2f} ms  {'met' if median <= BAR_MS else 'MISSED'}")
    return 0 if median <= BAR_MS else 1


if __name__ == "__main__":
    sys.exit(main())
