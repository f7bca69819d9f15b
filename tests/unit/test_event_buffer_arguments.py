"""What an event buffer is made and called with: what is none is refused, by name, and nothing has happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flocktime import Clock, EventBuffer
from flocktime.events import BufferEmpty


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0,), {}, ValueError, r"capacity must lie in 1\.\.=16777216, got 0"),
        ((-1,), {}, ValueError, r"capacity must lie in 1\.\.=16777216, got -1"),
        ((2**24 + 1,), {}, ValueError, "got 16777217"),
        ((2**200,), {}, ValueError, "got 16069380442589902755"),
        ((1.0,), {}, TypeError, "capacity must be an int, not float"),
        ((None,), {}, TypeError, "capacity must be an int, not NoneType"),
        (("5",), {}, TypeError, "capacity must be an int, not str"),
        ((), {}, TypeError, "capacity"),
        ((1, Clock()), {}, TypeError, "positional argument"),
        ((1,), {"clock": 5}, TypeError, "clock must be a Clock, not int"),
        ((1,), {"clock": Clock}, TypeError, "clock must be a Clock, not type"),
        (
            (1,),
            {"overflow": "explode"},
            ValueError,
            "overflow must be one of reject, drop_oldest, block, got 'explode'",
        ),
        ((1,), {"overflow": None}, TypeError, "overflow must be a str, not NoneType"),
        ((1,), {"overflow": b"block"}, TypeError, "overflow must be a str, not bytes"),
        ((1,), {"max_delay": -1}, ValueError, "max_delay must not be negative, got -1"),
        ((1,), {"max_delay": float("nan")}, ValueError, "max_delay must be a number of seconds, got nan"),
        ((1,), {"max_delay": timedelta(days=40_000)}, ValueError, "max_delay must be at most 100 years"),
        ((1,), {"max_delay": "1"}, TypeError, "max_delay must be seconds or a timedelta, not str"),
        ((1,), {"max_delay": True}, TypeError, "max_delay must be seconds or a timedelta, not bool"),
        ((1,), {"colour": 1}, TypeError, "colour"),
    ],
)
def test_wrong_settings(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    """A buffer that cannot be is refused, with the name of the argument and what it was."""
    with pytest.raises(error, match=message):
        EventBuffer(*arguments, **options)


class _Index:
    def __index__(self) -> int:
        return 3


def test_numbers_of_other_types() -> None:
    """What gives an int by ``__index__`` is one; an error that it raises passes through."""

    class Broken:
        def __index__(self) -> int:
            raise ZeroDivisionError

    buffer = EventBuffer(_Index())  # type: ignore[arg-type]
    assert buffer.capacity == 3
    buffer.push_many("abc")
    assert len(buffer.drain(_Index())) == 3  # type: ignore[arg-type]
    for call in (EventBuffer, buffer.drain):
        with pytest.raises(ZeroDivisionError):
            call(Broken())


@pytest.mark.parametrize("timeout", [-1, -0.1, timedelta(seconds=-1), float("nan"), float("inf"), 10**400, 4e9])
@pytest.mark.parametrize("inside", [0, 1])
def test_timeouts_out_of_range(timeout: Any, inside: int) -> None:
    """Such a timeout is refused whether it would be waited or not, and nothing has happened."""
    buffer = EventBuffer(1, overflow="block")
    buffer.push_many(range(inside))
    calls = [
        buffer.pop,
        lambda timeout: buffer.push(1, timeout=timeout),
        lambda timeout: buffer.push_many([], timeout=timeout),
    ]
    for call in calls:
        with pytest.raises(
            ValueError, match=r"timeout must (not be negative|be at most 100 years|be a number of seconds), got"
        ):
            call(timeout)
    assert len(buffer) == buffer.stats().pushed == inside


@pytest.mark.parametrize("timeout", ["1", True, b"", [], 1j])
def test_timeouts_of_a_wrong_type(timeout: Any) -> None:
    """As above."""
    buffer = EventBuffer(1, overflow="block")
    for call in (buffer.pop, lambda timeout: buffer.push(1, timeout=timeout)):
        with pytest.raises(TypeError, match=f"timeout must be seconds or a timedelta, not {type(timeout).__name__}"):
            call(timeout)
    assert buffer.stats().pushed == 0


def test_wrong_numbers_to_drain() -> None:
    """They are refused, and nothing is taken out."""
    buffer = EventBuffer(3)
    buffer.push(1)
    for most, error in [(-1, ValueError), (2**63, ValueError), (2**70, ValueError), (1.5, TypeError), ("1", TypeError)]:
        with pytest.raises(error, match="max must"):
            buffer.drain(most)  # type: ignore[arg-type]
    assert len(buffer.drain(2**63 - 1)) == 1


def test_nothing_in_time() -> None:
    """Without waiting, or after waiting, the error says for how long."""
    buffer = EventBuffer(1)
    for timeout, waited in [
        (0, 0.0),
        (0.0, 0.0),
        (timedelta(0), 0.0),
        (0.003, 0.003),
        (timedelta(milliseconds=2), 0.002),
    ]:
        with pytest.raises(BufferEmpty, match=r"the buffer is empty, after waiting for \d+\.\d{3} s") as nothing:
            buffer.pop(timeout)
        assert waited <= nothing.value.waited < 30
        assert (nothing.value.event, nothing.value.events) == (None, [])
