"""What a full buffer does, under each policy, to one event and to many."""

from __future__ import annotations

import weakref
from datetime import timedelta
from typing import Any

import pytest

from flocktime import Clock, EventBuffer, Timestamp
from flocktime.events import BufferFull
from flocktime.testing import ManualSource
from tests.buffers import adds_up, by_hand, events, is_ascending
from tests.support import MAX_BATCH, NOW_US, stamp


class Thing:
    """An event that can be referred to weakly."""


# One event.


def test_reject_gives_the_event_back() -> None:
    """The error has the very event and the numbers; nothing has changed but the count."""
    buffer, _ = by_hand(2)
    buffer.push_many("ab")
    thing = Thing()
    with pytest.raises(BufferFull, match=r"^the buffer is full: it holds 2 events$") as refusal:
        buffer.push(thing)
    assert refusal.value.event is thing
    assert (refusal.value.events, refusal.value.pushed, refusal.value.capacity) == ([thing], 0, 2)
    with pytest.raises(BufferFull) as refusal:
        buffer.push(None)
    assert (refusal.value.event, refusal.value.events) == (None, [None])
    assert events(buffer.drain()) == ["a", "b"]
    assert (buffer.stats().rejected, buffer.stats().dropped) == (2, 0)
    assert adds_up(buffer)


def test_drop_oldest_makes_room() -> None:
    """The newest ones stay, in order, what was dropped is counted and let go, and nothing is refused."""
    buffer = EventBuffer(3, overflow="drop_oldest")
    first = Thing()
    reference = weakref.ref(first)
    buffer.push(first)
    del first
    for number in range(10):
        buffer.push(number)
    assert reference() is None
    pairs = buffer.drain()
    assert events(pairs) == [7, 8, 9]
    assert is_ascending(pairs)
    assert (buffer.stats().dropped, buffer.stats().rejected, buffer.stats().high_water) == (8, 0, 3)
    assert adds_up(buffer)


def test_what_was_dropped_is_behind_the_watermark() -> None:
    """It will not be taken out any more: the watermark says so."""
    buffer, _ = by_hand(1, overflow="drop_oldest")
    dropped = buffer.push("a")
    kept = buffer.push("b")
    assert buffer.watermark == dropped
    assert buffer.pop() == (kept, "b")


def test_a_dropped_event_may_push() -> None:
    """What a dropped event's end runs comes in between: the order and the account hold."""

    class Last:
        def __init__(self, words: int) -> None:
            self.words = words

        def __del__(self) -> None:
            if self.words:
                buffer.push(Last(self.words - 1))

    buffer = EventBuffer(2, overflow="drop_oldest")
    for _ in range(50):
        buffer.push(Last(3))
    while pairs := buffer.drain():  # its ends push as well
        assert is_ascending(pairs)
        del pairs
    assert buffer.stats().pushed == 200
    assert adds_up(buffer)


@pytest.mark.parametrize("timeout", [0, 0.002, timedelta(milliseconds=1)])
def test_block_refuses_when_the_time_is_over(timeout: Any) -> None:
    """Nobody takes anything out: the error has the event, and it counts as refused."""
    buffer = EventBuffer(1, overflow="block")
    buffer.push("a", timeout=timeout)
    with pytest.raises(BufferFull, match="it holds 1 events") as refusal:
        buffer.push("b", timeout=timeout)
    assert (refusal.value.event, refusal.value.capacity) == ("b", 1)
    assert buffer.stats().rejected == 1
    assert adds_up(buffer)


def test_a_timeout_is_nothing_to_the_others() -> None:
    """``reject`` and ``drop_oldest`` never wait, however long they may."""
    for overflow in ("reject", "drop_oldest"):
        buffer = EventBuffer(1, overflow=overflow)
        for number in range(3):
            try:
                buffer.push(number, timeout=None)
                buffer.push(number, timeout=1_000)
            except BufferFull:
                assert overflow == "reject"
        assert len(buffer) == 1


# Many.


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest", "block"])
def test_many_go_in_as_they_are(overflow: Any) -> None:
    """Any iterable, in its order; the timestamps of one call are consecutive, since no other event lies between."""
    buffer, _ = by_hand(6, overflow=overflow)
    assert buffer.push_many([]) == 0
    assert buffer.push_many(iter("abc")) == 3
    assert buffer.push_many({"d": 1, "e": 2}) == 2
    pairs = buffer.drain()
    assert pairs == [(stamp(NOW_US, number, 1), event) for number, event in enumerate("abcde")]
    assert buffer.stats().pushed == 5


