"""The interleaved block timer: every subject is timed in every block, so that each ratio comes from the same moment.

A machine's speed wanders: frequency, neighbours on the same host, a clock read that is fast in one minute and slow in
the next. Two figures taken one after the other compare two machines. Here one block holds a short loop of every
subject, in an order drawn anew for each block, and a ratio is taken within each block. What is reported is the median
of those ratios, with the quartiles beside it.
"""

from __future__ import annotations

import gc
import random
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from statistics import quantiles
from time import monotonic
from typing import TYPE_CHECKING

from flocktime.cli.bench.forms import Loop, fresh, nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["EMPTY", "LEAST_BLOCKS", "Measurement", "Spread", "Subject", "measure"]

#: Fewer blocks have no quartiles worth the name.
LEAST_BLOCKS = 5
#: One loop of one subject lasts about so long: far above the timer's own cost, far below a second's drift.
SHORTEST_LOOP_S, LONGEST_LOOP_S = 0.0002, 0.002
#: The part of the budget that warming up and calibrating may use.
WARM_UP_PART = 0.15
#: No subject is ever asked for more steps than this in one loop.
MOST_STEPS = 10_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One thing to time. Two are the same only if they are the same object: what they hold need not even hash.

    Attributes:
        operation: what is done, the same word for everybody who does it.
        who: whose.
        loop: the form of the call, one of ``forms``.
        values: what the loop gets beside its steps.
        makes: results of one step; the time is divided by it (1,000 for ``now_many(1000)``).
        note: what a reader must know to compare it fairly.
    """

    operation: str
    who: str
    loop: Loop
    values: tuple[object, ...] = ()
    makes: int = 1
    note: str = ""

    @property
    def label(self) -> str:
        return f"{self.operation} of {self.who}"


#: The loop without a call in it; every measurement contains it, to tell what part of a figure is the loop.
EMPTY = Subject("empty loop", "the interpreter", nothing)


@dataclass(frozen=True, slots=True)
class Spread:
    """A median between its quartiles."""

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        lower, median, upper = quantiles(values, n=4, method="inclusive")
        return cls(median, lower, upper)


@dataclass(frozen=True, slots=True)
class Measurement:
    """Nanoseconds per result: one figure for each block and subject."""

    blocks: int
    loop_s: float
    seed: int
    samples: dict[Subject, list[float]]

    def ns(self, subject: Subject) -> Spread:
        """Nanoseconds per result, the loop included."""
        return Spread.of(self.samples[subject])

    def ratio(self, subject: Subject, against: Subject) -> Spread:
        """How many times as long as ``against``, block by block, the loop included on both sides."""
        return Spread.of([a / b for a, b in zip(self.samples[subject], self.samples[against], strict=True)])

    def net_ratio(self, subject: Subject, against: Subject) -> float | None:
        """The same without the empty loop, from medians; ``None`` where nothing is left of ``against``.

        From medians, because a difference of two small numbers is noise within a single block.
        """
        above, below = (self.ns(one).median - self._loop_share(one) for one in (subject, against))
        return above / below if below > 0 else None

    def _loop_share(self, subject: Subject) -> float:
        return self.ns(EMPTY).median / subject.makes


def measure(
    subjects: Sequence[Subject],
    *,
    blocks: int,
    budget_s: float,
    seed: int,
    progress: Callable[[int], object] | None = None,
) -> Measurement:
    """Time every subject in every block; stop early when the budget is spent, with at least ``LEAST_BLOCKS`` done.

    The empty loop is always among them. What a subject raises passes through: a figure of a failing call is none.
    """
    if blocks < LEAST_BLOCKS:
        raise ValueError(f"at least {LEAST_BLOCKS} blocks are needed, got {blocks}")
    everyone = list(dict.fromkeys([EMPTY, *subjects]))
    started = monotonic()
    loop_s = min(LONGEST_LOOP_S, max(SHORTEST_LOOP_S, budget_s * (1 - WARM_UP_PART) / (blocks * len(everyone))))
    order = random.Random(seed)
    samples: dict[Subject, list[float]] = {subject: [] for subject in everyone}
    with _collector_off():
        loops = {subject: fresh(subject.loop, f"loop_{place}") for place, subject in enumerate(everyone)}
        steps = {subject: _steps(loops[subject], subject, loop_s) for subject in everyone}
        done = 0
        while done < blocks and (done < LEAST_BLOCKS or monotonic() - started < budget_s):
            for subject in order.sample(everyone, len(everyone)):
                elapsed = loops[subject](repeat(None, steps[subject]), *subject.values)
                samples[subject].append(elapsed / (steps[subject] * subject.makes))
            done += 1
            if progress is not None:
                progress(done)
    return Measurement(done, loop_s, seed, samples)


def _steps(loop: Loop, subject: Subject, loop_s: float) -> int:
    """How many steps last about ``loop_s``. The doubling is the warm-up as well: caches and specialisation settle."""
    steps, wanted_ns = 1, loop_s * 1e9
    while steps < MOST_STEPS:
        elapsed = loop(repeat(None, steps), *subject.values)
        if elapsed * 4 >= wanted_ns:
            return max(1, min(MOST_STEPS, int(steps * wanted_ns / elapsed)))
        steps *= 2
    return MOST_STEPS


@contextmanager
def _collector_off() -> Iterator[None]:
    """No garbage collection within a loop: it would land on whoever happens to run when the count is full."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
