"""A second event buffer, written from the rules alone: a list, and a clock that is one word, ``physical * 4096 + logical``.

It knows no threads and waits for nobody. Every decision is a small method.
"""

from __future__ import annotations

from typing import Any

from flocktime import Timestamp
from flocktime.events import BufferClosed, BufferEmpty, BufferFull, ClockWentBack, LateEvent, OrderPromised
from flocktime.testing import ManualSource
from tests.support import MAX_LOGICAL, MAX_NODE, stamp

Pair = tuple[Timestamp, Any]


class ModelBuffer:
    """The rules of a buffer on a manual source."""

    def __init__(
        self, capacity: int, *, source: ManualSource, node: int, overflow: str = "reject", delay_us: int | None = None
    ) -> None:
        self.capacity, self.source, self.node, self.overflow, self.delay_us = capacity, source, node, overflow, delay_us
        self.first_node, self.word = node, 0  # of the clock
        self.whose = "given" if delay_us is not None else ""  # order: "own", "given", or not settled
        self.inside: list[Pair] = []
        self.reached = 0  # what the next stamp of its own has to lie above
        self.taken_word = 0  # of the last one that was taken out, or of the last idle look
        self.bound = self.shown = 0  # for given timestamps: what is late from now on, and what is promised
        self.before_bound = 0  # how many of those inside may lie below the bound
        self.counts = {"pushed": 0, "drained": 0, "dropped": 0, "rejected": 0, "high_water": 0}
        self.closed = False

    # What a user calls.

    def push(self, event: Any, timestamp: Timestamp | None = None) -> Timestamp:
        if timestamp is None:
            self.settle("own")
            return self.push_own([event])[0]
        if self.settle("given") == "own":
            raise self.refused(OrderPromised, [event])
        if not self.closed and 0 < self.bound >= _word(timestamp):
            raise self.refused(LateEvent, [event])
        self.make_room([event])
        self.take_in([(timestamp, event)])
        return timestamp

    def push_many(self, events: list[Any]) -> int:
        pushed = 0
        while pushed < len(events):
            self.settle("own")
            room = self.capacity if self.overflow == "drop_oldest" else max(1, self.capacity - len(self.inside))
            now = events[pushed : pushed + room]
            pushed += len(self.push_own(now, events[pushed:]))
        return pushed

    def push_own(self, events: list[Any], left: list[Any] | None = None) -> list[Timestamp]:
        left = events if left is None else left
        self.make_room(left, len(events))
        first = self.tick()
        self.word += len(events) - 1
        if first <= (self.bound if self.whose == "given" else self.reached):
            raise self.refused(ClockWentBack, left)
        stamps = [self.stamped(first + index) for index in range(len(events))]
        if self.whose == "own":
            self.reached = _word(stamps[-1])
        self.take_in(list(zip(stamps, events, strict=True)))
        return stamps

    def pop(self) -> Pair:
        if not self.inside:
            raise BufferClosed("") if self.closed else BufferEmpty("")
        return self.take_out(1)[0]

    def drain(self, most: int | None) -> list[Pair]:
        taken = self.take_out(len(self.inside) if most is None else most)
        return sorted(taken, key=lambda pair: pair[0]) if self.whose == "given" else taken

    def watermark(self) -> Timestamp | None:
        if self.closed and not self.inside:
            return Timestamp.MAX
        if self.settle("own") == "own":
            return self.idle()
        return None if self.delay_us is None else self.trailing(self.delay_us)

    def close(self) -> None:
        self.closed = True

    def reset(self, node: int) -> None:
        """The clock's."""
        self.node, self.word = node, self.reading() * 4096 + 1

    # The decisions.

    def reading(self) -> int:
        return self.source() // 1000

    def tick(self) -> int:
        """The clock's next stamp."""
        self.word = max(self.word + 1, self.reading() * 4096)
        return self.word

    def stamped(self, word: int) -> Timestamp:
        return stamp(word // 4096, word % 4096, self.node)

    def promised(self, word: int) -> Timestamp:
        """A watermark: of the node that the clock had at first, so that no reset takes it back."""
        return stamp(word // 4096, word % 4096, self.first_node)

    def settle(self, whose: str) -> str:
        """The first push or look decides whose order it is."""
        self.whose = self.whose or whose
        return self.whose

    def make_room(self, left: list[Any], count: int = 1) -> None:
        if self.closed:
            raise self.refused(BufferClosed, left)
        while len(self.inside) + count > self.capacity:
            if self.overflow != "drop_oldest":
                raise self.refused(BufferFull, left)
            self.take_out(1)
            self.counts["drained"] -= 1
            self.counts["dropped"] += 1

    def take_in(self, pairs: list[Pair]) -> None:
        self.inside += pairs
        self.counts["pushed"] += len(pairs)
        self.counts["high_water"] = max(self.counts["high_water"], len(self.inside))

    def take_out(self, most: int) -> list[Pair]:
        taken, self.inside = self.inside[:most], self.inside[most:]
        self.counts["drained"] += len(taken)
        if taken and self.whose == "own":
            self.taken_word = _word(taken[-1][0])
        self.before_bound = max(0, self.before_bound - len(taken))
        return taken

    def refused(self, error: type[Exception], left: list[Any]) -> Exception:
        self.counts["pushed"] += len(left)
        self.counts["rejected"] += len(left)
        return error("")

    def idle(self) -> Timestamp:
        """With nothing inside the time; else what was taken out."""
        if self.inside:
            return self.promised(self.taken_word)
        word = self.tick()
        if word <= self.reached:
            raise ClockWentBack("")
        self.reached = self.taken_word = word
        return self.promised(word)

    def trailing(self, delay_us: int) -> Timestamp | None:
        """A bound for new events holds for all once those are out that were inside when it was set; then a new one is."""
        if not self.before_bound:
            self.shown = max(self.shown, self.bound)
            self.tick()
            if not self.closed:
                self.bound = max(self.bound, max(0, self.word // 4096 - delay_us) * 4096 - 1, 0)
                self.before_bound = len(self.inside)
                self.shown = self.shown if self.before_bound else self.bound
        return stamp(self.shown // 4096, self.shown % 4096, MAX_NODE) if self.shown else None


def _word(timestamp: Timestamp) -> int:
    return timestamp.physical_us * (MAX_LOGICAL + 1) + timestamp.logical
