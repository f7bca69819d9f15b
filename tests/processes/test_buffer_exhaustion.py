"""A buffer at the end of the stack and of memory: nothing is lost, and nobody sleeps on because of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flocktime import BACKEND, EventBuffer
from flocktime.events import BufferClosed, BufferEmpty
from tests.buffers import Running, adds_up, events
from tests.support import environment

pytestmark = pytest.mark.processes


def depths() -> Iterator[int]:
    """From where a call fits below the limit to where it does not."""
    limit = sys.getrecursionlimit()
    return iter(range(limit - 80, limit))


def below(depth: int, call: Callable[[], Any]) -> Any:
    """What it returns at that depth of the stack."""
    return call() if depth == 0 else below(depth - 1, call)


def at_the_end_of_the_stack(call: Callable[[], Any]) -> Iterator[tuple[bool, Any]]:
    """Whether it was done, and what it returned, at each depth. On a stack of its own, so that the depth is known."""
    for depth in depths():
        try:
            yield True, below(depth, call)
        except (RecursionError, BufferEmpty):
            yield False, None


def of_another_loop(wait: Callable[[], Any]) -> Running:
    """A task in another thread that waits: calling it takes Python, and that some of the stack."""
    return Running(lambda: asyncio.run(wait()))


def test_what_is_pushed_at_the_end_of_the_stack_is_taken_out() -> None:
    """A push either raises and has taken nothing in, or it has; and the task that waits gets everything that has come in."""
    buffer, pushed, taken = EventBuffer(1000), list[Any](), list[Any]()

    async def consume() -> None:
        async for batch in buffer.batches(linger=0):
            taken.extend(events(batch))

    consumer = of_another_loop(consume)
    for number, (done, _) in enumerate(at_the_end_of_the_stack(lambda: buffer.push(len(pushed)))):
        if done:
            pushed.append(len(pushed))
        assert buffer.stats().pushed - buffer.stats().rejected == len(pushed), number
    assert 0 < len(pushed) < len(list(depths()))
    buffer.push("last")
    buffer.close()
    consumer.result()
    assert taken == [*pushed, "last"]


@pytest.mark.parametrize("how", ["drain", "pop"])
def test_what_is_taken_out_at_the_end_of_the_stack_is_handed_out(how: str) -> None:
    """A call either raises and has taken nothing out, or hands it out; and the task that waits for room gets it."""
    buffer = EventBuffer(1, overflow="block")
    taken: list[Any] = []

    async def produce() -> None:
        for number in range(30):
            await buffer.push_async(number)

    producer = of_another_loop(produce)
    call = buffer.drain if how == "drain" else lambda: [buffer.pop(0)]
    while producer.is_alive():
        for done, batch in at_the_end_of_the_stack(call):
            taken += events(batch) if done else []
            assert buffer.stats().drained == len(taken)
            if len(taken) == 30:
                break
        taken += events(buffer.drain())  # calls the producer, where there was no stack to
    producer.result()
    taken += events(buffer.drain())
    assert taken == list(range(30))
    assert adds_up(buffer)


def test_close_at_the_end_of_the_stack_wakes_everybody_or_says_so() -> None:
    """A thread and a task that wait are woken by the first ``close`` that does not raise."""
    for depth in depths():
        buffer = EventBuffer(1)
        waiting = [of_another_loop(buffer.pop_async), Running(buffer.pop)]
        try:
            below(depth, buffer.close)
        except RecursionError:
            buffer.close()
        for each in waiting:
            with pytest.raises(BufferClosed):
                each.result()


OUT_OF_MEMORY = """
import resource
from flocktime import EventBuffer

def limit(room):
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room, resource.RLIM_INFINITY))

count = 1 << 20
buffer = EventBuffer(count)
buffer.push_many(range(count))
limit(1 << 22)
for refused in (lambda: EventBuffer(1 << 24), buffer.drain):
    try:
        refused()
    except MemoryError as error:
        print("MemoryError", len(buffer) == count)
limit(1 << 30)
print(len(buffer.drain()) == count, buffer.stats().drained == count)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set by what Linux says of the process")
@pytest.mark.skipif(BACKEND == "pure", reason="the pure backend takes its memory as events come")
def test_without_memory_events_stay_inside() -> None:
    """A buffer that does not fit is refused, and so is a batch, which then is still inside."""
    child = subprocess.run(
        [sys.executable, "-c", OUT_OF_MEMORY],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (child.stdout, child.stderr) == ("MemoryError True\nMemoryError True\nTrue True\n", "")
