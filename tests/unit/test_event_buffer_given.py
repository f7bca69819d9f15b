"""Timestamps from elsewhere: order within a batch, a watermark that trails the clock, and what comes too late."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from flocktime import EventBuffer, Timestamp
from flocktime.events import BufferClosed, BufferFull, ClockWentBack, LateEvent, OrderPromised
from tests.buffers import adds_up, by_hand, events
from tests.support import MAX_NODE, NOW_US, stamp

DELAY_US = 1_000
DELAY_S = 0.001


def test_a_given_timestamp_is_kept() -> None:
    """The push gives it back, and the event comes out with the very same one, of whatever node and epoch."""
    buffer = EventBuffer(3)
    for given in (stamp(5, 3, node=77, epoch=2), Timestamp.MIN, Timestamp.MAX):
        assert buffer.push("x", given) is given
        assert buffer.pop() == (given, "x")


@pytest.mark.parametrize("wrong", [5, "now", 1.5, b"", stamp(1).to_bytes(), Timestamp])
def test_what_is_no_timestamp(wrong: Any) -> None:
    """It is refused, and neither the event nor the order of the buffer is settled by it."""
    buffer = EventBuffer(1)
    with pytest.raises(TypeError, match=f"timestamp must be a Timestamp, not {type(wrong).__name__}"):
        buffer.push("x", wrong)
    assert buffer.stats().pushed == 0
    buffer.push("y")


def test_a_batch_is_in_order() -> None:
    """However they came, one ``drain`` gives them sorted, equal ones as they came; ``pop`` gives the oldest *push*."""
    for order in permutations([1, 2, 3, 4]):
        buffer = EventBuffer(10)
        for number in order:
            buffer.push(number, stamp(number))
            buffer.push(-number, stamp(number))
        assert events(buffer.drain()) == [1, -1, 2, -2, 3, -3, 4, -4]
        buffer.push_many(order, [stamp(number) for number in order])
        assert events([buffer.pop() for _ in order]) == list(order)


def test_there_is_no_watermark_without_a_delay() -> None:
    """Anything may still come: ``None``, until the buffer is closed and empty."""
    buffer, _ = by_hand()
    buffer.push("x", stamp(1))
    assert buffer.watermark is None
    buffer.pop()
    assert buffer.watermark is None
    buffer.close()
    assert buffer.watermark == Timestamp.MAX


def test_a_buffer_that_stamps_keeps_its_promise() -> None:
    """Once it has stamped an event or shown a watermark, a given timestamp could break the order and is refused."""
    stamping, shown = EventBuffer(3), EventBuffer(3)
    stamping.push("a")
    assert shown.watermark is not None
    for buffer in (stamping, shown):
        far = stamp(NOW_US * 2)
        with pytest.raises(OrderPromised, match=r"stamps its events itself .* make it with max_delay=") as refusal:
            buffer.push("x", far)
        assert refusal.value.events == ["x"]
        assert isinstance(refusal.value, ValueError)
        with pytest.raises(OrderPromised) as refusal:
            buffer.push_many("yz", [far, far])
        assert (refusal.value.events, refusal.value.pushed) == (["y", "z"], 0)
        assert buffer.stats().rejected == 3
        assert adds_up(buffer)


def test_stamped_events_among_given_ones() -> None:
    """A buffer whose timestamps are given may stamp some itself: one batch has all of them in order."""
    buffer, source = by_hand(5)
    buffer.push("later", stamp(NOW_US + 10))
    own = buffer.push("now")
    source.advance(20)
    buffer.push_many(["even later"])
    assert own == stamp(NOW_US, node=1)
    assert events(buffer.drain()) == ["now", "later", "even later"]


def test_the_watermark_trails_the_clock() -> None:
    """By ``max_delay``: an event that is late by as much is still taken, one that is a microsecond later is not."""
    buffer, source = by_hand(max_delay=DELAY_S)
    shown = buffer.watermark
    assert shown is not None
    assert shown < stamp(NOW_US - DELAY_US)
    assert shown > stamp(NOW_US - DELAY_US - 1)
    just, late = stamp(NOW_US - DELAY_US), stamp(NOW_US - DELAY_US - 1)
    buffer.push("just in time", just)
    with pytest.raises(
        LateEvent, match=r"is late by 0\.00000[01] s: no event up to .* was to come any more"
    ) as refusal:
        buffer.push("late", late)
    assert (refusal.value.timestamp, refusal.value.watermark, refusal.value.event) == (late, shown, "late")
    assert isinstance(refusal.value, ValueError)
    assert buffer.drain() == [(just, "just in time")]
    source.advance(500)
    assert buffer.watermark == stamp(NOW_US - DELAY_US + 499, 4095, MAX_NODE)
    assert adds_up(buffer)


def test_what_nobody_has_asked_for_is_not_promised() -> None:
    """Before the first look at the watermark nothing is late."""
    buffer, source = by_hand(max_delay=timedelta(milliseconds=1))
    buffer.push("old", stamp(1))
    source.advance(10**9)
    buffer.push("older", stamp(0))
    assert events(buffer.drain()) == ["older", "old"]


def test_the_watermark_waits_for_what_is_inside() -> None:
    """Events inside when it is asked may lie below the new bound: it is shown once they are out, and no earlier."""
    buffer, source = by_hand(max_delay=DELAY_S)
    first = buffer.watermark
    inside = stamp(NOW_US - 500)
    buffer.push("inside", inside)
    source.advance(10_000)
    assert buffer.watermark == first
    with pytest.raises(LateEvent):  # the bound for new ones is there already
        buffer.push("late", inside)
    buffer.push("in time", stamp(NOW_US + 10_000))
    assert buffer.watermark == first
    assert buffer.pop() == (inside, "inside")
    shown = buffer.watermark
    assert shown is not None
    assert stamp(NOW_US + 9_000) > shown > inside
    assert buffer.pop()[1] == "in time"


def test_a_late_event_drops_nothing() -> None:
    """It is refused before it makes room for itself, and before it waits for room."""
    for overflow in ("drop_oldest", "block"):
        buffer, _ = by_hand(1, overflow=overflow, max_delay=0)
        assert buffer.watermark is not None
        buffer.push("kept", stamp(NOW_US))
        with pytest.raises(LateEvent):
            buffer.push("late", stamp(NOW_US - 1), timeout=0)
        assert events(buffer.drain()) == ["kept"]
        assert (buffer.stats().dropped, buffer.stats().rejected) == (0, 1)


def test_no_delay_at_all() -> None:
    """``max_delay=0``: what lies below the time of the last look is late."""
    buffer, source = by_hand(max_delay=0)
    shown = buffer.watermark
    assert shown is not None
    assert shown < stamp(NOW_US)
    buffer.push("now", stamp(NOW_US))
    source.advance(1)
    buffer.drain()
    assert buffer.watermark == stamp(NOW_US, 4095, MAX_NODE)
    with pytest.raises(LateEvent):
        buffer.push("late", stamp(NOW_US, 4095))


def test_a_delay_beyond_the_beginning_of_time() -> None:
    """A clock of 1970 has nothing to promise yet: there is no watermark, and nothing is late."""
    buffer, source = by_hand(max_delay=3600)
    source.set(0)
    buffer.clock.reset("1970")
    assert buffer.watermark is None
    buffer.push("first", stamp(0))
    assert buffer.pop() == (stamp(0), "first")


def test_another_epoch_is_no_number_of_seconds() -> None:
    """An event of an older epoch is late, and the message does not say by how much."""
    buffer, _ = by_hand(max_delay=1)
    buffer.clock.advance_epoch("a test", force=True)
    assert buffer.watermark is not None
    with pytest.raises(LateEvent, match=r"is late: no event up to 00001_"):
        buffer.push("x", stamp(NOW_US + 10**9))
    buffer.push("y", stamp(NOW_US, epoch=1))


def test_the_bound_holds_for_full_buffers_too() -> None:
    """What does not fit is ``BufferFull``, what is late ``LateEvent``, whether it fits or not; closed is closed."""
    buffer, _ = by_hand(1, max_delay=DELAY_S)
    assert buffer.watermark is not None
    buffer.push("x", stamp(NOW_US))
    with pytest.raises(BufferFull):
        buffer.push("y", stamp(NOW_US))
    with pytest.raises(LateEvent):
        buffer.push("z", stamp(1))
    buffer.close()
    for given in (stamp(NOW_US), stamp(1)):
        with pytest.raises(BufferClosed):
            buffer.push("w", given)
    assert buffer.stats().rejected == 4
    assert buffer.pop()[1] == "x"


def test_a_clock_that_was_reset() -> None:
    """Its timestamps may lie below those that came out: the buffer refuses to stamp until they do not, and shows no watermark."""
    buffer, source = by_hand(5)
    last = buffer.push("before")
    source.step_back(10)
    now = buffer.clock.reset("a test")
    assert now < last
    for call in (lambda: buffer.push("x"), lambda: buffer.push_many("xy")):
        with pytest.raises(ClockWentBack, match=r"the clock was reset: its .* does not lie above") as refusal:
            call()
        assert refusal.value.event == "x"
        assert refusal.value.timestamp is not None
        assert now < refusal.value.timestamp < last
        assert refusal.value.last == stamp(NOW_US, node=now.node)
    assert buffer.pop() == (last, "before")
    with pytest.raises(ClockWentBack) as refusal:
        _ = buffer.watermark
    assert refusal.value.events == []
    source.advance(11)
    assert buffer.push("after") > last
    assert buffer.stats().rejected == 3
    assert adds_up(buffer)
