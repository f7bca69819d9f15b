"""One row with one seed, in a process of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from flocktime.simulation import find, perform, read_latencies


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: bars do not travel between processes, names do."""

    row: str
    seed: int
    latencies: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What its bars measured, and what that cost."""

    seed: int
    trace: str
    values: tuple[float | None, ...]
    #: Of the processor, for the run and what it is held against: others' work does not count.
    processor_s: float


def work(job: Job) -> Result:
    """Simulate and measure."""
    row = find(job.row)
    if row.needs_latencies:
        row = row.with_changes(delay=None if job.latencies is None else read_latencies(Path(job.latencies)))
    begun = time.process_time()
    run = perform(row, job.seed)
    took = time.process_time() - begun
    return Result(job.seed, run.outcome.trace, tuple(bar.measure(run) for bar in row.bars), took)
