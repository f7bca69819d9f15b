"""Many threads on one clock: nothing twice, nothing backwards."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from flocktime import Clock, Timestamp
from flocktime.testing import ManualSource
from tests.support import NOW_US

THREADS = 4
#: Timestamps that each thread keeps before they are checked and let go: a long campaign must not fill the memory.
ROUND = 25_000

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def _impatient_interpreter() -> Iterator[None]:
    """Switch threads a thousand times more often than usual, to meet in the middle of things."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(0.000_005)
    yield
    sys.setswitchinterval(usual)


def _worker(clock: Clock, other: Clock, calls: int, number: int, issued: list[int]) -> None:
    """A mix of all calls that issue; each result must lie above what this thread has seen before, and above the remote."""
    last = Timestamp.MIN
    latest = clock.last or Timestamp.MIN
    while len(issued) < calls:
        kind = (len(issued) + number) % 8
        if kind < 4:
            results = [clock.now()]
        elif kind < 6:
            remote = other.now()
            results = [clock.update(remote)]
            assert remote < results[0]
        elif kind == 6:
            results = clock.now_many(3)
        else:
            results = [clock.update_many([latest, last])]  # one's own timestamps come back
        for ts in results:
            assert last < ts, f"thread {number}: {ts!r} after {last!r}"
            last = ts
            issued.append(ts.to_int())
        latest = clock.last or latest


def _round(clock: Clock, other: Clock, calls: int) -> list[list[int]]:
    issued: list[list[int]] = [[] for _ in range(THREADS)]
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            _worker(clock, other, calls, number, issued[number])
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return issued


@pytest.mark.parametrize("kind", ["the operating system", "a source that stands still"])
def test_threads_never_meet(kind: str, campaign: bool) -> None:
    """Four threads, all calls mixed, 25,000 timestamps each and a million in a campaign: no duplicate, no regression."""
    source = None if kind == "the operating system" else ManualSource(NOW_US)
    clock, other = Clock(node=1, source=source, max_drift=None), Clock(node=2, source=source, max_drift=None)
    before = 0
    rounds = 1_000_000 // ROUND if campaign else 1
    for _ in range(rounds):
        issued = _round(clock, other, ROUND)
        together = [value for each in issued for value in each]
        assert len(set(together)) == len(together), "a timestamp was issued twice"
        assert min(together) > before, "a timestamp lies below one of an earlier round"
        before = max(together)
        last = clock.last
        assert last is not None
        assert last.to_int() >= before


def test_batches_do_not_interleave() -> None:
    """What one ``now_many`` returns is consecutive: no other thread's timestamp lies between."""
    clock = Clock(node=1, source=ManualSource(NOW_US))
    batches: list[list[Timestamp]] = []

    def run() -> None:
        for _ in range(200):
            batches.append(clock.now_many(20))
            clock.now()

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(batches) == 200 * THREADS
    for batch in batches:
        assert all(b.to_int() - a.to_int() == 1 << 48 for a, b in pairwise(batch))


def test_refusals_are_all_counted() -> None:
    """Threads that are refused at the same time are each counted, and none of them moves the clock."""
    clock = Clock(node=1, source=ManualSource(NOW_US))
    far = Timestamp(NOW_US + 10**12, node=2)
    first = clock.now()

    def run() -> None:
        for _ in range(2_000):
            with pytest.raises(ValueError, match="ahead of this clock's time"):
                clock.update(far)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.stats().refused_drift == 2_000 * THREADS
    assert clock.last == first


def test_one_step_of_epoch_among_threads() -> None:
    """However many threads bring different steps at once, strangers together get one a minute."""
    for _ in range(50):
        clock = Clock(node=1, source=ManualSource(NOW_US))
        clock.now()
        barrier = threading.Barrier(THREADS)

        def run(number: int, clock: Clock = clock, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            for epoch in (1, 2):
                try:
                    clock.update(Timestamp(NOW_US, node=2 + number, epoch=epoch))
                except Exception as refusal:
                    assert type(refusal).__name__ == "EpochError"

        threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert clock.epoch == 1
        assert clock.stats().epochs_adopted == 1


def test_a_source_may_be_moved_by_any_thread() -> None:
    """Moving, pausing and reading a manual source at once neither blocks nor tears: it adds up at the end."""
    source = ManualSource(0)

    def run() -> None:
        for _ in range(2_000):
            source.advance(3)
            source.step_back(1)
            with source.pause():
                source()

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source() == 2_000 * THREADS * 2 * 1000
    assert source.monotonic_ns() == 2_000 * THREADS * 3 * 1000
