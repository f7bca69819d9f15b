"""Event buffer and model, side by side through any sequence of calls; and what holds whatever the model says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flocktime import Clock, EventBuffer, Timestamp
from flocktime.events import BufferFull, EventBufferError
from flocktime.testing import ManualSource
from tests.buffers import adds_up
from tests.property.buffer_model import ModelBuffer
from tests.support import MAX_NODE, NOW_US, stamp

#: Where a given timestamp lies from: the clock's time, the limit of what is in time, or what is late.
Given = tuple[str, int, int, int]
GIVEN: st.SearchStrategy[Given] = st.tuples(
    st.sampled_from(["now", "limit", "bound", "zero"]),
    st.integers(-2, 2),
    st.sampled_from([0, 1, 4095]),
    st.sampled_from([0, 1, 7, MAX_NODE]),
)
STEPS = st.one_of(st.integers(0, 3), st.sampled_from([99, 100, 101, 10_000]))


class BufferAgainstModel(RuleBasedStateMachine):
    """Both clocks run on one manual source, so that they see the same time. Events are numbered."""

    buffer: EventBuffer
    model: ModelBuffer
    source: ManualSource

    @initialize(
        capacity=st.sampled_from([1, 2, 3, 4, 5, 8]),
        overflow=st.sampled_from(["reject", "drop_oldest", "block"]),
        delay_us=st.sampled_from([None, None, 0, 1, 100]),
    )
    def start(self, capacity: int, overflow: Any, delay_us: int | None) -> None:
        self.source = ManualSource(NOW_US)
        self.model = ModelBuffer(capacity, source=self.source, node=1, overflow=overflow, delay_us=delay_us)
        clock = Clock(node=1, source=self.source)
        max_delay = None if delay_us is None else delay_us / 1_000_000
        self.buffer = EventBuffer(capacity, clock=clock, overflow=overflow, max_delay=max_delay)
        self.number = 0
        self.last_taken: Timestamp | None = None
        self.last_shown: Timestamp | None = None

    def both(self, real: Callable[[], Any], expected: Callable[[], Any]) -> Any:
        """The same result, or an error of the same kind."""
        results: list[Any] = []
        for call in (real, expected):
            try:
                results.append(call())
            except EventBufferError as refusal:
                results.append(type(refusal))
        assert results[0] == results[1]
        return results[0]

    def next_events(self, count: int) -> list[int]:
        self.number += count
        return list(range(self.number - count, self.number))

    def given(self, drawn: Given) -> Timestamp:
        """A timestamp placed relative to what the buffer has reached, so that ties and limits come up by themselves."""
        base, by_us, logical, node = drawn
        now = self.model.reading()
        base_us = {"now": now, "limit": now - (self.model.delay_us or 0), "bound": self.model.bound // 4096, "zero": 2}[
            base
        ]
        return stamp(max(0, base_us + by_us), logical, node)

    @rule(by_us=STEPS)
    def time_passes(self, by_us: int) -> None:
        self.source.advance(by_us)

    @rule(by_us=STEPS)
    def time_is_set_back(self, by_us: int) -> None:
        self.source.step_back(by_us)

    @rule()
    def somebody_else_stamps(self) -> None:
        assert self.buffer.clock.now() == self.model.stamped(self.model.tick())

    @rule()
    def push(self) -> None:
        (event,) = self.next_events(1)
        self.both(lambda: self.buffer.push(event, timeout=0), lambda: self.model.push(event))

    @rule(count=st.integers(0, 12))
    def push_many(self, count: int) -> None:
        events = self.next_events(count)
        self.both(lambda: self.buffer.push_many(events, timeout=0), lambda: self.model.push_many(events))

    @rule(drawn=GIVEN)
    def push_given(self, drawn: Given) -> None:
        timestamp, (event,) = self.given(drawn), self.next_events(1)
        self.both(lambda: self.buffer.push(event, timestamp, timeout=0), lambda: self.model.push(event, timestamp))

    @rule(drawn=st.lists(GIVEN, max_size=4))
    def push_many_given(self, drawn: list[Given]) -> None:
        timestamps, events = [self.given(each) for each in drawn], self.next_events(len(drawn))
        pushed = 0
        try:
            for event, timestamp in zip(events, timestamps, strict=True):
                self.model.push(event, timestamp)
                pushed += 1
            expected: Any = pushed
        except EventBufferError as refusal:
            self.model.refused(BufferFull, events[pushed + 1 :])
            expected = (type(refusal), pushed, events[pushed:])
        try:
            found: Any = self.buffer.push_many(events, timestamps, timeout=0)
        except EventBufferError as refusal:
            found = (type(refusal), refusal.pushed, refusal.events)
        assert found == expected

    @rule()
    def pop(self) -> None:
        result = self.both(lambda: self.buffer.pop(timeout=0), self.model.pop)
        if isinstance(result, tuple):
            self.saw([result])

    @rule(most=st.one_of(st.none(), st.integers(0, 9)))
    def drain(self, most: int | None) -> None:
        self.saw(self.both(lambda: self.buffer.drain(most), lambda: self.model.drain(most)))

    def saw(self, pairs: list[tuple[Timestamp, Any]]) -> None:
        """What a consumer relies on: order, where the buffer stamps, and what it was promised."""
        for timestamp, _ in pairs:
            if self.model.whose == "own":
                assert self.last_taken is None or timestamp > self.last_taken
                self.last_taken = timestamp
            assert self.last_shown is None or timestamp > self.last_shown

    @rule()
    def watermark(self) -> None:
        shown = self.both(lambda: self.buffer.watermark, self.model.watermark)
        if isinstance(shown, Timestamp):
            assert self.last_shown is None or shown >= self.last_shown
            self.last_shown = shown

    @rule()
    def reset(self) -> None:
        self.buffer.clock.reset("a rule")
        self.model.reset(self.buffer.clock.node)

    @precondition(lambda self: self.number > 20)
    @rule()
    def close(self) -> None:
        self.buffer.close()
        self.model.close()

    @invariant()
    def all_that_is_to_be_seen_agrees(self) -> None:
        if not hasattr(self, "buffer"):
            return
        assert len(self.buffer) == len(self.model.inside)
        stats = self.buffer.stats()
        assert {name: getattr(stats, name) for name in self.model.counts} == self.model.counts
        assert stats.closed == self.model.closed
        assert adds_up(self.buffer)


TestBufferAgainstModel = BufferAgainstModel.TestCase
TestBufferAgainstModel.settings = settings(stateful_step_count=60)
