"""A benchmark of rows as a command: which rows to run, how their tables are printed, and what the exit code says."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.flock.figures import markdown, print_table, short
from benches.flock.processes import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benches.flock.figures import Table

    Rows = Mapping[str, Callable[[Any], Table]]

__all__ = ["run"]


def run(
    program: str,
    about: str,
    rows: Rows,
    kind: type[Any],
    arguments: Sequence[str] | None,
    *,
    usual: Mapping[str, Mapping[str, Any]] | None = None,
) -> int:
    """Run the rows that the arguments name, one after the other.

    ``kind``: the dataclass of their options; ``usual``: the defaults of single rows where they are others.
    """
    usual = {} if usual is None else usual
    options = _parser(program, about, kind, usual).parse_args(arguments)
    if not options.rows:
        for name, row in rows.items():
            print(f"{name:12} {(row.__doc__ or '').partition(chr(10))[0]}")
        return 0
    chosen = list(rows) if options.rows == ["all"] else options.rows
    unknown = [name for name in chosen if name not in rows]
    if unknown:
        print(f"no row {', '.join(unknown)}; the rows are {', '.join(rows)}", file=sys.stderr)
        return 2
    try:
        if options.record is not None:
            options.record.touch()  # a row takes minutes: what cannot be written to is found out before
    except OSError as failure:
        print(f"cannot record: {failure}", file=sys.stderr)
        return 2
    given = {one.name: getattr(options, one.name) for one in fields(kind)}
    given = {name: value for name, value in given.items() if value is not None}
    settings = {name: kind(**{**usual.get(name, {}), **given}) for name in chosen}
    missed, failed = _run({name: rows[name] for name in chosen}, settings, options)
    for line in [*(f"MISSED {one}" for one in missed if options.check), *(f"FAILED {one}" for one in failed)]:
        print(line, file=sys.stderr)
    if options.check and missed:
        return 1
    return 2 if failed else 0


def _run(rows: Rows, settings: Mapping[str, Any], options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Run and print, row by row. Returns which bars were missed, and which rows could not run, with the reason."""
    missed, failed = [], []
    for name, row in rows.items():
        try:
            table = row(settings[name])
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


def _parser(
    program: str, about: str, kind: type[Any], usual: Mapping[str, Mapping[str, Any]]
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=about.partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="which rows, or 'all'; without one they are listed")
    for one in fields(kind):
        name = one.name.removesuffix("_s").replace("_", "-")
        others = [f"{values[one.name]:g} for {row}" for row, values in usual.items() if one.name in values]
        shown = ", ".join([f"{one.default}", *others])
        parser.add_argument(f"--{name}", dest=one.name, type=type(one.default), help=f"default {shown}")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON, one row a line, instead of text")
    shape.add_argument("--markdown", action="store_true", help="print tables in Markdown instead of text")
    parser.add_argument("--record", type=Path, metavar="FILE", help="append JSON, one row a line, to this file as well")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    return parser
