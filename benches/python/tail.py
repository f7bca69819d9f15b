"""The slow calls: what ``now()`` costs at its worst while two threads hammer one clock, and whose fault that is.

The cause is not asserted but varied. Only one thread at a time runs Python; a waiting one asks for its turn after the
interpreter's switch interval. So if that is where the longest waits come from, they must get shorter and more frequent
with the interval, must vanish with a single thread, and must hit an empty call as well.
"""

from __future__ import annotations

import sys
import threading
import time
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["INTERVALS", "Tail", "explain", "hammer", "study"]

#: Switch intervals to try, in seconds; the first is the interpreter's default.
INTERVALS = (0.005, 0.0005, 0.00005)
CALLS = 400_000
NOW, EMPTY = "clock.now()", "empty call"
_RUNS = ((NOW, 2), (NOW, 1), (EMPTY, 2))
#: A call that waits longer than this part of the switch interval was caught in a switch. Nothing else is so slow for a
#: call of well under a microsecond, except the system taking the processor away, which the single thread shows.
CAUGHT = 0.5


@dataclass(frozen=True, slots=True)
class Tail:
    """How long single calls took, in nanoseconds, the timer's own cost included."""

    what: str
    threads: int
    interval_s: float
    calls: int
    mean: float
    p50: float
    p99: float
    p999: float
    p9999: float
    longest: float
    caught: int
    caught_median: float | None


def hammer(what: str, function: Callable[[], object], *, threads: int, interval_s: float, calls: int = CALLS) -> Tail:
    """``calls`` timed calls in each of so many threads at once, under a given switch interval."""
    kept = sys.getswitchinterval()
    took = [array("q", bytes(8 * calls)) for _ in range(threads)]
    start = threading.Barrier(threads)
    failed: list[BaseException] = []

    def work(into: array[int]) -> None:
        clock = time.perf_counter_ns
        start.wait()
        try:
            for place in range(calls):
                before = clock()
                function()
                into[place] = clock() - before
        except BaseException as failure:  # raised again below, in the thread that asked
            failed.append(failure)

    workers = [threading.Thread(target=work, args=(into,)) for into in took]
    sys.setswitchinterval(interval_s)
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(kept)
    if failed:
        raise failed[0]
    return _summary(what, threads, interval_s, sorted(value for into in took for value in into))


def _summary(what: str, threads: int, interval_s: float, ordered: Sequence[int]) -> Tail:
    caught = ordered[bisect_left(ordered, interval_s * 1e9 * CAUGHT) :]

    def quantile(part: float) -> float:
        return float(ordered[min(len(ordered) - 1, int(len(ordered) * part))])

    return Tail(
        what=what,
        threads=threads,
        interval_s=interval_s,
        calls=len(ordered),
        mean=fmean(ordered),
        p50=quantile(0.5),
        p99=quantile(0.99),
        p999=quantile(0.999),
        p9999=quantile(0.9999),
        longest=float(ordered[-1]),
        caught=len(caught),
        caught_median=float(median(caught)) if caught else None,
    )


def study(now: Callable[[], object], calls: int = CALLS) -> list[Tail]:
    """``now`` and an empty call, with two threads and with one, under every interval."""
    return [
        hammer(what, function, threads=threads, interval_s=interval_s, calls=calls)
        for what, function in ((NOW, now), (EMPTY, ().__len__))
        for threads in (2, 1)
        for interval_s in INTERVALS
    ]


def explain(tails: Sequence[Tail]) -> list[str]:
    """What the figures say about the cause; where they do not agree, that they do not."""
    runs = {
        (what, threads): [one for one in tails if (one.what, one.threads) == (what, threads)] for what, threads in _RUNS
    }
    shared, alone, shared_empty = runs[NOW, 2], runs[NOW, 1], runs[EMPTY, 2]
    first = shared[0]
    lines = [
        f"p99.9 of {NOW} with two threads: {first.p999:.0f} ns (median {first.p50:.0f}, mean {first.mean:.0f}); "
        + f"with one thread {alone[0].p999:.0f} ns, an empty call in its place {shared_empty[0].p999:.0f} ns.",
        *(_waits(two, one) for two, one in zip(shared, alone, strict=True)),
    ]
    if _follow_the_interval(shared) and _follow_the_interval(shared_empty) and _need_two(shared, alone):
        lines.append(
            "The longest waits are the interpreter handing over from thread to thread: they get shorter and more "
            "frequent with its switch interval, need a second thread, and hit an empty call just as well."
        )
    else:
        why = "the switch interval alone is not it"
        if not _need_two(shared, alone):
            why = "a single thread has them too, so something else takes the processor away; try a quieter machine"
        lines.append(f"The cause of the longest waits is not shown by this run: {why}.")
    lines.append(_about_p999(first, alone[0], shared_empty[0]))
    return lines


def _about_p999(two: Tail, one: Tail, empty: Tail) -> str:
    if two.caught >= two.calls / 1000:
        return "They are frequent enough to be what p99.9 shows."
    rare = f"They are {two.caught / two.calls:.4%} of the calls at the default interval, too few to reach p99.9; "
    if two.p999 - two.p50 <= 2 * max(one.p999 - one.p50, empty.p999 - empty.p50):
        return (
            rare
            + "what lies between median and p99.9 is there with one thread and in an empty call too: the machine's."
        )
    return (
        rare + "p99.9 is further from the median than with one thread and in an empty call: the clock's own, or noise."
    )


def _waits(two: Tail, one: Tail) -> str:
    length = "" if two.caught_median is None else f", half of them {two.caught_median / 1e6:.2f} ms or more"
    return (
        f"Switch interval {two.interval_s * 1e3:g} ms: {two.caught} of {two.calls:,} calls waited half of it or longer"
        f"{length}; with one thread {one.caught} of {one.calls:,}."
    )


def _follow_the_interval(tails: Sequence[Tail]) -> bool:
    """Waits occur at every interval; at each shorter one they are shorter, and more of them than at the longest."""
    medians = [tail.caught_median for tail in tails if tail.caught_median is not None]
    more = all(tail.caught > tails[0].caught for tail in tails[1:])
    return len(medians) == len(tails) and medians == sorted(medians, reverse=True) and more


def _need_two(shared: Sequence[Tail], alone: Sequence[Tail]) -> bool:
    """At the default interval, far above any interrupt, one thread has less than a tenth of the waits of two."""
    return alone[0].caught / alone[0].calls < shared[0].caught / shared[0].calls / 10
