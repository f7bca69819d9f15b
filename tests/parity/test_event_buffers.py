"""Two event buffers, one of each backend, through the same calls at the same time: not a letter may differ."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flocktime.events import EventBuffer
from tests.parity.backends import BACKENDS, core, fallback, same
from tests.property import bad_inputs
from tests.support import MAX_NODE, NOW_US

Fields = tuple[int, int, int, int]  # physical_us, logical, node, epoch

#: What waits, over the class of either backend.
WHOLE = [type("EventBuffer", (backend.EventBuffer,), dict(vars(EventBuffer))) for backend in BACKENDS]


class Pair:
    """A buffer of each backend, each on a clock and a manual source of its own backend."""

    def __init__(self, capacity: Any, **options: Any) -> None:
        self.sources = [backend.ManualSource(NOW_US) for backend in BACKENDS]
        self.clocks = [
            backend.Clock(node=1, source=source) for backend, source in zip(BACKENDS, self.sources, strict=True)
        ]
        self.buffers = [kind(capacity, clock=clock, **options) for kind, clock in zip(WHOLE, self.clocks, strict=True)]
        self.called: tuple[list[Any], list[Any]] = ([], [])
        self.watching = 0

    def both(self, call: Callable[..., Any]) -> Any:
        """The same call on both; it is given the buffer and a maker of timestamps of the same backend."""
        return same(
            [
                lambda: call(self.buffers[0], lambda fields: _stamp(core, fields)),
                lambda: call(self.buffers[1], lambda fields: _stamp(fallback, fields)),
            ]
        )

    def watch(self, what: str, level: int, answer: Any) -> None:
        """Somebody who waits, on both lists: calls are recorded with what was there."""
        for buffer, called in zip(self.buffers, self.called, strict=True):
            buffer._watch(what, level, lambda n=self.watching, b=buffer, c=called: c.append((n, len(b))) or answer)
        self.watching += 1

    def move(self, method: str, by: int) -> None:
        """Move both sources."""
        same([lambda each=each: getattr(each, method)(by) for each in self.sources])

    def agree(self) -> None:
        """All that is to be seen of them is the same."""
        for see in (len, repr, lambda each: each.stats().as_dict(), lambda each: each.closed):
            assert see(self.buffers[0]) == see(self.buffers[1])
        assert self.called[0] == self.called[1]


def _stamp(backend: Any, fields: Fields) -> Any:
    return backend.Timestamp(fields[0], fields[1], node=fields[2], epoch=fields[3])


GIVEN = st.tuples(
    st.one_of(st.integers(NOW_US - 1_005, NOW_US + 5), st.sampled_from([0, 1, NOW_US * 2])),
    st.sampled_from([0, 1, 4095]),
    st.sampled_from([0, 1, 2, MAX_NODE]),
    st.sampled_from([0, 0, 0, 1, 2]),
)
STEPS = st.one_of(st.integers(0, 3), st.sampled_from([999, 1_000, 1_001, 10_000_000]))
WHAT = st.sampled_from(["items", "room"])


class BothBuffers(RuleBasedStateMachine):
    """Rules are calls; every outcome is compared at once."""

    pair: Pair

    @initialize(
        capacity=st.sampled_from([1, 2, 3, 4, 5, 7, 16]),
        overflow=st.sampled_from(["reject", "drop_oldest", "block"]),
        max_delay=st.sampled_from([None, None, 0, 0.001, timedelta(milliseconds=1), 3e9]),
    )
    def start(self, capacity: int, overflow: str, max_delay: Any) -> None:
        self.pair = Pair(capacity, overflow=overflow, max_delay=max_delay)

    @rule(method=st.sampled_from(["advance", "step_back"]), by=STEPS)
    def move(self, method: str, by: int) -> None:
        self.pair.move(method, by)

    @rule(event=st.one_of(st.none(), st.integers()))
    def push(self, event: Any) -> None:
        self.pair.both(lambda buffer, _: buffer.push(event, timeout=0))

    @rule(fields=GIVEN)
    def push_given(self, fields: Fields) -> None:
        self.pair.both(lambda buffer, stamp: buffer.push("given", stamp(fields), timeout=0))

    @rule(count=st.sampled_from([0, 1, 2, 3, 5, 17]))
    def push_many(self, count: int) -> None:
        self.pair.both(lambda buffer, _: buffer.push_many(range(count), timeout=0))

    @rule(fields=st.one_of(st.none(), GIVEN))
    def try_push(self, fields: Fields | None) -> None:
        self.pair.both(lambda buffer, stamp: buffer._try_push("tried", None if fields is None else stamp(fields)))

    @rule(count=st.integers(0, 9), start=st.integers(0, 9), end=st.integers(0, 9))
    def try_push_run(self, count: int, start: int, end: int) -> None:
        start, end = min(start, count), min(end, count)
        self.pair.both(lambda buffer, _: buffer._try_push_run(list(range(count)), start, max(start, end)))

    @rule(count=st.integers(0, 3))
    def give_up(self, count: int) -> None:
        self.pair.both(lambda buffer, _: buffer._give_up(count))

    @rule()
    def pop(self) -> None:
        self.pair.both(lambda buffer, _: _but_for_the_time(buffer))

    @rule()
    def try_pop(self) -> None:
        self.pair.both(lambda buffer, _: buffer._try_pop())

    @rule(most=st.one_of(st.none(), st.integers(0, 20)))
    def drain(self, most: int | None) -> None:
        self.pair.both(lambda buffer, _: buffer.drain(most))

    @rule()
    def watermark(self) -> None:
        self.pair.both(lambda buffer, _: buffer.watermark)

    @rule(what=WHAT, level=st.integers(0, 4), answer=st.sampled_from([None, True, False]))
    def watch(self, what: str, level: int, answer: Any) -> None:
        self.pair.watch(what, level, answer)

    @rule(what=WHAT)
    def pass_on(self, what: str) -> None:
        self.pair.both(lambda buffer, _: buffer._pass_on(what))

    @rule()
    def somebody_else_stamps(self) -> None:
        self.pair.both(lambda buffer, _: buffer.clock.now())

    @rule()
    def advance_epoch(self) -> None:
        self.pair.both(lambda buffer, _: buffer.clock.advance_epoch("a rule", force=True))

    @rule()
    def close(self) -> None:
        self.pair.both(lambda buffer, _: buffer.close())

    @invariant()
    def agree(self) -> None:
        if hasattr(self, "pair"):
            self.pair.agree()


def _but_for_the_time(buffer: Any) -> Any:
    """A pop without waiting. How long nothing was waited for differs."""
    try:
        return buffer.pop(timeout=0)
    except Exception as error:
        return type(error), str(error).partition(",")[0]


TestBothBuffers = BothBuffers.TestCase
TestBothBuffers.settings = settings(stateful_step_count=60)

ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    *(((capacity,), {}) for capacity in [0, -1, 2**24 + 1, 2**64, -(2**200), 2**300, 1.5, None, "5", b"5", True, []]),
    *(((1,), {"overflow": overflow}) for overflow in ["", "Reject", "x" * 200, "\ud800", None, 5, b"block", []]),
    *(((1,), {"max_delay": each}) for each in [-1, -0.0, 4e9, float("nan"), float("inf"), 10**400, "1", True, []]),
    *(((1,), {"max_delay": each}) for each in [timedelta(-1), timedelta.max, timedelta.min, timedelta(days=36_525)]),
    *(((1,), {"clock": each}) for each in [5, "clock", object, lambda: 0]),
]


@pytest.mark.parametrize(("arguments", "options"), ARGUMENTS)
def test_the_same_settings_and_refusals(arguments: Any, options: Any) -> None:
    """What one refuses the other refuses, in the same words; what one takes the other takes."""
    same([lambda kind=kind: repr(kind(*arguments, **options)) for kind in WHOLE])


def test_the_same_refusals_of_anything(rng: Random) -> None:
    """Values of any type and size as any argument: the same outcome, and the same buffer afterwards."""
    pair = Pair(3, overflow="block")
    pair.both(lambda buffer, _: buffer.push_many("abc"))
    calls: list[Callable[[Any, Any], Any]] = [
        lambda buffer, value: buffer.push("x", value, timeout=0),
        lambda buffer, value: buffer.push("x", timeout=value) if value is not None else None,
        lambda buffer, value: buffer.pop(value) if len(buffer) else None,
        lambda buffer, value: buffer.drain(value),
        lambda buffer, value: buffer.batches(max=value) and None,
        lambda buffer, value: buffer.batches(linger=value) and None,
        lambda buffer, value: buffer._seconds("name", value),
    ]
    refused = 0
    for _ in range(2_000):
        value, call = bad_inputs.anything(rng), rng.choice(calls)
        if _would_wait(value):
            continue
        outcome, _ = pair.both(lambda buffer, _, call=call, value=value: call(buffer, value))
        refused += outcome == "raised"
        pair.both(lambda buffer, _: buffer.push_many("abc", timeout=0) if not len(buffer) else None)
        pair.agree()
    assert refused > 1_000


def _would_wait(value: Any) -> bool:
    """A timeout that is one."""
    if isinstance(value, timedelta):
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 4e9


def test_strangers() -> None:
    """A clock or a timestamp of the other backend is none."""
    for own, other in (BACKENDS, BACKENDS[::-1]):
        with pytest.raises(TypeError, match="clock must be a Clock, not Clock"):
            own.EventBuffer(1, clock=other.Clock())
        with pytest.raises(TypeError, match="timestamp must be a Timestamp, not Timestamp"):
            own.EventBuffer(1).push("x", other.Timestamp(1))