def test_many_that_do_not_fit() -> None:
    """``reject`` takes in the first ones and gives the others back, in order."""
    buffer = EventBuffer(3)
    buffer.push("a")
    with pytest.raises(BufferFull, match="it holds 3 events") as refusal:
        buffer.push_many("bcde")
    assert (refusal.value.pushed, refusal.value.events, refusal.value.event) == (2, ["d", "e"], "d")
    with pytest.raises(BufferFull) as refusal:
        buffer.push_many("fg")
    assert (refusal.value.pushed, refusal.value.events) == (0, ["f", "g"])
    assert events(buffer.drain()) == ["a", "b", "c"]
    assert buffer.stats().rejected == 4
    assert adds_up(buffer)


def test_many_drop_the_oldest() -> None:
    """Also the first ones of the same call, where there are more than fit."""
    buffer = EventBuffer(3, overflow="drop_oldest")
    assert buffer.push_many("ab") == 2
    assert buffer.push_many("cd") == 2
    assert buffer.push_many("efghijkl") == 8
    pairs = buffer.drain()
    assert events(pairs) == ["j", "k", "l"]
    assert is_ascending(pairs)
    assert (buffer.stats().dropped, buffer.stats().rejected) == (9, 0)
    assert adds_up(buffer)


def test_many_that_wait_in_vain() -> None:
    """``block`` gives back what has not found room in time."""
    buffer = EventBuffer(3, overflow="block")
    with pytest.raises(BufferFull) as refusal:
        buffer.push_many("abcde", timeout=0.002)
    assert (refusal.value.pushed, refusal.value.events, refusal.value.event) == (3, ["d", "e"], "d")
    assert refusal.value.capacity == 3
    assert buffer.stats().rejected == 2
    assert adds_up(buffer)


def test_more_than_the_clock_reserves_at_once() -> None:
    """A call of any size goes in, in order."""
    count = MAX_BATCH + 10
    buffer = EventBuffer(count + 5)
    assert buffer.push_many(range(count)) == count
    pairs = buffer.drain()
    assert events(pairs) == list(range(count))
    assert is_ascending(pairs)


def test_an_iterable_that_fails() -> None:
    """Nothing of it is taken in: it is read before."""

    def failing() -> Any:
        yield 1
        raise ZeroDivisionError

    buffer = EventBuffer(3)
    with pytest.raises(ZeroDivisionError):
        buffer.push_many(failing())
    with pytest.raises(TypeError):
        buffer.push_many(5)  # type: ignore[arg-type]
    assert buffer.stats().pushed == 0


def test_many_with_timestamps() -> None:
    """As many timestamps as events, and nothing else; otherwise nothing is taken in."""
    buffer, _ = by_hand(4)
    given = [stamp(5), stamp(3), stamp(4)]
    wrong: list[tuple[Any, type[Exception], str]] = [
        (given[:2], ValueError, "timestamps must be as many as the events: 2 for 3"),
        ([*given, given[0]], ValueError, "timestamps must be as many as the events: 4 for 3"),
        ([given[0], None, given[1]], TypeError, "timestamps must hold Timestamp, not NoneType"),
        ([given[0], given[1], 5], TypeError, "timestamps must hold Timestamp, not int"),
        (5, TypeError, "not iterable"),
    ]
    for timestamps, error, message in wrong:
        with pytest.raises(error, match=message):
            buffer.push_many("abc", timestamps)
    assert buffer.stats().pushed == 0
    assert buffer.push_many("abc", iter(given)) == 3
    with pytest.raises(BufferFull) as refusal:
        buffer.push_many("def", timestamps=given)
    assert (refusal.value.pushed, refusal.value.events) == (1, ["e", "f"])
    assert buffer.drain() == [(stamp(3), "b"), (stamp(4), "c"), (stamp(5), "a"), (stamp(5), "d")]
    assert buffer.stats().rejected == 2
    assert adds_up(buffer)


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest", "block"])
@pytest.mark.parametrize("capacity", [1, 3, 8])
def test_lap_after_lap(overflow: Any, capacity: int) -> None:
    """However often the ring goes round, in batches that do not divide it, nothing is lost, doubled or out of order."""
    buffer = EventBuffer(capacity, overflow=overflow, clock=Clock(source=ManualSource(NOW_US)))
    last, taken, pushed = Timestamp.MIN, [], 0
    for turn in range(200):
        count = min(turn % 4, capacity - len(buffer))
        pushed += buffer.push_many(range(pushed, pushed + count))
        for timestamp, event in buffer.drain(turn % 3):
            assert timestamp > last
            last = timestamp
            taken.append(event)
            assert buffer.watermark is not None
    taken += events(buffer.drain())
    assert taken == list(range(pushed))
    assert adds_up(buffer)
