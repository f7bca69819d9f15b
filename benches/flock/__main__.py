"""The flock on real processes: ``python -m benches.flock ROW ...`` from the top of the repository.

Each row measures one thing and prints a table with the bars, the seed and the machine. A row that cannot run here is
reported, and the others go on. Without a row it lists them. The exit code is 1 if a bar was missed and ``--check`` was given,
else 2 if a row could not run, else 0.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benches.flock.command import run
from benches.flock.options import Options
from benches.flock.rows import ROWS, USUAL

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows, one after the other."""
    return run("python -m benches.flock", __doc__, ROWS, Options, arguments, usual=USUAL)


if __name__ == "__main__":
    sys.exit(main())
