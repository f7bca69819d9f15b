"""One clock for all processes of a host: ``python -m benches.host_page ROW ...`` from the top of the repository.

Each row shows one thing and prints a table with the bars, the seed and the machine. Without a row it lists them. The exit
code is 1 if a bar was missed and ``--check`` was given, else 2 if a row could not run, else 0. Linux only.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benches.flock.command import run
from benches.host_page.options import Options
from benches.host_page.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows, one after the other."""
    return run("python -m benches.host_page", __doc__, ROWS, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
