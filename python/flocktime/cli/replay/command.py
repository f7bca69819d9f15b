"""``flocktime replay FILE...``: its options, and the way from files to an exit code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from flocktime.cli.replay.engine import MakeClock
    from flocktime.cli.replay.recording import Limits
    from flocktime.cli.replay.report import Result

DESCRIPTION = """\
Judge recorded logs: how many effects do their wall clocks sort before their causes, and how many would timestamps of
flocktime? Reads Zipkin v2 JSON and ShiViz vector-clock logs, told apart by content. What caused what is taken from the
span parents or vector clocks in the file. Exit code: 2 if a file cannot be read or is malformed (the others are judged
all the same), else 1 if the timestamps contradict causality, else 0."""

MOST_FILES = 65_535  # two bytes of the node keep their processes apart
MOST_EVENTS = 999_999_999
MOST_MIB = 1024  # a file is judged in memory, which takes many times its size


def register(subparsers: Any) -> None:
    """Add the command to the parser of ``flocktime``."""
    parser = subparsers.add_parser("replay", help="judge Zipkin or ShiViz logs", description=DESCRIPTION)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="Zipkin v2 JSON or a ShiViz log")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the events in causal order, as JSON Lines")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument(
        "--pattern",
        type=_pattern,
        metavar="REGEX",
        help="how a vector-clock log is laid out, with the groups host, clock, event and perhaps date: only needed "
        "where the layout is not recognised",
    )
    parser.add_argument(
        "--max-events",
        type=_up_to(MOST_EVENTS),
        default=200_000,
        metavar="N",
        help="refuse larger logs (default: %(default)s)",
    )
    parser.add_argument(
        "--max-mib",
        type=_up_to(MOST_MIB),
        default=64,
        metavar="N",
        help=f"refuse larger files (default: %(default)s MiB, at most {MOST_MIB})",
    )
    parser.set_defaults(run=run)


def _up_to(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {most}, got {text!r}")
        return int(text)

    return number


def _pattern(text: str) -> re.Pattern[str]:
    from flocktime.cli.replay.layouts import compiled

    try:
        return compiled(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace, make_clock: MakeClock | None = None) -> int:
    """Replay every file. Returns the exit code. ``make_clock`` is for those who want to see broken rules fail."""
    from flocktime.cli.extras import require

    if not options.json:
        require("cli", "rich")  # before the work, not after it
    from flocktime.cli.replay.engine import Replayed
    from flocktime.cli.replay.recording import Limits, Malformed
    from flocktime.cli.replay.report import complaint

    problem = _usage_problem(options)
    if problem:
        print(f"flocktime replay: {problem}", file=sys.stderr)
        return 2
    limits = Limits(most_bytes=options.max_mib << 20, most_events=options.max_events)
    results = [
        _replayed(path, number, limits, options.pattern, make_clock) for number, path in enumerate(options.files, 1)
    ]
    for result in results:
        if isinstance(result.outcome, Malformed):
            print(f"flocktime replay: {complaint(result)}", file=sys.stderr)
    refused = any(isinstance(result.outcome, Malformed) for result in results)
    contradicted = any(isinstance(result.outcome, Replayed) and result.outcome.contradictions for result in results)
    exit_code = 2 if refused else 1 if contradicted else 0
    if options.output is not None and not _wrote(results, options.output):
        exit_code = 2
    _show(results, options.json, exit_code)
    return exit_code


def _usage_problem(options: argparse.Namespace) -> str | None:
    if len(options.files) > MOST_FILES:
        return f"at most {MOST_FILES} files at once, got {len(options.files)}"
    if options.output is not None:
        for path in options.files:
            if _same_file(path, options.output):
                return f"--output {options.output} would overwrite the input {path}"
    return None


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False  # one of them is not there yet


def _replayed(
    path: Path, number: int, limits: Limits, pattern: re.Pattern[str] | None, make_clock: MakeClock | None
) -> Result:
    from flocktime.cli.replay.engine import replay, unlimited_clock
    from flocktime.cli.replay.reading import read
    from flocktime.cli.replay.recording import Malformed
    from flocktime.cli.replay.report import Result

    try:
        return Result(path, replay(read(path, limits, pattern), number, make_clock or unlimited_clock))
    except Malformed as malformed:
        return Result(path, malformed)


def _wrote(results: list[Result], output: Path) -> bool:
    from flocktime.cli.replay.report import write_merged

    try:
        with output.open("w", encoding="utf-8", newline="\n") as file:
            write_merged(results, file)
    except OSError as error:
        print(f"flocktime replay: {output}: {error.strerror or error}", file=sys.stderr)
        return False
    return True


def _show(results: list[Result], as_json: bool, exit_code: int) -> None:
    from flocktime.cli.replay import report

    if as_json:
        print(report.as_json(results, exit_code))
        return
    from flocktime.cli.console import wide_console

    console = wide_console()
    console.print(report.TITLE, soft_wrap=True)
    console.print(report.table(results))
    console.print(report.CAPTION, soft_wrap=True)
    for result in results:
        for remark in report.remarks(result):
            console.print(remark, markup=False, soft_wrap=True)
