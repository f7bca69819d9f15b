"""Event buffers and the garbage collector: what nobody else needs is collected, what is inside is kept, nothing leaks."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, EventBuffer, Timestamp
from flocktime.events import BufferClosed, BufferEmpty, BufferFull, OrderPromised
from tests.buffers import changed, events, is_ascending
from tests.processes.children import forked

pytestmark = pytest.mark.processes


class Thing:
    """An event that can be referred to weakly, and refer to anything."""

    def __init__(self, *others: Any) -> None:
        self.others = others


@pytest.fixture(autouse=True)
def _by_hand() -> Iterator[None]:
    """Nothing is collected but by the test itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


CYCLES: dict[str, Callable[[EventBuffer, Thing], Any]] = {
    "pushed": lambda buffer, thing: buffer.push(thing),
    "with a timestamp": lambda buffer, thing: buffer.push(thing, Timestamp(1)),
    "one of many": lambda buffer, thing: buffer.push_many([1, thing, 2]),
    "in a list": lambda buffer, thing: buffer.push([[thing]]),
    "a bound method": lambda buffer, thing: (buffer.push((buffer.push, thing)), buffer.push(lambda: thing)),
    "waiting for events": lambda buffer, thing: buffer._watch("items", 1, lambda: thing),
    "waiting for room": lambda buffer, thing: buffer._watch("room", 1, lambda: thing),
    "after laps": lambda buffer, thing: ([buffer.push(1) and buffer.pop() for _ in range(25)], buffer.push(thing)),
    "closed": lambda buffer, thing: (buffer.push(thing), buffer.close()),
}


@pytest.mark.parametrize("how", CYCLES)
def test_a_cycle_through_a_buffer_is_collected(how: str) -> None:
    """An event, or somebody who waits, that refers to the buffer: both go when nobody else needs them, and not before."""
    buffer = EventBuffer(10)
    thing = Thing(buffer)
    references = weakref.ref(buffer), weakref.ref(thing)
    CYCLES[how](buffer, thing)
    del thing
    gc.collect()
    assert all(reference() is not None for reference in references), "it is in use"
    del buffer
    gc.collect()
    assert all(reference() is None for reference in references), "nobody needs it"


def test_a_cycle_through_the_clock_is_collected() -> None:
    """The clock's source may refer to the buffer."""

    class Source(Thing):
        def __call__(self) -> int:
            return 10**18

    source = Source()
    buffer = EventBuffer(5, clock=Clock(source=source))
    source.others = (buffer,)
    buffer.push(source)
    reference = weakref.ref(buffer)
    del buffer, source
    gc.collect()
    assert reference() is None


def test_buffers_in_buffers_are_collected() -> None:
    """Also in a ring of them, and in a long chain."""
    ring = [EventBuffer(2) for _ in range(10)]
    for number, buffer in enumerate(ring):
        ring[number - 1].push(buffer)
    chain = [EventBuffer(1)]
    for _ in range(20_000):
        chain.append(EventBuffer(1))
        chain[-1].push(chain[-2])
    references = [weakref.ref(ring[0]), weakref.ref(chain[0])]
    last = chain[-1]
    del ring, chain, buffer
    gc.collect()
    assert references[0]() is None
    assert references[1]() is not None
    del last
    gc.collect()
    assert references[1]() is None


def test_what_is_inside_survives() -> None:
    """Events that nobody else refers to are not collected, whatever cycles they are in, and come out whole."""
    buffer = EventBuffer(100)
    for number in range(100):
        thing = Thing(number)
        thing.others = (thing, number)
        buffer.push(thing)
    del thing
    for _ in range(3):
        gc.collect()
    assert [thing.others[1] for thing in events(buffer.drain())] == list(range(100))


def test_collections_in_the_middle() -> None:
    """One at nearly every allocation: nothing is lost, and the order holds."""
    gc.enable()
    with changed(gc.get_threshold, gc.set_threshold, 1, 1, 1):
        buffer = EventBuffer(16)
        taken = []
        for number in range(300):
            buffer.push(Thing([number]))
            buffer.push_many([Thing([number])] * (number % 5))
            if number % 3 == 0:
                taken += buffer.drain()
                buffer.push(number)
                taken.append(buffer.pop())
        taken += buffer.drain()
    assert is_ascending(taken)
    assert len(taken) == buffer.stats().drained == buffer.stats().pushed


def test_events_are_let_go() -> None:
    """As soon as they were taken out, dropped, refused or came to their end with the buffer: each reference is given back."""
    thing = object()
    count = sys.getrefcount(thing)
    buffer = EventBuffer(2, overflow="drop_oldest")
    for _ in range(10):
        buffer.push(thing)
    assert sys.getrefcount(thing) == count + 2
    buffer.pop()
    assert sys.getrefcount(thing) == count + 1
    buffer.push_many([thing] * 7)
    buffer.drain()
    assert sys.getrefcount(thing) == count
    full = EventBuffer(2)
    full.push_many([thing, thing])
    with pytest.raises(BufferFull):
        full.push(thing)
    with pytest.raises(BufferFull):
        full.push_many([thing] * 3)
    with pytest.raises(OrderPromised):
        full.push(thing, Timestamp(1))
    full.close()
    with pytest.raises(BufferClosed):
        full.push(thing)
    assert sys.getrefcount(thing) == count + 2
    del full
    assert sys.getrefcount(thing) == count


def test_nothing_leaks(tmp_path: Path) -> None:
    """After 100,000 events through every way in and out, as much memory is in use as before, but for a few blocks.

    In a child: it has one thread, so that nobody else takes or gives back memory meanwhile, as threads that earlier
    tests left behind may.
    """
    [(blocks, drained)] = forked([_blocks_left_over], tmp_path)
    assert abs(blocks) < 20
    assert drained == 9 * 10_100


def _blocks_left_over() -> tuple[int, int]:
    """How many blocks of memory 10,000 cycles leave, and how many events they took out of the first buffer."""
    buffer = EventBuffer(64)
    blocking = EventBuffer(1, overflow="block")
    given, own = EventBuffer(64, max_delay=1), Timestamp(5)

    def cycle(times: int) -> None:
        for _ in range(times):
            buffer.push("x")
            buffer.pop()
            buffer.push_many("abcdefgh")
            buffer.drain(3)
            buffer.drain()
            buffer.watermark, buffer.stats(), repr(buffer)
            given.push("y", own)
            given.drain()
            blocking.push("z")
            for call in (
                lambda: blocking.push("z", timeout=0),
                lambda: buffer.pop(timeout=0),
                lambda: buffer.push("x", 5),
            ):
                with suppress(BufferFull, BufferEmpty, TypeError):
                    call()  # type: ignore[no-untyped-call]
            blocking.pop()
            EventBuffer(3).push("gone with it")

    cycle(100)
    gc.collect()
    before = sys.getallocatedblocks()
    cycle(10_000)
    gc.collect()
    return sys.getallocatedblocks() - before, buffer.stats().drained
