"""An event buffer as one thread sees it: what goes in comes out, in order, and is accounted for."""

from __future__ import annotations

import copy
import pickle
import weakref
from itertools import pairwise
from typing import Any

import pytest

import flocktime
from flocktime import Clock, EventBuffer, Timestamp
from flocktime.events import BufferClosed, BufferEmpty, BufferFull, BufferStats, EventBufferError
from tests.buffers import adds_up, by_hand, events, is_ascending
from tests.support import NOW_US, stamp


def test_what_is_pushed_is_popped() -> None:
    """A push gives the timestamp that the event comes out with, and the event comes out as the same object."""
    buffer = EventBuffer(3)
    thing = object()
    stamped = buffer.push(thing)
    assert isinstance(stamped, Timestamp)
    assert stamped.node == buffer.clock.node
    timestamp, event = buffer.pop()
    assert (timestamp, event) == (stamped, thing)
    assert event is thing


def test_the_clock_stamps_in_order() -> None:
    """Timestamps of the buffer and others of its clock are one ascending sequence, also while time stands still or goes back."""
    buffer, source = by_hand(100)
    issued = []
    for step in range(30):
        issued += [buffer.push(step), buffer.clock.now()]
        source.step_back(10) if step % 3 else source.advance(5)
    assert all(a < b for a, b in pairwise(issued))
    assert [timestamp for timestamp, _ in buffer.drain()] == issued[::2]


def test_a_buffer_has_a_clock() -> None:
    """Its own, unless it was given one."""
    own, clock = EventBuffer(1), Clock(name="shared")
    assert isinstance(own.clock, Clock)
    assert own.clock is own.clock
    assert EventBuffer(1, clock=clock).clock is clock
    assert own.clock.node != EventBuffer(1).clock.node


def test_drain_takes_what_is_there() -> None:
    """All of it, or as much as was asked for, oldest first; of nothing it is an empty list."""
    buffer = EventBuffer(10)
    assert buffer.drain() == []
    for number in range(7):
        buffer.push(number)
    assert buffer.drain(0) == []
    batches = [buffer.drain(3), buffer.drain(max=1), buffer.drain(100), buffer.drain()]
    assert [events(batch) for batch in batches] == [[0, 1, 2], [3], [4, 5, 6], []]
    assert is_ascending([pair for batch in batches for pair in batch])


def test_any_object_is_an_event() -> None:
    """Also ``None``, a tuple, a list of events, the buffer itself, and the same one twice."""
    buffer = EventBuffer(10)
    pushed: list[Any] = [None, (1, 2), [None], buffer, buffer, NotImplemented, Ellipsis]
    for each in pushed:
        buffer.push(each)
    assert all(a is b for a, b in zip(events(buffer.drain()), pushed, strict=True))


def test_any_capacity_holds_as_much() -> None:
    """A capacity need be no power of two: so many events fit, and not one more, lap after lap."""
    for capacity in [1, 2, 3, 4, 5, 7, 8, 9, 100]:
        buffer = EventBuffer(capacity)
        for lap in range(5):
            for number in range(capacity):
                buffer.push((lap, number))
            with pytest.raises(BufferFull):
                buffer.push("one too many")
            assert events(buffer.drain()) == [(lap, number) for number in range(capacity)]
        assert adds_up(buffer)


def test_length() -> None:
    """``len`` is the number of events inside, and a buffer without any is false, as with any collection."""
    buffer = EventBuffer(5)
    assert (len(buffer), bool(buffer)) == (0, False)
    buffer.push_many("abc")
    assert (len(buffer), bool(buffer)) == (3, True)
    buffer.pop()
    assert len(buffer) == 2


# Watermark.


def test_the_watermark_of_an_empty_buffer_is_the_time() -> None:
    """Asking stamps: what is pushed later lies above."""
    buffer, source = by_hand()
    shown = buffer.watermark
    assert shown == stamp(NOW_US, node=1)
    assert buffer.push("next") > shown
    source.advance(1_000)
    buffer.drain()
    assert buffer.watermark == stamp(NOW_US + 1_000, node=1)


