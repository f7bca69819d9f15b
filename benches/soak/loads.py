"""What the buffers of a soak are loaded with: producers until their buffer is closed, consumers until it is empty too.

Every worker runs in a thread of its own, as fast as it can, and returns what it did. Events are fresh lists, which the garbage
collector has to see.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from flocktime import Clock
from flocktime.events import BufferClosed, BufferEmpty, BufferFull, EventBuffer, LateEvent

if TYPE_CHECKING:
    from flocktime import Timestamp

__all__ = ["Load", "Tally", "Worker", "loads"]

#: Small, so that it is full and empty often, and what is inside does not move the memory.
CAPACITY = 512
BATCH = 64


@dataclass
class Tally:
    """What one worker did."""

    pushed: int = 0
    taken: int = 0
    #: Events that a consumer saw out of the order that holds for it.
    disordered: int = 0
    _last: Timestamp | None = field(default=None, repr=False)

    def take(self, batch: Iterable[tuple[Timestamp, Any]], *, ordered: bool) -> None:
        """Count these; where ``ordered``, they are stamped after one another and after the batch before."""
        for stamp, _ in batch:
            self.taken += 1
            if ordered and self._last is not None and not stamp > self._last:
                self.disordered += 1
            self._last = stamp


Worker: TypeAlias = Callable[[EventBuffer, Tally], None]


@dataclass
class Load:
    """One buffer and those who work on it."""

    name: str
    buffer: EventBuffer
    workers: list[Worker]
    tallies: list[Tally] = field(default_factory=list)


def loads(seed: int) -> list[Load]:
    """Every overflow policy, own and given stamps, threads and tasks."""
    blocking = [push_all, push_batches, consume, pop_in_time]
    return [
        Load("reject", EventBuffer(CAPACITY), [push_all, push_batches, drain_all, pop_in_time]),
        Load("drop_oldest", EventBuffer(CAPACITY, overflow="drop_oldest"), [push_all, push_batches, drain_all]),
        Load("block", EventBuffer(CAPACITY, overflow="block"), blocking),
        Load("given", EventBuffer(CAPACITY, overflow="block"), [given(seed, 0.0), drain_given]),
        Load("given, max_delay", EventBuffer(CAPACITY, overflow="block", max_delay=0.01),
             [given(seed, 0.02), drain_given, watch]),
        Load("asyncio", EventBuffer(CAPACITY, overflow="block"), [tasks]),
        Load("short lives", EventBuffer(CAPACITY), [short_lives]),
    ]  # fmt: skip


def push_all(buffer: EventBuffer, tally: Tally) -> None:
    """One by one."""
    for number in count():
        try:
            tally.pushed += 1
            buffer.push([number])
        except BufferFull as full:
            if full.event != [number]:
                raise RuntimeError(f"{full.event} came back for {[number]}") from full
        except BufferClosed:
            return


def push_batches(buffer: EventBuffer, tally: Tally) -> None:
    """Many at once, and now and then one with a short timeout."""
    for number in count():
        try:
            tally.pushed += BATCH
            buffer.push_many([[number, part] for part in range(BATCH)])
            tally.pushed += 1
            buffer.push([number], timeout=0.0001)
        except BufferFull:
            pass
        except BufferClosed:
            return


def given(seed: int, jitter_s: float) -> Worker:
    """Timestamps of a clock elsewhere, late by up to ``jitter_s``."""

    def push(buffer: EventBuffer, tally: Tally) -> None:
        chance, clock = random.Random(seed), Clock()
        for number in count():
            late = timedelta(seconds=chance.uniform(0, jitter_s))
            try:
                tally.pushed += 1
                buffer.push([number], clock.now() - late if jitter_s else clock.now())
                if number % 50 == 0:
                    stamps = clock.now_many(BATCH)
                    tally.pushed += BATCH
                    buffer.push_many([[number, part] for part in range(BATCH)], stamps)
            except (BufferFull, LateEvent):
                pass
            except BufferClosed:
                return

    return push


def drain_all(buffer: EventBuffer, tally: Tally) -> None:
    """Whatever is there, and the watermark beside it."""
    while not (buffer.closed and len(buffer) == 0):
        tally.take(buffer.drain(BATCH), ordered=True)
        assert buffer.watermark is not None


def drain_given(buffer: EventBuffer, tally: Tally) -> None:
    """Batches without an order between them."""
    while not (buffer.closed and len(buffer) == 0):
        tally.take(buffer.drain(), ordered=False)


def consume(buffer: EventBuffer, tally: Tally) -> None:
    """By iteration, which waits."""
    for event in buffer:
        tally.take([event], ordered=True)


def pop_in_time(buffer: EventBuffer, tally: Tally) -> None:
    """One by one, and gives up waiting soon."""
    while True:
        try:
            tally.take([buffer.pop(timeout=0.0005)], ordered=True)
        except BufferEmpty:
            continue
        except BufferClosed:
            return


def watch(buffer: EventBuffer, tally: Tally) -> None:
    """Reads whatever can be read."""
    last = None
    while not buffer.closed:
        now = buffer.watermark
        tally.disordered += int(last is not None and now is not None and now < last)
        last = now or last
        assert buffer.stats().capacity == CAPACITY
        repr(buffer)


def short_lives(buffer: EventBuffer, tally: Tally) -> None:  # noqa: ARG001 it makes its own
    """Buffers that are made, used and forgotten with events inside."""
    while not buffer.closed:
        brief = EventBuffer(100, overflow="drop_oldest")
        brief.push_many([[number, brief] for number in range(150)])  # a cycle, for the garbage collector
        taken = brief.drain(50)
        if len(taken) % 2:
            brief.close()


def tasks(buffer: EventBuffer, tally: Tally) -> None:
    """An event loop with producers, batches, single events and a task that is cancelled over and over."""
    asyncio.run(_tasks(buffer, tally))


async def _tasks(buffer: EventBuffer, tally: Tally) -> None:
    async def push() -> None:
        for number in count():
            tally.pushed += 1
            try:
                await buffer.push_async([number])
            except BufferClosed:
                return
            if number % 100 == 0:
                await asyncio.sleep(0)

    async def cancel() -> None:
        while not buffer.closed:
            waiting = asyncio.ensure_future(buffer.pop_async())
            await asyncio.sleep(0.001)
            if not waiting.cancel() and waiting.exception() is None:
                tally.take([waiting.result()], ordered=False)
                continue
            with suppress(asyncio.CancelledError, BufferClosed):
                tally.take([await waiting], ordered=False)

    async def batches() -> None:
        async for batch in buffer.batches(max=BATCH, linger=0.001):
            tally.take(batch, ordered=False)

    await asyncio.gather(push(), push(), cancel(), batches())
