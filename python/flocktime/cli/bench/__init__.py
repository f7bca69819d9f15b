"""``flocktime bench``: what the clock costs on this machine, in ratios that hold on it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from rich.console import Console

__all__ = ["register", "run"]

LEAST_SECONDS, MOST_SECONDS = 0.5, 600.0
LEAST_BLOCKS, MOST_BLOCKS = 5, 10_000


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "bench",
        help="measure the clock on this machine",
        description="Time the clock against time.time_ns(), the pure fallback and any installed peers, interleaved.",
    )
    parser.add_argument(
        "--blocks", type=_blocks, default=60, metavar="N", help="blocks to interleave, %(default)s by default"
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=8.0, metavar="S", help="stop after so long, %(default)s by default"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the order within the blocks, %(default)s by default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure and print. There is no bad news here: a ratio is a fact, and the bars stand in the benches."""
    console = None if options.json else _console()
    data = collect(options, console)
    if console is None:
        json.dump(data, sys.stdout, indent=2)
        print()
    else:
        from flocktime.cli.bench.report import print_tables

        print_tables(console, data)
    return 0


def collect(options: argparse.Namespace, console: Console | None = None) -> dict[str, Any]:
    """Time everything that is there; with a console, show how far it is."""
    from flocktime.cli.bench import machine, peers, report, subjects, timer

    found = peers.find()
    timed = [subjects.TIME_NS, *subjects.flocktime()]
    described = machine.describe()
    with tempfile.TemporaryDirectory(prefix="flocktime-bench-") as folder, _progress(console, options.blocks) as show:
        if described["backend"] != "pure":  # which is the fallback itself, and has no pages
            timed += [*subjects.on_page(folder), *subjects.fallback()]
        for one in found:
            timed += one.subjects
        measured = timer.measure(
            timed, blocks=options.blocks, budget_s=options.seconds, seed=options.seed, progress=show
        )
    return report.as_data(measured, timed, found, described)


def _console() -> Console:
    from flocktime.cli.extras import require

    require("cli", "rich")
    from rich.console import Console

    return Console()


def _progress(console: Console | None, blocks: int) -> AbstractContextManager[Callable[[int], object] | None]:
    """A line that says how far it is, updated between blocks only: nothing may draw while a loop is timed."""
    if console is None or not console.is_terminal:
        return nullcontext()
    from flocktime.cli.bench.progress import shown_on

    return shown_on(console, blocks)


def _blocks(text: str) -> int:
    return int(_within(text, int, LEAST_BLOCKS, MOST_BLOCKS))


def _seconds(text: str) -> float:
    return _within(text, float, LEAST_SECONDS, MOST_SECONDS)


def _within(text: str, kind: type[float], least: float, most: float) -> float:
    try:
        value = kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number in {least:g}..={most:g}, got {text!r}") from None
    if not least <= value <= most:  # not true of a NaN either
        raise argparse.ArgumentTypeError(f"must lie in {least:g}..={most:g}, got {text}")
    return value
