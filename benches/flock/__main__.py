"""The flock on real processes: ``python -m benches.flock ROW ...`` from the top of the repository.

Each row measures one thing and prints a table with the bars, the seed and the machine. With ``--check`` the exit code is 1
if a bar was missed. Without a row it lists them.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from typing import TYPE_CHECKING

from benches.flock.figures import print_table
from benches.flock.options import Options
from benches.flock.processes import HarnessError
from benches.flock.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    settings = Options(**{one.name: getattr(options, one.name) for one in fields(Options)})
    missed = []
    for name in chosen:
        try:
            table = ROWS[name](settings)
        except HarnessError as failure:
            print(f"{name}: {failure}", file=sys.stderr)
            return 2
        missed += [f"{name}: {one.what}" for one in table.missed]
        if options.json:
            print(json.dumps(table.as_data()))
        else:
            print_table(table)
        sys.stdout.flush()
    for one in missed if options.check else ():
        print(f"MISSED {one}", file=sys.stderr)
    return 1 if options.check and missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benches.flock", description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="which rows, or 'all'; without one they are listed")
    for one in fields(Options):
        name = one.name.removesuffix("_s").replace("_", "-")
        convert = int if isinstance(one.default, int) else float
        parser.add_argument(f"--{name}", dest=one.name, type=convert, default=one.default, help="default %(default)s")
    parser.add_argument("--json", action="store_true", help="print JSON, one row a line, instead of text")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every bar is met")
    return parser


if __name__ == "__main__":
    sys.exit(main())
