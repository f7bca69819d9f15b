"""``multiprocessing``, by every way in which it starts a process."""

from __future__ import annotations

import multiprocessing

import pytest

from flocktime import Clock, Timestamp
from tests.processes import workers

pytestmark = pytest.mark.processes

METHODS = [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]


@pytest.mark.parametrize("method", METHODS)
def test_workers_of_a_pool(method: str) -> None:
    """Workers that inherit a clock and workers that make their own issue no timestamp twice, nor one of the parent's."""
    own = workers.issue(500)
    with multiprocessing.get_context(method).Pool(2) as pool:
        batches = pool.map(workers.issue, [500] * 8, chunksize=1)
    own += workers.issue(500)
    everything = own + [each for batch in batches for each in batch]
    assert len(set(everything)) == len(everything) == 5_000
    for batch in batches:
        assert batch == sorted(batch)
        assert len({Timestamp.from_bytes(each).node for each in batch}) == 1
    nodes = {Timestamp.from_bytes(batch[0]).node for batch in batches}
    assert workers.clock.node not in nodes
    assert 1 <= len(nodes) <= 2


def test_a_clock_is_not_sent_to_a_worker() -> None:
    """A clock given to a spawned process is refused when it is sent, with the reason."""
    process = multiprocessing.get_context("spawn").Process(target=workers.stamp_with, args=(Clock(),))
    with pytest.raises(TypeError, match="give the other process a clock of its own"):
        process.start()
