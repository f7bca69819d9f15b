"""What an event buffer costs beside a plain queue: ``python -m benches.python.buffer_speed`` from the top of the repository.

``push``, ``pop`` and ``drain`` are timed in interleaved blocks of one run with ``queue.SimpleQueue``, CPython's own in C, that
carries the same: tuples of a timestamp and an event. With ``--check`` the exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from benches.flock.figures import Table, print_table
from benches.python import buffer_forms as forms
from benches.python import buffer_memory

from flocktime import Clock, EventBuffer
from flocktime.cli.bench import timer
from flocktime.cli.bench.forms import TIMED_BY
from flocktime.cli.bench.timer import Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BARS", "speed"]

BUFFER, QUEUE, DEQUE = "EventBuffer", "SimpleQueue", "deque"
CAPACITY, BATCH = 4096, 1000
BLOCKS, BUDGET_S = 60, 90.0
MEMORY_MIB = 4.0
STAMPED, GIVEN, DELAYED = "push and pop, stamped", "push and pop, timestamp given", "the same with a max_delay"
DRAINED, CONSUMED = f"{BATCH} into a list", f"{BATCH} one after the other, freed"


@dataclass(frozen=True, slots=True)
class Bar:
    """The ratio of an operation to a ``SimpleQueue``'s: at most this, or where ``faster`` at least this many times as fast."""

    operation: str
    limit: float | None
    faster: bool = False


BARS = (
    Bar(STAMPED, 1.2),
    Bar(GIVEN, 1.2),
    Bar(DELAYED, None),
    Bar(DRAINED, 3.0, faster=True),
    Bar(CONSUMED, None, faster=True),
)


def speed(*, seed: int, blocks: int = BLOCKS, budget_s: float = BUDGET_S) -> Table:
    """All bars and what they are made of."""
    table = Table("buffer", "an event buffer beside a queue", {"blocks": blocks, "seed": seed, "capacity": CAPACITY})
    subjects = _subjects()
    measured = timer.measure(subjects, blocks=blocks, budget_s=budget_s, seed=seed)
    for subject in subjects:
        table.add(subject.label, measured.ns(subject).median, "ns")
    for bar in BARS:
        ours, theirs = _one(subjects, bar.operation, BUFFER), _one(subjects, bar.operation, QUEUE)
        ratio = measured.ratio(theirs, ours) if bar.faster else measured.ratio(ours, theirs)
        name = f"{bar.operation}: {'times as fast' if bar.faster else 'times'} as {QUEUE}"
        table.add(name, ratio.median, "", **{"least" if bar.faster else "most": bar.limit})
        table.add("  quartiles, lower", ratio.lower)
        table.add("  quartiles, upper", ratio.upper)
    memory = buffer_memory.measure() / 2**20
    table.add(f"an empty buffer of {buffer_memory.CAPACITY:,}", memory, "MiB", most=MEMORY_MIB)
    table.remarks.append(
        f"{measured.blocks} interleaved blocks, loops of {measured.loop_s * 1e3:.2f} ms, {TIMED_BY}; the empty loop, "
        f"{measured.ns(timer.EMPTY).median:.1f} ns, is contained in every figure; ns of a list: per event"
    )
    return table


def _subjects() -> list[Subject]:
    """What goes in is one object over and over; the batches are filled anew for each."""
    event, stamp = object(), Clock().now()
    found = [
        _exchange(STAMPED, forms.stamped, EventBuffer(CAPACITY), event),
        _exchange(GIVEN, forms.given, EventBuffer(CAPACITY), event, stamp),
        _exchange(DELAYED, forms.given, EventBuffer(CAPACITY, max_delay=60), event, stamp),
    ]
    for who, put, get in _queues():
        found.append(Subject(STAMPED, who, forms.stamped_pairs, (put, get, event, time.time_ns)))
        found += [Subject(what, who, forms.pairs, (put, get, event, stamp)) for what in (GIVEN, DELAYED)]
    events = [event] * BATCH
    items = [(one, event) for one in Clock().now_many(BATCH)]
    for what, by_batch, one_by_one in ((DRAINED, forms.batch, forms.singly),
                                       (CONSUMED, forms.consumed_batch, forms.consumed_singly)):  # fmt: skip
        buffer = EventBuffer(CAPACITY)
        found.append(Subject(what, BUFFER, by_batch, (forms.filling(buffer.push, events), buffer.drain, BATCH), BATCH))
        for who, put, get in _queues():
            fill = partial(_fill_fresh, put, items)
            found.append(Subject(what, who, one_by_one, (fill, get, BATCH), BATCH))
    return found


def _exchange(what: str, loop: Any, buffer: EventBuffer, *values: object) -> Subject:
    return Subject(what, BUFFER, loop, (buffer.push, buffer.pop, *values))


def _queues() -> list[tuple[str, Any, Any]]:
    """One that threads may wait for, which is what the bars are held against; and the least of all, which has no bound either."""
    queue: SimpleQueue[Any] = SimpleQueue()
    plain: deque[Any] = deque()
    return [(QUEUE, queue.put, queue.get_nowait), (DEQUE, plain.append, plain.popleft)]


def _fill_fresh(put: Any, items: Sequence[tuple[object, object]]) -> None:
    """Tuples made for this batch, as a producer makes them."""
    for stamp, event in items:
        put((stamp, event))


def _one(subjects: Sequence[Subject], operation: str, who: str) -> Subject:
    return next(one for one in subjects if (one.operation, one.who) == (operation, who))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(
        prog="python -m benches.python.buffer_speed", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--blocks", type=int, default=BLOCKS, help="interleaved blocks, %(default)s by default")
    parser.add_argument("--seed", type=int, default=1, help="of the order within the blocks, %(default)s by default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless every bar is met")
    options = parser.parse_args(arguments)
    try:
        table = speed(seed=options.seed, blocks=options.blocks)
    except ValueError as failure:
        print(failure, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(table.as_data(), indent=2))
    else:
        print_table(table)
    return 1 if options.check and table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