def test_the_watermark_of_a_buffer_with_events_is_what_was_taken_out() -> None:
    """However late it is: an event inside may be taken out any time."""
    buffer, source = by_hand()
    first, second = buffer.push("a"), buffer.push("b")
    assert buffer.watermark is not None
    assert buffer.watermark < first
    source.advance(10**9)
    assert buffer.pop()[0] == first == buffer.watermark
    assert buffer.pop()[0] == second < buffer.watermark


def test_the_watermark_of_a_closed_buffer() -> None:
    """With events inside it is as before; without any, nothing comes any more: the greatest timestamp there is."""
    buffer, _ = by_hand()
    first = buffer.push("a")
    buffer.push("b")
    buffer.pop()
    buffer.close()
    assert buffer.watermark == first
    buffer.pop()
    assert buffer.watermark == Timestamp.MAX


# Closing.


def test_a_closed_buffer_takes_nothing_in_and_gives_everything_out() -> None:
    """Pushing raises, with the event; what is inside can be taken out, and then it is said that nothing will come."""
    buffer = EventBuffer(5)
    buffer.push("a")
    assert not buffer.closed
    buffer.close()
    buffer.close()
    assert buffer.closed
    with pytest.raises(BufferClosed, match="takes no more events in") as refusal:
        buffer.push("b")
    assert (refusal.value.event, refusal.value.events, refusal.value.pushed) == ("b", ["b"], 0)
    with pytest.raises(BufferClosed) as refusal:
        buffer.push_many(["c", "d"])
    assert (refusal.value.event, refusal.value.events) == ("c", ["c", "d"])
    assert events(buffer.drain()) == ["a"]
    assert buffer.drain() == []
    for timeout in (None, 0, 5):
        with pytest.raises(BufferClosed, match="closed and empty") as end:
            buffer.pop(timeout)
        assert (end.value.event, end.value.events) == (None, [])
    assert buffer.stats().rejected == 3
    assert adds_up(buffer)


def test_a_with_block_closes() -> None:
    """Whether it ends or raises."""
    with EventBuffer(1) as buffer:
        buffer.push("x")
        assert not buffer.closed
    assert buffer.closed
    broken = EventBuffer(1)
    with pytest.raises(ZeroDivisionError), broken:
        _ = 1 / 0
    assert broken.closed


def test_iteration_ends_when_it_is_closed_and_empty() -> None:
    """A ``for`` loop gets the events as they come, those too that are pushed inside of it, and ends with the last."""
    buffer = EventBuffer(5)
    buffer.push(0)
    seen = []
    for timestamp, event in buffer:
        assert isinstance(timestamp, Timestamp)
        seen.append(event)
        if event < 10:
            buffer.push(event + 1)
        else:
            buffer.close()
    assert seen == list(range(11))
    assert list(buffer) == []


# Account and looks.


def test_the_account() -> None:
    """Every push is in it, whatever became of it, and the most that were inside at once."""
    buffer, _ = by_hand(2)
    for number in range(3):
        try:
            buffer.push(number)
        except BufferFull:
            assert number == 2
    buffer.pop()
    buffer.close()
    with pytest.raises(BufferClosed):
        buffer.push("late")
    stats = buffer.stats()
    assert isinstance(stats, BufferStats)
    assert stats.as_dict() == {
        "pushed": 4, "drained": 1, "dropped": 0, "rejected": 2, "inside": 1, "high_water": 2, "capacity": 2, "closed": True,
    }  # fmt: skip
    assert adds_up(buffer)


def test_accounts_compare() -> None:
    """Equal numbers are equal accounts; they are no keys, and show all of it."""
    buffer = EventBuffer(2)
    assert buffer.stats() == buffer.stats()
    before = buffer.stats()
    buffer.push(1)
    assert before != buffer.stats()
    assert before != before.as_dict()
    assert repr(before).startswith("BufferStats(capacity=2, closed=False, drained=0")
    with pytest.raises(TypeError, match="unhashable"):
        hash(before)


def test_high_water_is_the_most_there_ever_was() -> None:
    """It rises with what is inside, and stays."""
    buffer = EventBuffer(10)
    for count, expected in [(3, 3), (1, 3), (5, 5), (2, 5), (10, 10), (1, 10)]:
        buffer.push_many(range(count))
        assert len(buffer.drain()) == count
        assert buffer.stats().high_water == expected
    buffer.push_many(range(6))
    buffer.drain(2)
    buffer.push_many(range(6))
    assert buffer.stats().high_water == 10


