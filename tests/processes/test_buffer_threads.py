"""Many threads on one event buffer: every event accounted for, one strict order, and a watermark that is never wrong."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from flocktime import Clock, EventBuffer, Timestamp
from flocktime.events import BufferClosed, BufferEmpty, BufferFull
from flocktime.testing import ManualSource
from tests.buffers import PATIENCE_S, Running, Watched, adds_up, changed, is_ascending, together
from tests.support import NOW_US

pytestmark = pytest.mark.processes

PRODUCERS = 4
#: A million events through the fallback take minutes.
LONG_S = 1_800


@pytest.fixture(autouse=True)
def _impatient_interpreter() -> Iterator[None]:
    """Switch threads a thousand times more often than usual, to meet in the middle of things."""
    with changed(sys.getswitchinterval, sys.setswitchinterval, 0.000_005):
        yield


class Consumer:
    """Takes batches until the buffer is closed and empty, and holds each of them against all watermarks shown before.

    ``shown`` is common to all consumers: the highest watermark that any of them has seen.
    """

    def __init__(self, buffer: EventBuffer, shown: list[Timestamp], most: int | None) -> None:
        self.buffer, self.shown, self.most = buffer, shown, most
        self.batches: list[list[tuple[Timestamp, Any]]] = []

    def __call__(self) -> list[list[tuple[Timestamp, Any]]]:
        while True:
            promised = self.shown[0]
            try:
                batch = [self.buffer.pop(timeout=PATIENCE_S)] if self.most == 1 else self.buffer.drain(self.most)
            except BufferClosed:
                return self.batches
            if batch:
                assert batch[0][0] > promised, "an event at or below a watermark that was shown before"
                assert is_ascending(batch)
                self.batches.append(batch)
            elif self.buffer.closed and not len(self.buffer):
                return self.batches
            watermark = self.buffer.watermark
            assert watermark is not None
            assert watermark >= promised, "the watermark has gone back"
            self.shown[0] = max(self.shown[0], watermark)


def _producer(buffer: EventBuffer, number: int, count: int, batch: int) -> Callable[[], tuple[int, int]]:
    """Pushes so many events of its own; returns how many went in and how many were refused."""

    def run() -> tuple[int, int]:
        refused, last = 0, Timestamp.MIN
        for first in range(0, count, batch):
            try:
                if batch == 1:
                    stamped = buffer.push((number, first), timeout=PATIENCE_S)
                    assert stamped > last
                    last = stamped
                else:
                    buffer.push_many([(number, each) for each in range(first, first + batch)], timeout=PATIENCE_S)
            except BufferFull as refusal:
                assert refusal.events[-1] == (number, first + batch - 1)
                refused += len(refusal.events)
        return count - refused, refused

    return run


def _run(buffer: EventBuffer, count: int, batch: int, consumers: list[int | None]) -> None:
    shown = [Timestamp.MIN]
    taking = [Running(Consumer(buffer, shown, most)) for most in consumers]
    producers = [_producer(buffer, number, count, batch) for number in range(PRODUCERS)]
    results = together(*producers, patience_s=LONG_S)
    buffer.close()
    batches = [each.result(LONG_S) for each in taking]
    pushed, refused = (sum(column) for column in zip(*results, strict=True))

    stats = buffer.stats()
    assert adds_up(buffer)
    assert (stats.pushed, stats.rejected, stats.inside) == (PRODUCERS * count, refused, 0)
    assert stats.drained + stats.dropped == pushed
    for each in batches:
        assert is_ascending([pair for batch in each for pair in batch]), "a consumer's batches are out of order"
    # However the consumers shared them, it is one sequence in which each producer's events are in its own order, each once.
    everything = sorted(pair for each in batches for batch in each for pair in batch)
    assert len(everything) == stats.drained
    assert is_ascending(everything)
    last = dict.fromkeys(range(PRODUCERS), -1)
    for _, (producer, number) in everything:
        assert number > last[producer]
        last[producer] = number
    if stats.dropped == refused == 0:
        assert Counter(producer for _, (producer, _) in everything) == dict.fromkeys(range(PRODUCERS), count)


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest", "block"])
@pytest.mark.parametrize("consumers", [[None], [1], [7, 1, None]], ids=["one drains", "one pops", "three of all kinds"])
@pytest.mark.parametrize("batch", [1, 20])
def test_every_event_is_accounted_for(overflow: Any, consumers: list[int | None], batch: int, campaign: bool) -> None:
    """Four producers, 2,000 events each (250,000 in a campaign), and consumers: nothing is lost, doubled or out of order."""
    source = ManualSource(NOW_US) if batch == 1 else None
    buffer = EventBuffer(64, overflow=overflow, clock=Clock(node=1, source=source))
    _run(buffer, 250_000 if campaign else 2_000, batch, consumers)


def test_a_clock_in_common() -> None:
    """Others that stamp on the buffer's clock at the same time get timestamps between those of the events, none twice."""
    clock = Clock(node=1, source=ManualSource(NOW_US))
    buffer = EventBuffer(10_000, clock=clock)

    def stamp() -> list[Timestamp]:
        return [clock.now() for _ in range(1_000)]

    def push() -> list[Timestamp]:
        return [buffer.push(None) for _ in range(1_000)]

    issued = together(push, stamp, push, stamp)
    for each in issued:
        assert all(a < b for a, b in pairwise(each))
    assert len({timestamp for each in issued for timestamp in each}) == 4_000
    assert [timestamp for timestamp, _ in buffer.drain()] == sorted(issued[0] + issued[2])


