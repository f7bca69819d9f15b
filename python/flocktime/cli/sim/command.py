"""``flocktime sim``: its options, and the way from a scenario to an exit code."""

from __future__ import annotations

import argparse
import math
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flocktime.cli.places import no_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flocktime.simulation import Row, Run

DESCRIPTION = """\
Simulate a flock: the very machine of the members, in a world of wrong clocks, bad networks and liars, judged from outside by
true time. One seed gives one run, to the bit. Exit code: 0 if every bar of the scenario is met, 1 if one is missed, 2 for wrong
input."""

MOST_SEEDS = 1_000
PLOTS = (".png", ".svg")


def register(subparsers: Any) -> None:
    """Add the command to the parser of ``flocktime``."""
    parser = subparsers.add_parser("sim", help="simulate a flock", description=DESCRIPTION)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="describe the scenarios and their bars")
    what.add_argument("--scenario", metavar="NAME", help="one of --list")
    what.add_argument("--file", type=Path, metavar="FILE", help="a scenario of your own, as JSON")
    parser.add_argument("--nodes", type=_number(1, 20_000), metavar="N", help="members, instead of the scenario's")
    parser.add_argument("--seconds", type=_seconds, metavar="T", help="simulated time, instead of the scenario's")
    parser.add_argument("--seed", type=_number(0, 2**64 - 1), default=1, metavar="S", help="default: %(default)s")
    parser.add_argument(
        "--seeds", type=_number(1, MOST_SEEDS), default=1, metavar="K", help="runs, with S and the seeds after it"
    )
    parser.add_argument(
        "--latencies",
        type=Path,
        metavar="DIR",
        help="take delays from measured round trips: files PLACE.dat with lines min/avg/max/mdev:PLACE, milliseconds",
    )
    parser.add_argument("--json", action="store_true", help="print verdicts and runs as JSON")
    parser.add_argument("--plot", type=_plot, metavar="FILE", help="draw skew and states over time, as .png or .svg")
    parser.set_defaults(run=run)


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 20 and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}, got {text!r}")
        return int(text)

    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds <= 100_000:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to 100000, got {text!r}")
    return seconds


def _plot(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in PLOTS:
        raise argparse.ArgumentTypeError(f"must end with {' or '.join(PLOTS)}, got {text!r}")
    return path


def run(options: argparse.Namespace) -> int:
    """List, or simulate and judge. Returns the exit code."""
    from flocktime.cli.extras import require
    from flocktime.errors import FlockError

    if not options.json:
        require("cli", "rich")  # before the work, not after it
    if options.plot is not None:
        require("demo", "matplotlib")
        wrong = no_place("--plot", options.plot)
        if wrong is not None:
            print(f"flocktime sim: {wrong}", file=sys.stderr)
            return 2
    try:
        return _listed(options) if options.list else _simulated(options)
    except FlockError as error:
        print(f"flocktime sim: {error}", file=sys.stderr)
        return 2


def _listed(options: argparse.Namespace) -> int:
    from flocktime.cli.sim import report
    from flocktime.simulation import CATALOGUE

    if options.json:
        report.print_json({"scenarios": [report.row_data(row) for row in CATALOGUE.values()]})
    else:
        from flocktime.cli.console import wide_console

        report.print_list(wide_console(), CATALOGUE.values())
    return 0


def _simulated(options: argparse.Namespace) -> int:
    from flocktime.cli.sim import report
    from flocktime.simulation import judge, perform

    row, is_listed = _row(options)
    seeds = range(options.seed, options.seed + options.seeds)
    runs: list[Run] = []
    with _progress(len(seeds), wanted=not options.json) as heard:
        for done, seed in enumerate(seeds):

            def share(part: float, done: int = done) -> None:
                heard(done + part)

            runs.append(perform(row, seed, share))
    verdicts = judge(row, runs)
    missed = any(verdict.passed is False for verdict in verdicts)
    if options.json:
        report.print_json(report.as_data(row, runs, verdicts))
    else:
        from flocktime.cli.console import wide_console

        report.print_report(wide_console(), row, runs, verdicts, changed=not is_listed)
    if options.plot is not None:  # after the verdict: a picture that cannot be written does not take it along
        from flocktime.cli.sim.plot import draw

        draw([each.outcome for each in runs], row.scenario, options.plot)
    return int(missed)


def _row(options: argparse.Namespace) -> tuple[Row, bool]:
    """What is to be simulated, and whether its bars were set for just that."""
    from flocktime.simulation import ScenarioError, find, own_row, read_latencies, read_scenario

    own = options.file
    row = find(options.scenario) if own is None else own_row(read_scenario(own), name=own.stem)
    if row.needs_latencies and options.latencies is None:
        raise ScenarioError(f"{row.name}: needs measured round trips: give their folder with --latencies")
    delay = None if options.latencies is None else read_latencies(options.latencies)
    # Where a row has no delays of its own, those that are given make it whole, not another one.
    listed = row.with_changes(delay=delay) if row.needs_latencies else row
    found = row.with_changes(options.nodes, options.seconds, delay)
    return found, found == listed


@contextmanager
def _progress(runs: int, *, wanted: bool) -> Iterator[Callable[[float], object]]:
    """Yield what to call with the number of runs done; shown to a person, and only to one."""
    if not wanted or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("simulating"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=float(runs))
        yield lambda done: progress.update(task, completed=done)
