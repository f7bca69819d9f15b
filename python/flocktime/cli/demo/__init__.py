"""``flocktime demo``: real services, each with its own wrong wall clock, and a judge who knows what caused what."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flocktime.cli.demo.plan import (
    FEWEST_SERVICES,
    LONGEST_SECONDS,
    MOST_SERVICES,
    SHORTEST_SECONDS,
    Network,
    make_plan,
)
from flocktime.cli.extras import require
from flocktime.cli.places import no_place

__all__ = ["register", "run"]


def register(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="run services with wrong clocks that flock, and judge the order of their events",
        description="Run services as real processes, each with its own wrong clock, over a bad network: one is an hour "
        "behind, one jumps to the year 2051, one is stopped and started again. Show how they come to agree on the time. "
        "Then merge their logs and count the effects that are sorted before their causes, by wall clock and by flocktime.",
        epilog="Exit code 1: flocktime contradicted causality, the flock did not keep together or did not name the wrong "
        "clock, or a service failed.",
    )
    parser.add_argument("--seconds", type=_seconds, default=15.0, help="how long requests are sent (default: 15)")
    parser.add_argument("--services", type=_services, default=5, help="how many services run (default: 5)")
    parser.add_argument("--seed", type=int, default=1, help="what offsets, rates and calls are drawn from (default: 1)")
    for name, most, unit, what in _NETWORK:
        default = getattr(Network(), f"{name}_ms" if unit else name)
        parser.add_argument(
            f"--{name}",
            type=_number(most),
            default=default,
            metavar="MS" if unit else "SHARE",
            help=f"{what} (default: {default:g}{unit})",
        )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a report with plots")
    parser.add_argument("--keep-logs", type=Path, metavar="DIR", help="leave the logs in this empty directory")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run one demonstration."""
    require("demo", "httpx", "rich", "uvicorn", *(("jinja2", "matplotlib") if options.report else ()))
    from flocktime.cli.demo.driver import LoadFailed
    from flocktime.cli.demo.log import LogError
    from flocktime.cli.demo.perform import Interrupted
    from flocktime.cli.demo.processes import ServiceFailed
    from flocktime.cli.demo.verdict import RecordError

    if options.jitter > options.delay:
        return _complain(f"--jitter {options.jitter:g}: more than --delay {options.delay:g}", 2)
    wrong = no_place("--report", options.report) or _unusable(options.keep_logs)
    if wrong:
        return _complain(wrong, 2)
    try:
        return _run(options)
    except Interrupted as interrupted:
        return _complain(f"stopped by {interrupted}, nothing was judged", 128 + interrupted.signum)
    except (LoadFailed, LogError, RecordError, ServiceFailed) as failure:
        return _complain(str(failure), 1)


def _run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from flocktime.cli.demo import summary
    from flocktime.cli.demo.display import display
    from flocktime.cli.demo.perform import perform

    began = time.monotonic()
    network = Network(options.delay, options.jitter, options.asymmetry, options.loss)
    plan = make_plan(options.services, options.seed, options.seconds, time.time_ns() // 1000, network)
    with display(Console(stderr=True)) as watcher:
        judgement = perform(plan, watcher, options.keep_logs)
    took_s = time.monotonic() - began
    if options.json:
        print(json.dumps(summary.as_dict(judgement, took_s), indent=2))
    else:
        summary.show(judgement, summary.console())
    if options.report:
        from flocktime.cli.demo.report import write_report

        try:
            write_report(judgement, options.report)
        except OSError as error:  # the verdict stands above all the same
            return _complain(f"--report {options.report}: {error.strerror}", 2)
    return 1 if judgement.failures else 0


def _unusable(keep_logs: Path | None) -> str | None:
    """What is wrong with the place for the logs, found before anything is started."""
    if keep_logs is not None:
        try:
            keep_logs.mkdir(parents=True, exist_ok=True)
            if any(keep_logs.iterdir()):
                return f"--keep-logs {keep_logs}: the directory is not empty"
        except OSError as error:
            return f"--keep-logs {keep_logs}: {error.strerror}"
    return None


def _complain(message: str, code: int) -> int:
    print(f"flocktime demo: {message}", file=sys.stderr)
    return code


#: The options of the network: name, most, unit, what it is.
_NETWORK = (
    ("delay", 20.0, " ms", "how long a datagram of the flock takes"),
    ("jitter", 20.0, " ms", "how far that varies, either way"),
    ("asymmetry", 2.0, " ms", "how much longer it takes one way than the other"),
    ("loss", 0.5, "", "the share of datagrams that never arrive"),
)


def _number(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0.0 <= value <= most:
            raise argparse.ArgumentTypeError(f"must lie in 0 to {most:g}, got {text!r}")
        return value

    return parse


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"must lie in {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g}, got {text!r}")
    return seconds


def _services(text: str) -> int:
    try:
        services = int(text)
    except ValueError:
        services = 0
    if not FEWEST_SERVICES <= services <= MOST_SERVICES:
        raise argparse.ArgumentTypeError(f"must lie in {FEWEST_SERVICES} to {MOST_SERVICES}, got {text!r}")
    return services