def test_given_timestamps_by_threads() -> None:
    """With ``max_delay`` a watermark is never wrong either, whatever producers on time bring, and what is late is refused."""
    buffer = EventBuffer(256, overflow="block", max_delay=0.001)
    clock = buffer.clock

    def produce() -> int:
        late = 0
        for number in range(1_000):
            try:
                buffer.push(number, clock.now() if number % 10 else Timestamp(NOW_US // 2), timeout=PATIENCE_S)
            except ValueError:
                late += 1
        return late

    def consume() -> int:
        taken, promised = 0, Timestamp.MIN
        while not (buffer.closed and not len(buffer)):
            batch = buffer.drain(100)
            assert all(timestamp > promised for timestamp, _ in batch)
            taken += len(batch)
            watermark = buffer.watermark
            assert watermark is not None
            assert watermark >= promised
            promised = watermark
        return taken

    buffer.watermark  # noqa: B018  # from here on something is promised
    consumer = Running(consume)
    late = sum(together(*[produce] * PRODUCERS))
    buffer.close()
    assert consumer.result() + late == PRODUCERS * 1_000
    assert late >= PRODUCERS * 100
    assert buffer.stats().rejected == late
    assert adds_up(buffer)


def test_those_who_wait_are_all_served() -> None:
    """More consumers than events and more producers than room, all waiting: everybody gets one, nobody sleeps on."""
    buffer = Watched(2, overflow="block")

    def produce(number: int) -> None:
        for each in range(100):
            buffer.push((number, each), timeout=PATIENCE_S)

    def consume() -> list[Any]:
        return [buffer.pop(PATIENCE_S)[1] for _ in range(100)]

    results = together(*[lambda number=number: produce(number) for number in range(4)], *[consume] * 4)  # type: ignore[misc]
    taken = [event for each in results[4:] for event in each]
    assert sorted(taken) == [(number, each) for number in range(4) for each in range(100)]
    assert adds_up(buffer)


def test_waiting_and_giving_up() -> None:
    """Consumers whose patience is short, among others: an event that came as one gave up goes to somebody else."""
    buffer = EventBuffer(4, overflow="block")
    count = 300

    def consume(timeout: float) -> int:
        taken = 0
        while True:
            try:
                buffer.pop(timeout)
                taken += 1
            except BufferEmpty:
                continue
            except BufferClosed:
                return taken

    consumers = [Running(lambda timeout=timeout: consume(timeout)) for timeout in (0, 0.000_01, 0.000_1, PATIENCE_S)]  # type: ignore[misc]
    together(*[lambda: [buffer.push(None, timeout=PATIENCE_S) for _ in range(count)]] * 2)
    buffer.close()
    assert sum(consumer.result() for consumer in consumers) == 2 * count
    assert adds_up(buffer)


def test_closing_in_the_middle() -> None:
    """Whoever pushes while another closes either gets in or is refused; consumers get exactly those that got in."""
    for _ in range(50):
        buffer = EventBuffer(1_000)

        def produce(buffer: EventBuffer = buffer) -> int:
            for number in range(100):
                try:
                    buffer.push(number)
                except BufferClosed:
                    return number
            return 100

        *pushed, _ = together(produce, produce, buffer.close)
        assert len(buffer.drain()) == sum(pushed)
        assert adds_up(buffer)
        assert buffer.watermark == Timestamp.MAX
