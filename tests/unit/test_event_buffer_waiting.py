"""Threads that wait for events and for room: who wakes them, and that nobody sleeps beside what he waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest

from flocktime import EventBuffer, Timestamp
from flocktime.events import BufferClosed, BufferEmpty, BufferFull
from tests.buffers import PATIENCE_S, Running, Watched, adds_up, events, is_ascending

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("timeout", [None, PATIENCE_S, timedelta(seconds=PATIENCE_S)])
@pytest.mark.parametrize("how", ["push", "given", "push_many"])
def test_a_push_wakes_a_consumer(timeout: Any, how: str) -> None:
    """Whatever way it comes in: who waits in ``pop`` gets it at once, and no sooner."""
    buffer = Watched(5)
    consumer = Running(lambda: buffer.pop(timeout))
    buffer.until_somebody_waits()
    assert consumer.is_alive()
    began = monotonic()
    {
        "push": lambda: buffer.push("x"),
        "given": lambda: buffer.push("x", Timestamp(5)),
        "push_many": lambda: buffer.push_many("x"),
    }[how]()
    assert consumer.result()[1] == "x"
    assert monotonic() - began < PATIENCE_S / 2
    assert adds_up(buffer)


def test_closing_wakes_everybody() -> None:
    """Consumers that wait learn that nothing will come, producers that wait get their events back."""
    empty, full = Watched(1), Watched(1, overflow="block")
    full.push("inside")
    consumers = [Running(empty.pop) for _ in range(3)]
    producers = [Running(lambda number=number: full.push(number)) for number in range(3)]  # type: ignore[misc]
    many = Running(lambda: full.push_many("abc"))
    empty.until_somebody_waits(3)
    full.until_somebody_waits(4)
    empty.close()
    full.close()
    for consumer in consumers:
        with pytest.raises(BufferClosed, match="closed and empty"):
            consumer.result()
    for number, producer in enumerate(producers):
        with pytest.raises(BufferClosed, match="takes no more") as refusal:
            producer.result()
        assert refusal.value.event == number
    with pytest.raises(BufferClosed) as refusal:
        many.result()
    assert (refusal.value.pushed, refusal.value.events) == (0, ["a", "b", "c"])
    assert full.stats().rejected == 6
    assert events(full.drain()) == ["inside"]
    assert adds_up(full)


def test_nothing_in_time() -> None:
    """A consumer waits for as long as it was told, and then says for how long."""
    buffer = Watched(1)
    for timeout in (0.02, timedelta(milliseconds=20)):
        began = monotonic()
        with pytest.raises(BufferEmpty) as nothing:
            buffer.pop(timeout)
        assert 0.02 <= nothing.value.waited <= monotonic() - began < PATIENCE_S


@pytest.mark.parametrize("make_room", [lambda buffer: [buffer.pop()], lambda buffer: buffer.drain(1)])
def test_room_wakes_a_producer(make_room: Callable[[Watched], Any]) -> None:
    """Who waits in ``push`` goes on as soon as an event is taken out, and its own is stamped then."""
    buffer = Watched(2, overflow="block")
    buffer.push_many("ab")
    producer = Running(lambda: buffer.push("c", timeout=PATIENCE_S))
    buffer.until_somebody_waits()
    assert len(buffer) == 2
    between = buffer.clock.now()
    taken = make_room(buffer)
    stamped = producer.result()
    assert stamped > between
    assert events([*taken, *buffer.drain()]) == ["a", "b", "c"]
    assert adds_up(buffer)


def test_more_than_fits_goes_through() -> None:
    """A ``push_many`` larger than the buffer waits again and again, and its events stay in order."""
    buffer = Watched(3, overflow="block")
    producer = Running(lambda: buffer.push_many(range(1_000), timeout=PATIENCE_S))
    pairs = [buffer.pop(PATIENCE_S) for _ in range(1_000)]
    assert producer.result() == 1_000
    assert events(pairs) == list(range(1_000))
    assert is_ascending(pairs)
    assert buffer.stats().high_water == 3
    assert adds_up(buffer)


def test_given_timestamps_wait_too() -> None:
    """One timeout is for all events of a call; what has found no room comes back."""
    buffer = Watched(2, overflow="block")
    stamps = [Timestamp(number) for number in range(5)]
    producer = Running(lambda: buffer.push_many("abcde", stamps, timeout=PATIENCE_S))
    assert events([buffer.pop(PATIENCE_S) for _ in range(5)]) == list("abcde")
    assert producer.result() == 5
    with pytest.raises(BufferFull) as refusal:
        buffer.push_many("abcde", stamps, timeout=0.01)
    assert (refusal.value.pushed, refusal.value.events) == (2, ["c", "d", "e"])
    assert adds_up(buffer)


def test_each_event_wakes_one_more() -> None:
    """As many consumers go on as there are events; the others wait on, and get the next ones."""
    buffer = Watched(10)
    consumers = [Running(buffer.pop) for _ in range(5)]
    buffer.until_somebody_waits(5)
    buffer.push_many(range(2))
    buffer.push(2)
    buffer.push_many([3, 4])
    assert sorted(consumer.result()[1] for consumer in consumers) == [0, 1, 2, 3, 4]
    assert len(buffer) == 0


def test_waiting_does_not_hold_the_interpreter() -> None:
    """While consumers and producers wait, other threads run Python code, for which the waiting ones need nothing to happen."""
    empty, full = Watched(1), Watched(1, overflow="block")
    full.push("inside")
    waiting = [Running(empty.pop), Running(lambda: full.push("x"))]
    empty.until_somebody_waits()
    full.until_somebody_waits()
    counted = Running(lambda: sum(range(100_000)))
    assert counted.result() == 4_999_950_000
    assert all(thread.is_alive() for thread in waiting)
    empty.push("y")
    full.pop()
    for thread in waiting:
        thread.result()


def test_who_goes_away_passes_the_call_on() -> None:
    """A consumer that is woken and then leaves with nothing, for it was interrupted, wakes the next one."""

    class Interrupted(Watched):
        interrupting = False

        def _unwatch(self, *arguments: Any) -> bool:
            still_there = super()._unwatch(*arguments)
            if self.interrupting and threading.current_thread() is first:
                raise KeyboardInterrupt
            return still_there

        def _try_pop(self) -> Any:
            if self.interrupting and threading.current_thread() is first:
                raise KeyboardInterrupt
            return super()._try_pop()

    buffer = Interrupted(5)
    first = Running(buffer.pop)
    buffer.until_somebody_waits()
    second = Running(buffer.pop)
    buffer.until_somebody_waits()
    buffer.interrupting = True
    buffer.push("x")  # calls the first one
    with pytest.raises(KeyboardInterrupt):
        first.result()
    assert second.result()[1] == "x"


def test_iteration_waits() -> None:
    """A ``for`` loop in a thread of its own gets all events as they come, and ends when the buffer is closed."""
    buffer = Watched(5)
    consumer = Running(lambda: [event for _, event in buffer])
    for number in range(20):
        buffer.until_somebody_waits()
        buffer.push(number)
    buffer.until_somebody_waits()
    buffer.close()
    assert consumer.result() == list(range(20))


def test_nobody_is_left_on_the_list() -> None:
    """Waiting and going away, woken or not, leaves nothing behind: nobody is called twice, or for another."""
    buffer = Watched(1, overflow="block")
    calls = []
    for _ in range(50):
        with pytest.raises(BufferEmpty):
            buffer.pop(0.000_1)
        buffer.push(1)
        with pytest.raises(BufferFull):
            buffer.push(2, timeout=0.000_1)
        buffer._watch("room", 1, lambda: calls.append("room"))
        buffer.pop()
        buffer._watch("items", 1, lambda: calls.append("items"))
        buffer.push(3)
        buffer.pop()
    assert calls == ["room", "items"] * 50


# The list itself, on which the others stand.


def test_calls_are_made_once_and_in_turn() -> None:
    """One for each event, in the order in which they came on the list, and only those for whom enough is there."""
    buffer = Watched(10)
    called: list[str] = []
    for name, level in [("three", 3), ("one", 1), ("two", 2), ("one more", 1)]:
        buffer._watch("items", level, lambda name=name: called.append(name))
    buffer.push("a")
    assert called == ["one"]
    buffer.push("b")
    assert called == ["one", "two"]
    buffer.push_many("cde")
    assert called == ["one", "two", "three", "one more"]
    buffer.push("f")
    assert len(called) == 4


def test_who_is_taken_off_is_not_called() -> None:
    """And says whether it came too late."""
    buffer = Watched(10)
    called: list[str] = []
    kept, removed = lambda: called.append("kept"), lambda: called.append("removed")
    buffer._watch("items", 1, removed)
    buffer._watch("items", 1, kept)
    assert buffer._unwatch("items", removed) is True
    assert buffer._unwatch("items", removed) is False
    assert buffer._unwatch("room", kept) is False
    buffer.push("x")
    assert called == ["kept"]
    assert buffer._unwatch("items", kept) is False


def test_who_is_gone_is_passed_over() -> None:
    """A call that answers ``False`` reached nobody: the next one is made in its place."""
    buffer = Watched(10)
    called: list[str] = []
    buffer._watch("items", 1, lambda: called.append("gone") or False)
    buffer._watch("items", 1, lambda: called.append("there"))
    buffer.push("x")
    assert called == ["gone", "there"]


class Raising:
    """To be called when there is something: raises the first time, and says when it is called again."""

    def __init__(self, error: BaseException) -> None:
        self.error: BaseException | None = error
        self.again = threading.Event()

    def __call__(self) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error
        self.again.set()


def test_an_interrupted_call_is_made_again() -> None:
    """By another thread, at once, and those behind it are called as well. What interrupted it comes out of the push, whose events
    are inside."""
    buffer, first, others = Watched(10), Raising(KeyboardInterrupt()), [threading.Event() for _ in range(3)]
    buffer._watch("items", 1, first)
    for other in others:
        buffer._watch("items", 1, other.set)
    with pytest.raises(KeyboardInterrupt):
        buffer.push_many("abc")
    assert len(buffer) == 3
    assert first.again.wait(PATIENCE_S)
    assert [other.is_set() for other in others[:2]] == [True, True], "for each event one; more do no harm"
    buffer.push("d")
    assert others[2].is_set()


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_a_call_that_lacks_stack_or_memory_costs_nobody_his_events(error: type[Exception]) -> None:
    """It is made by another thread; what was pushed or taken out is, and nothing is raised."""
    buffer: EventBuffer = Watched(3)
    pushed, taken, drained = (Raising(error()) for _ in range(3))
    buffer._watch("items", 1, pushed)
    stamp = buffer.push("a")
    buffer._watch("room", 1, taken)
    assert buffer.pop(0) == (stamp, "a")
    buffer.push_many("bc")
    buffer._watch("room", 1, drained)
    assert [event for _, event in buffer.drain()] == ["b", "c"]
    assert all(each.again.wait(PATIENCE_S) for each in (pushed, taken, drained))


def test_close_calls_everybody() -> None:
    """Whatever the first one raises, and on both sides."""
    buffer, first, others = Watched(1), Raising(ValueError("a fault")), [threading.Event() for _ in range(2)]
    buffer._watch("items", 1, first)
    buffer._watch("items", 1, others[0].set)
    buffer._watch("room", 1, others[1].set)
    with pytest.raises(ValueError, match="a fault"):
        buffer.close()
    assert first.again.wait(PATIENCE_S)
    assert buffer.closed and all(other.is_set() for other in others)


@pytest.mark.parametrize("what", ["", "item", "rooms"])
def test_what_cannot_be_waited_for(what: Any) -> None:
    """There are events and room, and nothing else."""
    buffer = Watched(1)
    for call in (
        lambda: buffer._watch(what, 1, print),
        lambda: buffer._unwatch(what, print),
        lambda: buffer._pass_on(what),
    ):
        with pytest.raises(ValueError, match=f"nothing called {what} can be waited for"):
            call()
