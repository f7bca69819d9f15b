"""Whose turn it is: an event loop behind a backlog, one that stands still, and other threads beside a long call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flocktime import EventBuffer
from flocktime.events import buffer as events_buffer
from tests.buffers import Running, Watched

pytestmark = pytest.mark.processes


def test_other_tasks_have_their_turn_before_each_batch() -> None:
    """Behind a backlog, where no batch has to be waited for."""

    async def scenario() -> list[int]:
        buffer, turns, seen = EventBuffer(100), 0, []

        async def turning() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(turning())
        buffer.push_many(range(100))
        buffer.close()
        async for _ in buffer.batches(max=10):
            seen.append(turns)
        task.cancel()
        return seen

    seen = asyncio.run(scenario())
    assert len(seen) == len(set(seen)) == 10


def test_a_loop_that_stands_still_swallows_no_call() -> None:
    """A task of it waits, and behind it a thread: the thread is called."""
    buffer, loop = Watched(10), asyncio.new_event_loop()
    task = loop.create_task(buffer.pop_async())
    loop.run_until_complete(asyncio.sleep(0))
    buffer.until_somebody_waits()
    consumer = Running(buffer.pop)
    buffer.until_somebody_waits()
    stamp = buffer.push("event")
    assert consumer.result() == (stamp, "event")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def test_many_events_go_in_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others look in between; all of them are in, in their order, and what is refused is accounted for."""
    monkeypatch.setattr(events_buffer, "RUN", 4)
    parts: list[tuple[int, int]] = []

    class Parts(EventBuffer):
        def _try_push_run(self, events: list[Any], start: int, end: int) -> int:
            parts.append((start, end))
            return super()._try_push_run(events, start, end)

    assert Parts(10).push_many(range(10)) == 10
    assert parts == [(0, 4), (4, 8), (8, 10)]
    full = Parts(6)
    with pytest.raises(events_buffer.EventBufferError) as refused:
        full.push_many(range(11))
    assert (refused.value.pushed, refused.value.events) == (6, [6, 7, 8, 9, 10])
    assert (full.stats().rejected, full.stats().pushed) == (5, 11)
