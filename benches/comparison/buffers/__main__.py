"""An event buffer beside other queues and rings: ``python -m benches.comparison.buffers`` from the top of the repository.

Runs in the environment that ``requirements.txt`` describes and refuses another: figures of other versions would stand under the
same names.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from benches.comparison.buffers.contestants import CONTESTANTS
from benches.comparison.compare import _pinned
from benches.flock.figures import Table, print_table
from benches.python import buffer_forms as forms

from flocktime.cli.bench import timer
from flocktime.cli.bench.forms import TIMED_BY
from flocktime.cli.bench.timer import Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.comparison.buffers.contestants import Contestant

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
BATCH = 1000
BUDGET_S = 120.0
EXCHANGE, DRAIN = "push and pop", f"{BATCH} taken"


def main(arguments: Sequence[str] | None = None) -> int:
    """Time all of them, interleaved in one run."""
    parser = argparse.ArgumentParser(
        prog="python -m benches.comparison.buffers", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--blocks", type=int, default=30, help="interleaved blocks, %(default)s by default")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the blocks, %(default)s by default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    options = parser.parse_args(arguments)
    if options.blocks < timer.LEAST_BLOCKS:
        parser.error(f"--blocks must be at least {timer.LEAST_BLOCKS}, got {options.blocks}")
    if wrong := deviations():
        print("\n".join([*wrong, f"pip install -r {REQUIREMENTS.name}"]), file=sys.stderr)
        return 2
    table = compare(CONTESTANTS, blocks=options.blocks, seed=options.seed)
    if options.json:
        print(json.dumps(table.as_data(), indent=2))
    else:
        print_table(table)
    return 0


def deviations() -> list[str]:
    """Where this environment is not the one that is described."""
    wrong = []
    for name, wanted in _pinned(REQUIREMENTS.read_text(encoding="utf-8")).items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "nothing"
        if found != wanted:
            wrong.append(f"{name} {wanted} is needed, {found} is installed")
    return wrong


def compare(contestants: Sequence[Contestant], *, blocks: int, seed: int) -> Table:
    """Nanoseconds for an event that goes in and comes out at once, and for one of many that are taken."""
    subjects = [subject for one in contestants for subject in _subjects(one)]
    measured = timer.measure(subjects, blocks=blocks, budget_s=BUDGET_S, seed=seed)
    table = Table("buffers", "an event buffer beside other queues and rings", {"blocks": blocks, "seed": seed})
    for operation in (EXCHANGE, DRAIN):
        ours, *_ = group = [one for one in subjects if one.operation == operation]
        for subject in group:
            table.add(subject.label, measured.ns(subject).median, "ns")
            table.add("  times as long as flocktime", measured.ratio(subject, ours).median)
    table.remarks += [f"{one.name}: {one.note}" for one in contestants if one.note]
    table.remarks.append(f"{measured.blocks} interleaved blocks, {TIMED_BY}; one thread; ns of many: for each event")
    return table


def _subjects(one: Contestant) -> list[Subject]:
    put, get, _ = one.make()
    if one.stamps:
        exchange = Subject(EXCHANGE, one.name, forms.stamped, (put, get, 7))
    else:
        exchange = Subject(EXCHANGE, one.name, forms.stamped_pairs, (put, get, 7, time.time_ns))
    put, get, drain = one.make()
    fill = forms.filling(put, [7] * BATCH if one.stamps else [(number, 7) for number in range(BATCH)])
    if drain is None:
        return [exchange, Subject(DRAIN, one.name, forms.singly, (fill, get, BATCH), BATCH)]
    return [exchange, Subject(DRAIN, one.name, forms.batch, (fill, drain, BATCH), BATCH)]


if __name__ == "__main__":
    sys.exit(main())
