"""What the peers' calls cost beside ours: ``python -m benches.comparison.compare`` from the top of the repository.

Runs in the environment that ``requirements.txt`` describes and refuses another: figures of other versions would stand
under the same names.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from benches.python.figures import print_figures

from flocktime.cli.bench import machine, peers, report, subjects, timer

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
BUDGET_S = 120.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Time flocktime and every peer, interleaved in one run."""
    parser = argparse.ArgumentParser(
        prog="python -m benches.comparison.compare", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--blocks", type=int, default=60, help="interleaved blocks, %(default)s by default")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the blocks, %(default)s by default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    options = parser.parse_args(arguments)
    if options.blocks < timer.LEAST_BLOCKS:
        parser.error(f"--blocks must be at least {timer.LEAST_BLOCKS}, got {options.blocks}")
    found = peers.find()
    wrong = _deviations(found)
    if wrong:
        print("\n".join([*wrong, f"pip install -r {REQUIREMENTS.name}"]), file=sys.stderr)
        return 2
    timed = [subjects.TIME_NS, *subjects.flocktime(), *(subject for one in found for subject in one.subjects)]
    measured = timer.measure(timed, blocks=options.blocks, budget_s=BUDGET_S, seed=options.seed)
    data = report.as_data(measured, timed, found, machine.describe())
    if options.json:
        print(json.dumps(data, indent=2))
        return 0
    print_figures(measured, timed, data["machine"])
    print("", *(fill(line, 110) for line in report.remarks(data)), sep="\n")
    return 0


def _deviations(found: Sequence[peers.Found]) -> list[str]:
    """Where this environment is not the one that is described."""
    pinned = _pinned(REQUIREMENTS.read_text(encoding="utf-8"))
    wrong = []
    for one in found:
        name, wanted = one.peer.distribution, pinned.get(one.peer.distribution)
        if wanted is None:
            wrong.append(f"{name} is not pinned in {REQUIREMENTS.name}")
        elif one.version != wanted:
            wrong.append(f"{name} {wanted} is needed, {one.version or 'nothing'} is installed")
        elif one.failure is not None:
            wrong.append(f"{name} {wanted} cannot be timed: {one.failure}")
    return wrong


def _pinned(text: str) -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {name: version for name, _, version in (line.partition("==") for line in lines if line)}


if __name__ == "__main__":
    sys.exit(main())
