"""Runs the loads, samples memory, and judges both."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING

from benches.flock.figures import Table
from benches.python.buffer_memory import resident_bytes
from benches.soak.loads import Load, Tally, Worker, loads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["LEAST_S", "judge_memory", "soak"]

LEAST_S = 2.0
#: The part of the time that is not judged: allocators take their working set, caches fill.
WARM_UP_PART, LONGEST_WARM_UP_S = 0.2, 60.0
SAMPLE_S = 0.5
#: A tenth of the usual: many more places where one thread is stopped and another goes on.
TURN_S = 0.0005
#: Memory moves from sample to sample with what happens to be inside; medians of so many parts of the time are compared.
PARTS = 10
MOST_GROWTH = 0.01


def soak(*, seconds: float, seed: int) -> Table:
    """Everything at once for so long."""
    table = Table("soak", "buffers under mixed load", {"seconds": seconds, "seed": seed})
    running, failures = loads(seed), []
    threads = [
        threading.Thread(target=_work, args=(load, worker, failures), name=f"{load.name}: {worker.__name__}")
        for load in running
        for worker in load.workers
    ]
    with _turns_of(TURN_S):
        started = monotonic()
        for thread in threads:
            thread.start()
        samples = _sample(started, seconds, failures)
        for load in running:
            load.buffer.close()
        for thread in threads:
            thread.join()
    table.add("workers that failed", len(failures), most=0)
    table.remarks += [f"{name}: {failure!r}" for name, failure in failures]
    judge_memory(table, samples)
    for load in running:
        _judge_events(table, load)
    return table


@contextmanager
def _turns_of(seconds: float) -> Iterator[None]:
    """How long the interpreter lets one thread run while others want to."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def _work(load: Load, worker: Worker, failures: list[tuple[str, Exception]]) -> None:
    tally = Tally()
    load.tallies.append(tally)
    try:
        worker(load.buffer, tally)
    except Exception as failure:
        failures.append((threading.current_thread().name, failure))
        load.buffer.close()  # or whoever waits for it would for ever


def _sample(started: float, seconds: float, failures: Sequence[object]) -> list[float]:
    """Resident bytes, from the end of the warm-up on; stops early where a worker has failed."""
    samples, pause = [], threading.Event()
    warm_up = min(LONGEST_WARM_UP_S, WARM_UP_PART * seconds)
    while monotonic() < started + seconds and not failures:
        pause.wait(min(SAMPLE_S, seconds / 100))
        if monotonic() >= started + warm_up:
            samples.append(resident_bytes())
    return samples


def judge_memory(table: Table, samples: Sequence[float]) -> None:
    """Flat: no tenth of the time needed a hundredth more or less than the first one, by medians."""
    size = max(1, len(samples) // PARTS)
    parts = [median(samples[at : at + size]) for at in range(0, size * (len(samples) // size), size)] if samples else []
    nothing = float("nan")
    first = parts[0] if parts else nothing
    table.add("samples of memory", len(samples), least=PARTS)
    table.add("memory, first tenth", first / 2**20, "MiB")
    table.add("memory, last tenth", (parts[-1] if parts else nothing) / 2**20, "MiB")
    table.add("memory, least of all samples", min(samples, default=nothing) / 2**20, "MiB")
    table.add("memory, most of all samples", max(samples, default=nothing) / 2**20, "MiB")
    farthest = max((abs(part / first - 1) for part in parts), default=nothing)
    table.add("farthest tenth from the first", 100 * farthest, "%", most=100 * MOST_GROWTH)


def _judge_events(table: Table, load: Load) -> None:
    """What producers and consumers counted is what the buffer counted, and all of it is somewhere."""
    stats = load.buffer.stats()
    pushed, taken = sum(tally.pushed for tally in load.tallies), sum(tally.taken for tally in load.tallies)
    name = load.name
    table.add(f"{name}: events", pushed)
    table.add(f"{name}: taken", taken)
    table.add(f"{name}: dropped", stats.dropped)
    table.add(f"{name}: rejected", stats.rejected)
    table.add(f"{name}: pushed by producers, less counted", pushed - stats.pushed, most=0, least=0)
    table.add(f"{name}: taken by consumers, less counted", taken - stats.drained, most=0, least=0)
    unaccounted = stats.pushed - stats.drained - stats.dropped - stats.rejected - stats.inside
    table.add(f"{name}: not accounted for", unaccounted, most=0, least=0)
    table.add(f"{name}: left inside", stats.inside, most=0)
    table.add(f"{name}: out of order", sum(tally.disordered for tally in load.tallies), most=0)
