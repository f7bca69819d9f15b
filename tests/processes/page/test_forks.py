"""Processes of Python on one page: forked, spawned, served by a fork server, forked in the middle of things."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from flocktime import Clock
from tests.processes.children import forked
from tests.processes.page import work
from tests.processes.page.judged import one_clock

CHILDREN, EACH = 3, 10_000


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


def test_a_child_keeps_the_lease(page: Path, tmp_path: Path) -> None:
    """A child whose parent is gone renews the lease itself: it goes on for several of them."""
    clock = Clock.open(page, lease=0.1)
    clock.now()

    def orphan() -> tuple[list[bytes], int]:
        stamps = [clock.now()]
        while (stamps[-1] - stamps[0]).total_seconds() < 0.35:
            stamps[1:] = [clock.now()]
        assert clock.page is not None
        return [stamp.to_bytes() for stamp in stamps], clock.page.renewals

    def parent() -> tuple[list[bytes], int]:
        grandchildren = tmp_path / "grandchildren"
        grandchildren.mkdir()
        (result,) = forked([orphan], grandchildren)
        return result  # type: ignore[no-any-return]

    children = tmp_path / "children"
    children.mkdir()
    ((stamps, renewals),) = forked([parent], children)
    one_clock([stamps], clock.node)
    assert renewals >= 1


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
