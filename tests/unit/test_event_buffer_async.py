"""Event buffers and ``asyncio``: the loop runs on, batches gather what comes, and nothing is lost by a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from flocktime import EventBuffer, Timestamp
from flocktime.events import BufferClosed, BufferEmpty, BufferFull
from tests.buffers import PATIENCE_S, Running, Watched, adds_up, events, is_ascending

pytestmark = pytest.mark.processes


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """In a loop of its own, and not for ever."""
    return asyncio.run(asyncio.wait_for(main(), PATIENCE_S))


async def until(holds: Callable[[], bool]) -> None:
    """Let the others run until it is true."""
    while not holds():
        await asyncio.sleep(0)


class Counted(EventBuffer):
    """Counts how often somebody has begun to wait."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.waits = 0

    def _watch(self, *arguments: Any) -> None:
        super()._watch(*arguments)
        self.waits += 1


# One event.


def test_a_task_waits_for_an_event() -> None:
    """While it waits other tasks run, and one of them may push it."""
    buffer = Counted(5)

    async def main() -> None:
        popping = asyncio.create_task(buffer.pop_async())
        await until(lambda: buffer.waits > 0)
        assert not popping.done()
        stamped = buffer.push("x")
        assert await popping == (stamped, "x")
        buffer.push("there already")
        assert (await buffer.pop_async(timeout=0))[1] == "there already"

    run(main)


def test_a_thread_wakes_a_task() -> None:
    """A push by another thread reaches the loop, also one that sleeps."""
    buffer = Watched(5)

    def push() -> None:
        for number in range(5):
            buffer.until_somebody_waits()
            buffer.push(number)

    producer = Running(push)

    async def main() -> list[Any]:
        return [(await buffer.pop_async(PATIENCE_S))[1] for _ in range(5)]

    assert run(main) == [0, 1, 2, 3, 4]
    producer.result()


@pytest.mark.parametrize("timeout", [0, 0.002, timedelta(milliseconds=1)])
def test_time_is_over(timeout: Any) -> None:
    """A task waits no longer than it was told, for an event or for room."""
    buffer = EventBuffer(1, overflow="block")

    async def main() -> None:
        with pytest.raises(BufferEmpty) as nothing:
            await buffer.pop_async(timeout)
        assert nothing.value.waited >= 0
        buffer.push("inside")
        with pytest.raises(BufferFull) as refusal:
            await buffer.push_async("x", timeout=timeout)
        assert (refusal.value.event, refusal.value.capacity) == ("x", 1)

    run(main)
    assert buffer.stats().rejected == 1
    assert adds_up(buffer)


def test_a_task_waits_for_room() -> None:
    """With ``block`` it goes on when there is some; with the other policies it never waits."""
    buffer = Counted(1, overflow="block")

    async def main() -> None:
        first = await buffer.push_async("a")
        pushing = asyncio.create_task(buffer.push_async("b"))
        await until(lambda: buffer.waits > 0)
        assert buffer.pop() == (first, "a")
        assert await pushing > first
        assert buffer.pop()[1] == "b"
        given = Timestamp(1)
        other = EventBuffer(1)
        assert await other.push_async("c", given) == given
        with pytest.raises(BufferFull):
            await other.push_async("d", given)
        dropping = EventBuffer(1, overflow="drop_oldest")
        await dropping.push_async("e")
        await dropping.push_async("f")
        assert events(dropping.drain()) == ["f"]

    run(main)


def test_closing_wakes_tasks() -> None:
    """Those that wait for events and those that wait for room."""
    empty, full = Counted(1), Counted(1, overflow="block")

    async def main() -> None:
        full.push("inside")
        tasks = [asyncio.create_task(empty.pop_async()), asyncio.create_task(full.push_async("x"))]
        await until(lambda: empty.waits + full.waits >= 2)
        empty.close()
        full.close()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, BufferClosed)

    run(main)


