"""The flock on real processes: ``python -m benches.flock ROW ...`` from the top of the repository.

Each row measures one thing and prints a table with the bars, the seed and the machine. A row that cannot run here is
reported, and the others go on. Without a row it lists them. The exit code is 1 if a bar was missed and ``--check`` was given,
else 2 if a row could not run, else 0.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.flock.figures import markdown, print_table, short
from benches.flock.options import Options
from benches.flock.processes import HarnessError
from benches.flock.rows import ROWS, USUAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from dataclasses import Field


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows, one after the other."""
    options = _parser().parse_args(arguments)
    if not options.rows:
        for name, row in ROWS.items():
            print(f"{name:12} {(row.__doc__ or '').partition(chr(10))[0]}")
        return 0
    chosen = list(ROWS) if options.rows == ["all"] else options.rows
    unknown = [name for name in chosen if name not in ROWS]
    if unknown:
        print(f"no row {', '.join(unknown)}; the rows are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    try:
        if options.record is not None:
            options.record.touch()  # a row takes minutes: what cannot be written to is found out before
    except OSError as failure:
        print(f"cannot record: {failure}", file=sys.stderr)
        return 2
    missed, failed = _run(chosen, options)
    for line in [*(f"MISSED {one}" for one in missed if options.check), *(f"FAILED {one}" for one in failed)]:
        print(line, file=sys.stderr)
    if options.check and missed:
        return 1
    return 2 if failed else 0


def _run(names: Sequence[str], options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Run and print, row by row. Returns which bars were missed, and which rows could not run, with the reason."""
    missed, failed = [], []
    given = {one.name: getattr(options, one.name) for one in fields(Options)}
    given = {name: value for name, value in given.items() if value is not None}
    for name in names:
        settings = Options(**{**USUAL.get(name, {}), **given})
        try:
            table = ROWS[name](settings)
        except (HarnessError, OSError) as failure:
            print(f"{name}: {failure}", file=sys.stderr, flush=True)
            failed.append(f"{name}: {str(failure).partition(chr(10))[0]}")
            continue
        missed += [f"{name}: {one.what}: {short(one.value)} {one.unit}, bar {one.bar}" for one in table.missed]
        if options.json:
            print(json.dumps(table.as_data()))
        elif options.markdown:
            print(markdown(table))
        else:
            print_table(table)
        sys.stdout.flush()
        if options.record is not None:
            with options.record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(table.as_data()) + "\n")
    return missed, failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benches.flock", description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="which rows, or 'all'; without one they are listed")
    for one in fields(Options):
        name = one.name.removesuffix("_s").replace("_", "-")
        convert = int if isinstance(one.default, int) else float
        parser.add_argument(f"--{name}", dest=one.name, type=convert, help=f"default {_default(one)}")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON, one row a line, instead of text")
    shape.add_argument("--markdown", action="store_true", help="print tables in Markdown instead of text")
    parser.add_argument("--record", type=Path, metavar="FILE", help="append JSON, one row a line, to this file as well")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    return parser


def _default(one: Field[Any]) -> str:
    usual = [f"{values[one.name]:g} for {row}" for row, values in USUAL.items() if one.name in values]
    return ", ".join([f"{one.default}", *usual])


if __name__ == "__main__":
    sys.exit(main())
