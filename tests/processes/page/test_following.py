"""Workers of ``multiprocessing`` beside the host's one flock member: what servers do, in ``test_servers.py``, for pools."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from tests.processes.page import work
from tests.processes.page.judged import one_clock

EACH = 200


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_follow_the_member(method: str, page: Path, member: str) -> None:
    """However a pool starts its workers, each of them follows the member's flock, as their parent does, and is one clock."""
    work.open_page(str(page))
    assert work.clock is not None
    context = multiprocessing.get_context(method)
    started = () if method == "fork" else (str(page),)
    with context.Pool(2, work.open_page if started else None, started) as pool:
        done = pool.map(work.issue_following, [EACH] * 8, chunksize=1)
    done.append(work.issue_following(EACH))
    assert {followed for followed, *_ in done} == {member}
    by_process: dict[int, dict[int, list[bytes]]] = {}
    for _, pid, number, batch in done:
        by_process.setdefault(pid, {})[number] = batch
    assert len(by_process) > 1, "the parent did everything"
    in_order = [[stamp for number in sorted(own) for stamp in own[number]] for own in by_process.values()]
    one_clock(in_order, work.clock.node)
