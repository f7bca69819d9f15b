"""Processes of Python on one page: forked, spawned, served by a fork server, forked in the middle of things."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, LeaseExpired, Timestamp
from flocktime.testing import ManualSource
from tests.processes.children import forked
from tests.processes.page import work
from tests.processes.page.judged import one_clock
from tests.support import NOW_US

CHILDREN, EACH = 3, 10_000
NOBODY = 65_534
#: Beyond every lease here.
LONG_US = 10_000_000


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_of_a_pool(method: str, page: Path) -> None:
    """However a pool starts its workers, they and their parent are one clock; what was stamped before they started lies below."""
    work.open_page(str(page))
    assert work.clock is not None
    node = work.clock.node
    own = work.issue(500)[-1]
    context = multiprocessing.get_context(method)
    started = () if method == "fork" else (str(page),)
    with context.Pool(2, work.open_page if started else None, started) as pool:
        batches = pool.map(work.issue, [500] * 8, chunksize=1)
    after = work.issue(500)[-1]
    by_worker: dict[int, dict[int, list[bytes]]] = {}
    for pid, number, batch in batches:
        assert batch[0] > own[-1]
        assert batch[-1] < after[0]
        by_worker.setdefault(pid, {})[number] = batch
    assert os.getpid() not in by_worker
    in_order = [[stamp for number in sorted(done) for stamp in done[number]] for done in by_worker.values()]
    one_clock([own + after, *in_order], node)


def test_children_share_the_page(page: Path, tmp_path: Path) -> None:
    """Three children and their parent stamp at the same time: one clock, under the node of the page."""
    work.open_page(str(page))
    assert work.clock is not None
    before, own = work.issue(1_000)[-1], list[bytes]()
    children = tmp_path / "children"
    children.mkdir()
    results = forked([lambda: work.issue(EACH)[-1]] * CHILDREN, children, lambda: own.extend(work.issue(EACH)[-1]))
    assert all(before[-1] < stamps[0] for stamps in results)
    one_clock([before + own, *results], work.clock.node)


def _orphaned(folder: Path, begin: Callable[[], Clock], task: Callable[[Clock], Any]) -> Any:
    """What ``task`` returns in a process that alone has the page open: the one that opened it forked it and was killed."""
    folder.mkdir()
    theirs, ours = os.pipe()

    def parent() -> None:
        clock = begin()
        grandchildren = folder / "grandchildren"
        grandchildren.mkdir()
        ended, living = os.pipe()

        def orphan() -> None:
            with os.fdopen(ours, "wb") as report:
                os.close(living)
                os.read(ended, 1)  # nothing ever comes: it returns when all threads of the parent are gone
                try:
                    result = True, task(clock)
                except BaseException:
                    result = False, traceback.format_exc()
                report.write(pickle.dumps(result))

        forked([orphan], grandchildren, lambda: os.kill(os.getpid(), signal.SIGKILL))

    with os.fdopen(theirs, "rb") as reports:
        try:
            with pytest.raises(AssertionError, match=f"status {signal.SIGKILL:d}: no word"):
                forked([parent], folder)
        finally:
            os.close(ours)
        report = reports.read()  # up to the orphan's end, which its alarm brings about at the latest
    assert report, "the orphan ended without a word"
    done, result = pickle.loads(report)
    assert done, f"the orphan failed: {result}"
    return result


def test_a_child_keeps_the_lease(page: Path, tmp_path: Path) -> None:
    """A child whose parent was killed, alone with the page, renews the lease itself: it goes on for ten of them."""

    def begin() -> Clock:
        clock = Clock.open(page, lease=0.1)
        clock.now()
        return clock

    def task(clock: Clock) -> tuple[int, int]:
        assert clock.page is not None
        inherited = clock.page.renewals
        first = last = clock.now()
        while last.physical_us - first.physical_us < 1_000_000:
            stamp = clock.now()
            assert last < stamp
            last = stamp
        return clock.page.renewals - inherited, clock.page.failures

    renewals, failures = _orphaned(tmp_path / "orphan", begin, task)
    assert renewals >= 3
    assert failures == 0


@contextmanager
def _no_threads() -> Iterator[None]:
    """This process can start none: it is another user's, who may have no more of them. Root is not held to that limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, hard))
        yield
    finally:
        os.setresuid(0, 0, 0)
        resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only Linux's root can become so limited a user"
)
def test_a_child_without_a_keeper(page: Path, tmp_path: Path) -> None:
    """One that cannot start its thread for the lease stamps as far as that reaches, says then why it does not go on, and goes on
    when it can.
    """
    source = ManualSource(NOW_US)

    def begin() -> Clock:
        clock = Clock.open(page, source=source)
        clock.now()
        return clock

    def task(clock: Clock) -> tuple[int | None, int, int]:
        assert clock.page is not None
        inherited, failed = clock.page.renewals, clock.page.failures
        with _no_threads():
            stamps = [clock.now() for _ in range(100)]
            failures = clock.page.failures - failed
            source.advance(LONG_US)
            with pytest.raises(LeaseExpired) as caught:
                clock.now()
        for _ in range(3):
            source.advance(LONG_US)
            stamps.append(_at_last(clock))
        assert all(a < b for a, b in pairwise(stamps))
        return caught.value.errno, failures, clock.page.renewals - inherited

    number, failures, renewals = _orphaned(tmp_path / "orphan", begin, task)
    assert number == errno.EAGAIN
    assert failures >= 1
    assert renewals >= 3


def _at_last(clock: Clock) -> Timestamp:
    """A timestamp, however often it is refused before: what is refused once is asked for, and then under way."""
    while True:
        try:
            return clock.now()
        except LeaseExpired:
            continue


def test_forks_under_load(page: Path, tmp_path: Path) -> None:
    """Children that are forked while threads stamp, merge and renew neither hang nor repeat, and none lies below its fork."""
    clock = Clock.open(page, lease=0.1)
    stop, own = threading.Event(), list[list[bytes]]()

    def busy() -> None:
        mine: list[bytes] = []
        own.append(mine)
        while not stop.is_set():
            mine += [clock.now().to_bytes(), clock.update(clock.now()).to_bytes()]

    def child() -> list[bytes]:
        return [clock.now().to_bytes() for _ in range(200)]

    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    results = []
    children = tmp_path / "children"
    children.mkdir()
    try:
        for _ in range(10):
            floor = clock.now().to_bytes()
            forks = forked([child] * 2, children)
            assert all(floor < stamps[0] for stamps in forks)
            results += forks
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    one_clock([*own, *results], clock.node)