@pytest.mark.parametrize("wrong", [-1, float("nan"), "1", True])
def test_wrong_timeouts(wrong: Any) -> None:
    """They are refused before anything is waited for or pushed."""
    buffer = EventBuffer(1)

    async def main() -> None:
        for call in (lambda: buffer.pop_async(wrong), lambda: buffer.push_async("x", timeout=wrong)):
            with pytest.raises((ValueError, TypeError), match="timeout must"):
                await call()

    run(main)
    assert buffer.stats().pushed == 0
    for linger in (-1, float("nan"), "1", True, None):
        with pytest.raises((ValueError, TypeError), match="linger must"):
            buffer.batches(linger=linger)  # type: ignore[arg-type]
    for most in (0, -1, 1.5, "1", True, None):
        with pytest.raises((ValueError, TypeError), match="max must"):
            buffer.batches(max=most)  # type: ignore[arg-type]


# Batches.


def test_batches_take_what_is_there() -> None:
    """As much as is there, at most ``max``; the iteration ends when the buffer is closed and empty, lingering or not."""

    async def main() -> None:
        for linger in (0, 0.001, timedelta(seconds=PATIENCE_S)):
            buffer = EventBuffer(100)
            buffer.push_many(range(10))
            buffer.close()
            batches = [batch async for batch in buffer.batches(max=4, linger=linger)]
            assert [events(batch) for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
            assert is_ascending([pair for batch in batches for pair in batch])

    run(main)


def test_a_batch_lingers_for_more() -> None:
    """After its first event it waits until it is full, or as many are inside as fit."""

    async def main() -> None:
        for most, capacity, count in [(5, 100, 5), (1_000, 7, 7)]:
            buffer = Counted(capacity)
            batches = buffer.batches(max=most, linger=PATIENCE_S)
            batch = asyncio.create_task(anext(batches))
            await until(lambda buffer=buffer: buffer.waits == 1)
            for number in range(count):
                assert not batch.done()
                buffer.push(number)
                await until(lambda buffer=buffer: buffer.waits >= 2)
            assert events(await batch) == list(range(count))
            await batches.aclose()

    run(main)


def test_a_batch_does_not_linger_for_ever() -> None:
    """When the time is over it is handed out as it is, and when the buffer is closed at once."""
    buffer = Counted(100)

    async def main() -> None:
        batches = buffer.batches(linger=0.001)
        buffer.push("a")
        assert events(await anext(batches)) == ["a"]
        patient = buffer.batches(linger=PATIENCE_S)
        buffer.push("b")
        waits = buffer.waits
        batch = asyncio.create_task(anext(patient))
        await until(lambda: buffer.waits > waits)
        buffer.close()
        assert events(await batch) == ["b"]
        with pytest.raises(StopAsyncIteration):
            await anext(patient)

    run(main)


def test_many_producers_and_batches() -> None:
    """Threads push, a task takes batches: everything arrives once, in the order of the timestamps."""
    buffer = EventBuffer(64, overflow="block")

    def produce(number: int) -> None:
        for each in range(500):
            buffer.push((number, each), timeout=PATIENCE_S)

    async def main() -> list[Any]:
        producers = [Running(lambda number=number: produce(number)) for number in range(3)]  # type: ignore[misc]
        pairs: list[Any] = []
        async for batch in buffer.batches(max=50, linger=0.000_5):
            assert 0 < len(batch) <= 50
            pairs += batch
            if len(pairs) == 1_500:
                buffer.close()
        for producer in producers:
            producer.result()
        return pairs

    pairs = run(main)
    assert is_ascending(pairs)
    for number in range(3):
        assert [each for sender, each in events(pairs) if sender == number] == list(range(500))
    assert adds_up(buffer)


# Cancellation.


def test_a_cancelled_task_has_taken_nothing() -> None:
    """Wherever it is met: before it is woken, or after, by the very event that it was woken for."""
    buffer = Counted(5)

    async def main() -> None:
        for is_woken in (False, True):
            popping = asyncio.create_task(buffer.pop_async())
            waits = buffer.waits
            await until(lambda waits=waits: buffer.waits > waits)  # type: ignore[misc]
            if is_woken:
                buffer.push("x")
            popping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await popping
        assert len(buffer) == 1
        assert buffer.pop()[1] == "x"

    run(main)


def test_a_cancelled_task_passes_the_call_on() -> None:
    """Woken and cancelled at once, it leaves the event to the next one that waits, be it a task or a thread."""
    buffer = Watched(5)

    async def main() -> Any:
        first = asyncio.create_task(buffer.pop_async())
        await asyncio.sleep(0)
        buffer.until_somebody_waits()
        thread = Running(buffer.pop)
        buffer.until_somebody_waits()
        second = asyncio.create_task(buffer.pop_async())
        await asyncio.sleep(0)
        buffer.push("x")
        first.cancel()
        await asyncio.wait([first])
        assert thread.result()[1] == "x"
        buffer.push("y")
        return (await second)[1]

    assert run(main) == "y"


def test_a_cancelled_batch_loses_nothing() -> None:
    """While it waits for its first event, and while it lingers: its events stay inside, and others that wait are told."""

    async def main() -> None:
        for is_lingering in (False, True):
            buffer = Counted(10)
            batch = asyncio.create_task(anext(buffer.batches(linger=PATIENCE_S)))
            await until(lambda buffer=buffer: buffer.waits == 1)
            popping = asyncio.create_task(buffer.pop_async())
            await until(lambda buffer=buffer: buffer.waits == 2)
            buffer.push("x")  # calls the batch
            if is_lingering:
                await until(lambda buffer=buffer: buffer.waits == 4)  # for the first event twice, and now for more
                assert not popping.done()
            batch.cancel()
            await asyncio.wait([batch])
            assert batch.cancelled()
            assert (await popping)[1] == "x"
            assert adds_up(buffer)

    run(main)


def test_a_cancelled_push_has_pushed_nothing() -> None:
    """It is neither inside nor counted, and somebody else gets the room."""
    buffer = Counted(1, overflow="block")

    async def main() -> None:
        buffer.push("a")
        pushing = [asyncio.create_task(buffer.push_async(name)) for name in ("b", "c")]
        await until(lambda: buffer.waits == 2)
        buffer.pop()  # calls the first one
        pushing[0].cancel()
        await asyncio.wait(pushing)
        assert pushing[0].cancelled()
        assert events(buffer.drain()) == ["c"]

    run(main)
    assert buffer.stats().pushed == 2
    assert adds_up(buffer)


# Several loops.


def test_two_loops_in_two_threads() -> None:
    """Each wakes the other's tasks: a ball goes to and fro between two buffers."""
    there, back = EventBuffer(1), EventBuffer(1)

    async def play(mine: EventBuffer, other: EventBuffer, begins: bool) -> int:
        if begins:
            other.push(0)
        while True:
            try:
                _, ball = await mine.pop_async(PATIENCE_S)
            except BufferClosed:
                return ball
            if ball == 300:
                mine.close()
                other.close()
                return int(ball)
            other.push(ball + 1)

    def in_loop(*arguments: Any) -> Callable[[], int]:
        return lambda: int(asyncio.run(play(*arguments)))

    players = [Running(in_loop(there, back, True)), Running(in_loop(back, there, False))]
    assert sorted(player.result() for player in players) == [299, 300]


def test_a_loop_that_is_gone_breaks_nothing() -> None:
    """A loop that was closed while a task of it waited is passed over: the push goes on, and the next one is woken."""
    buffer = Watched(5)
    loop = asyncio.new_event_loop()
    abandoned = loop.create_task(buffer.pop_async())
    loop.run_until_complete(asyncio.sleep(0))
    buffer.until_somebody_waits()
    loop.close()
    consumer = Running(buffer.pop)
    buffer.until_somebody_waits()
    buffer.push("x")
    assert consumer.result()[1] == "x"
    abandoned._log_destroy_pending = False  # type: ignore[attr-defined]  # as is meant here
    coroutine = abandoned.get_coro()
    assert coroutine is not None
    coroutine.close()  # nobody else ends it