def test_what_a_buffer_shows() -> None:
    """Its settings are readable and not writable, and its ``repr`` says what is inside and whether it is open."""
    buffer = EventBuffer(5, overflow="drop_oldest")
    buffer.push(1)
    assert (buffer.capacity, buffer.overflow) == (5, "drop_oldest")
    assert repr(buffer) == "<flocktime.EventBuffer 1 of 5 events, overflow='drop_oldest'>"
    buffer.close()
    assert repr(buffer) == "<flocktime.EventBuffer 1 of 5 events, overflow='drop_oldest' closed>"
    for name in ("capacity", "overflow", "clock", "closed", "watermark"):
        with pytest.raises(AttributeError):
            setattr(buffer, name, 1)


def test_nobody_else_gets_it() -> None:
    """A buffer neither pickles nor copies: events belong to one process, and each of them comes out once."""
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot pickle 'flocktime.EventBuffer' object: give the other process"):
            call(EventBuffer(1))


def test_errors_pickle() -> None:
    """With what is in them."""
    buffer = EventBuffer(1)
    buffer.push("a")
    with pytest.raises(BufferFull) as refusal:
        buffer.push_many(["b", "c"])
    again = pickle.loads(pickle.dumps(refusal.value))
    assert type(again) is BufferFull
    assert (str(again), vars(again)) == (str(refusal.value), vars(refusal.value))
    assert again.events == ["b", "c"]


def test_buffers_can_be_referred_to_weakly_and_extended() -> None:
    """A weak reference does not keep one, and a subclass may have attributes and methods of its own."""

    class Named(EventBuffer):
        def __init__(self, *_: Any, name: str = "", **__: Any) -> None:
            self.name = name

        def __new__(cls, *arguments: Any, name: str = "", **options: Any) -> Named:
            return super().__new__(cls, *arguments, **options)

    buffer = Named(5, name="mine", overflow="drop_oldest")
    buffer.push(1)
    assert (buffer.name, buffer.overflow, events(buffer.drain())) == ("mine", "drop_oldest", [1])
    reference = weakref.ref(buffer)
    assert reference() is buffer
    del buffer
    assert reference() is None
    plain = EventBuffer(1)
    with pytest.raises(AttributeError):
        plain.colour = "red"  # type: ignore[attr-defined]


def test_the_errors_are_one_family() -> None:
    """All that a buffer raises itself can be caught at once, and the family is no clock's."""
    for error in (BufferClosed, BufferEmpty, BufferFull):
        assert issubclass(error, EventBufferError)
    assert not issubclass(EventBufferError, flocktime.ClockError)


def test_what_the_clock_raises_passes_through() -> None:
    """The event is counted as refused, and the buffer goes on when the clock does."""
    failing = True

    def source() -> int:
        if failing:
            raise OSError("no time today")
        return NOW_US * 1000

    buffer = EventBuffer(3, clock=Clock(source=source))
    for call in (lambda: buffer.push(1), lambda: buffer.watermark):
        with pytest.raises(OSError, match="no time today"):
            call()
    with pytest.raises(OSError, match="no time today") as many:
        buffer.push_many([2, 3])
    assert many.value.events == [2, 3]  # type: ignore[attr-defined]
    failing = False
    buffer.push(4)
    assert events(buffer.drain()) == [4]
    assert buffer.stats().rejected == 3
    assert adds_up(buffer)


def test_a_source_that_uses_the_buffer() -> None:
    """A clock's source may push to the very buffer that asks it: both events come out, in order."""
    left = 3

    def source() -> int:
        nonlocal left
        if left:
            left -= 1
            buffer.push("inner")
        return NOW_US * 1000

    buffer = EventBuffer(10, clock=Clock(source=source))
    buffer.push("outer")
    pairs = buffer.drain()
    assert events(pairs) == ["inner"] * 3 + ["outer"]
    assert is_ascending(pairs)
    assert adds_up(buffer)
