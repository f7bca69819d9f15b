"""``EventRing``: what is inside of an event buffer, and where its two ends are.

As in ``rust/core/src/slot_ring.rs`` each end is a stamp and a ticket that change together, and whoever changes one says where
it has found it: if somebody was faster, nothing happens, and it is tried again. So nobody calls a clock, which may run
anything, with the lock held; and what a finaliser or a signal handler does to the same buffer in the middle of a call is seen
as that of another thread would be.
"""

from __future__ import annotations

import threading
from collections import namedtuple

from flocktime._fallback.layout import MAX_INT, NODE_BITS
from flocktime._fallback.timestamp import Timestamp
from flocktime._fallback.watchers import Watchers
from flocktime.stats import BufferStats

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any, Final

    #: A timestamp and its event.
    Pair = tuple[Timestamp, Any]

#: Whose order the events have: not settled, the buffer's own stamps', or none, since timestamps are given.
OPEN: Final = "open"
STAMPED: Final = "stamped"
GIVEN: Final = "given"
#: The stamp behind a closed buffer. No clock issues it.
SEAL: Final = MAX_INT >> NODE_BITS


class Cursor(namedtuple("Cursor", ("stamp", "ticket"))):
    """An end of the ring: a timestamp without its node, and the number of an event."""

    __slots__ = ()
    stamp: int
    ticket: int


def bare(timestamp: Timestamp) -> int:
    """Epoch, physical and logical: what the buffer orders by."""
    return timestamp.to_int() >> NODE_BITS


def of_node(stamp: int, node: int) -> Timestamp:
    """The inverse."""
    return Timestamp.from_int(stamp << NODE_BITS | node)


class EventRing:
    """The events of one process, with who waits for them and what became of the others."""

    __slots__ = (
        "back", "capacity", "dropped", "events", "front", "generation", "high_water", "items", "lock", "mark", "node", "order",
        "rejected", "room",
    )  # fmt: skip

    def __init__(self, capacity: int, order: str, node: int, generation: int) -> None:
        self.capacity = capacity
        #: That of all watermarks, so that they do not go back where the clock is reset to a lower one.
        self.node = node
        self.generation = generation
        self.order = order
        self.lock = threading.RLock()
        #: The last stamp, and the ticket of the next event.
        self.back = Cursor(0, 0)
        #: A stamp that every event still inside lies above, and the ticket of the oldest.
        self.front = Cursor(0, 0)
        #: Where timestamps are given: a promise for later, which holds once the events before its ticket are out.
        self.mark = Cursor(0, 0)
        self.events: dict[int, Pair] = {}
        self.high_water = self.dropped = self.rejected = 0
        self.items, self.room = Watchers(), Watchers()

    def __len__(self) -> int:
        front = self.front  # looked at first: `back` never lies behind it
        return min(self.back.ticket - front.ticket, self.capacity)

    @property
    def closed(self) -> bool:
        return self.back.stamp == SEAL

    def settle(self, wanted: str) -> str:
        """The order from now on: ``wanted``, where it was still open."""
        with self.lock:
            if self.order == OPEN:
                self.order = wanted
            return self.order

    def claim(self, found: Cursor, stamp: int, pairs: list[Pair]) -> bool:
        """Take these in, where ``back`` still is as it was found."""
        back = Cursor(stamp, found.ticket + len(pairs))
        numbered = dict(enumerate(pairs, found.ticket))
        with self.lock:
            if self.back is not found:
                return False
            # Neither another thread nor anything else of this one comes between: no call but the last, and that is one of C.
            self.back = back
            self.events.update(numbered)
            self.high_water = max(self.high_water, back.ticket - self.front.ticket)
            return True

    def take(self, most: int, only: int | None = None) -> list[Pair]:
        """Take up to so many out, oldest first; where ``only`` is given, nothing unless that is the oldest ticket."""
        while True:
            front = self.front
            until = min(front.ticket + most, self.back.ticket)
            if until <= front.ticket or only not in (None, front.ticket):
                return []
            last = self.events.get(until - 1)
            if last is None:
                continue  # taken meanwhile
            stamp = max(front.stamp, bare(last[0])) if self.order == STAMPED else front.stamp
            if (taken := self._advance(front, Cursor(stamp, until))) is not None:
                return taken

    def _advance(self, found: Cursor, front: Cursor) -> list[Pair] | None:
        taken: list[Pair] = []
        moved = map(self.events.pop, range(found.ticket, front.ticket))
        with self.lock:
            if self.front is not found:
                return None
            self.front = front  # as in `claim`
            taken.extend(moved)
            return taken

    def raise_back(self, found: Cursor, stamp: int) -> Cursor | None:
        """Every later claim follows this stamp; ``None`` where ``back`` is not any more as it was found."""
        back = Cursor(stamp, found.ticket)
        with self.lock:
            if self.back is not found:
                return None
            self.back = back
            return back

    def raise_front(self, stamp: int) -> None:
        """Every event still inside lies above this stamp."""
        while (front := self.front).stamp < stamp:
            raised = Cursor(stamp, front.ticket)
            with self.lock:
                if self.front is front:
                    self.front = raised

    def close(self) -> None:
        """No claim succeeds any more, not even one that has found its place."""
        while not self.closed:
            found = self.back
            back = Cursor(SEAL, found.ticket)
            with self.lock:
                if self.back is found:
                    self.back = back

    def stats(self) -> BufferStats:
        """The account so far."""
        rejected, dropped = self.rejected, self.dropped
        claimed, taken = self.back.ticket, self.front.ticket
        return BufferStats(
            pushed=claimed + rejected,
            drained=taken - dropped,
            dropped=dropped,
            rejected=rejected,
            inside=claimed - taken,
            high_water=self.high_water,
            capacity=self.capacity,
            closed=self.closed,
        )

    def count(self, *, rejected: int = 0, dropped: int = 0) -> None:
        with self.lock:
            self.rejected += rejected
            self.dropped += dropped
