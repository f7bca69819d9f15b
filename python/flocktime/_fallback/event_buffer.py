"""``EventBuffer``: the rules of ``flocktime_core::EventBuffer`` over an ``EventRing``. Waiting is in ``flocktime.events``."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

from flocktime._fallback import event_watermark, forks
from flocktime._fallback.arguments import choice
from flocktime._fallback.clock import Clock
from flocktime._fallback.event_refusal import Refused
from flocktime._fallback.event_ring import GIVEN, OPEN, STAMPED, Cursor, EventRing, bare, of_node
from flocktime._fallback.fields import bounded, seconds_us
from flocktime._fallback.layout import MAX_BATCH, MAX_NODE
from flocktime._fallback.timestamp import Timestamp
from flocktime.buffer_errors import (
    _clock_went_back,
    _closed,
    _closed_and_empty,
    _full,
    _late,
    _of_many,
    _order_promised,
)
from flocktime.stats import BufferStats

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, NoReturn, Self

    from flocktime._fallback.watchers import Watchers

MAX_CAPACITY: Final = 1 << 24
MAX_SIZE: Final = (1 << 63) - 1
OVERFLOW: Final = ("reject", "drop_oldest", "block")
#: Without stack or memory nobody else can be called now, but by whoever comes by next; what was done is done all the same.
EXHAUSTION: Final = (RecursionError, MemoryError)


class EventBuffer:
    """What is beneath ``flocktime.EventBuffer``: everything but waiting."""

    __slots__ = ("__weakref__", "_capacity", "_clock", "_lock", "_max_delay_us", "_overflow", "_ring")
    __module__ = "flocktime._backend"

    _capacity: int
    _clock: Clock
    _lock: Any
    _max_delay_us: int | None
    _overflow: str
    _ring: EventRing

    if TYPE_CHECKING:  # what waits, in the class above

        def _push_waiting(self, event: Any, timestamp: Timestamp | None, timeout: Any) -> Timestamp: ...
        def _pop_waiting(self, timeout: Any) -> tuple[Timestamp, Any]: ...

    def __new__(
        cls,
        capacity: int,
        *,
        clock: Clock | None = None,
        overflow: str = "reject",
        max_delay: float | timedelta | None = None,
    ) -> Self:
        self = super().__new__(cls)
        self._capacity = bounded("capacity", capacity, 1, MAX_CAPACITY)
        self._overflow = choice("overflow", overflow, OVERFLOW)
        self._max_delay_us = None if max_delay is None else seconds_us("max_delay", max_delay)
        if clock is not None and not isinstance(clock, Clock):
            raise TypeError(f"clock must be a Clock, not {type(clock).__name__}")
        self._clock = Clock() if clock is None else clock
        self._lock = threading.RLock()
        self._ring = self._fresh_ring()
        forks.remember(self)
        return self

    def _fresh_ring(self) -> EventRing:
        order = OPEN if self._max_delay_us is None else GIVEN
        return EventRing(self._capacity, order, self._clock.node, forks.generation)

    def _living(self) -> EventRing:
        """This process's events. A child begins with none: its parent keeps those that were inside."""
        if self._ring.generation != forks.generation:
            other = self._fresh_ring()
            with self._lock:
                if self._ring.generation != forks.generation:
                    self._ring, other = other, self._ring
            del other  # what is inside may run anything when it goes: not with the lock held
        return self._ring

    # Taking in.

    def push(
        self, event: Any, timestamp: Timestamp | None = None, *, timeout: float | timedelta | None = None
    ) -> Timestamp:
        """Take an event in. Without a timestamp the buffer's clock stamps it.

        With ``overflow="block"`` it waits for room, for ``timeout`` (seconds or a ``timedelta``) at most; ``None``: for ever.

        Returns:
            The event's timestamp.

        Raises:
            BufferFull: there is no room. BufferClosed. LateEvent, OrderPromised: the timestamp that was given cannot be kept in
                order. The event is in ``.event`` of each. ClockWentBack: the clock was reset. Else as ``Clock.now``.
        """
        self._seconds("timeout", timeout)
        stamp = self._try_push(event, timestamp)
        return self._push_waiting(event, timestamp, timeout) if stamp is None else stamp

    def _try_push(self, event: Any, timestamp: Timestamp | None) -> Timestamp | None:
        """As ``push``, but ``None`` where ``overflow="block"`` would wait."""
        if timestamp is not None and not isinstance(timestamp, Timestamp):
            raise TypeError(f"timestamp must be a Timestamp, not {type(timestamp).__name__}")
        ring, stamp = self._living(), None
        try:
            done = self._claim(ring, event) if timestamp is None else self._claim_given(ring, event, timestamp)
            if not isinstance(done, Refused):
                stamp = done
                ring.items.ring(1, len(ring))
                return stamp
        except EXHAUSTION:
            if stamp is None:
                raise
            return stamp
        except BaseException:  # an interruption, after which nobody knows whether the event is in
            ring.items.ring(1, len(ring))
            raise
        if done.is_full and self._overflow == "block":
            return None
        ring.count(rejected=1)
        raise done.error([event])

    def _claim(self, ring: EventRing, event: Any) -> Timestamp | Refused:
        """Stamp an event and claim its place, both at once."""
        order = ring.settle(STAMPED)
        ahead: list[Timestamp] = []
        while True:
            found = self._place(ring, 1, self._clock.now, ahead)
            if isinstance(found, Refused):
                return found
            # The clock after the place: a stamp that does not follow that one was not overtaken, the clock went back.
            stamps = self._issued(found, self._clock.now, ahead)
            if isinstance(stamps, Refused):
                return stamps
            if ring.claim(found, found.stamp if order == GIVEN else bare(stamps[0]), [(stamps[0], event)]):
                return stamps[0]

    def _stamps(self, found: Cursor, read: Callable[[], Any]) -> list[Timestamp] | Refused:
        """What the clock says, where it lies above ``found``."""
        try:
            now: Timestamp | list[Timestamp] = read()
        except BaseException as error:
            return Refused(lambda _, error=error: error)
        stamps = [now] if isinstance(now, Timestamp) else now
        if bare(stamps[0]) <= found.stamp:
            return Refused(partial(_clock_went_back, timestamp=stamps[0], last=of_node(found.stamp, self._clock.node)))
        return stamps

    def _claim_given(self, ring: EventRing, event: Any, timestamp: Timestamp) -> Timestamp | Refused:
        """Claim a place for an event whose timestamp was given."""
        if ring.settle(GIVEN) == STAMPED:
            return Refused(_order_promised)
        while True:
            bound = ring.back.stamp
            if not ring.closed and 0 < bound >= bare(timestamp):  # before it makes room, or waits for it
                return Refused(partial(_late, timestamp=timestamp, watermark=of_node(bound, MAX_NODE)))
            found = self._place(ring, 1, None, [])
            if isinstance(found, Refused):
                return found
            if found.stamp == bound and ring.claim(found, bound, [(timestamp, event)]):
                return timestamp

    def _issued(self, found: Cursor, ask: Callable[[], Any], ahead: list[Timestamp]) -> list[Timestamp] | Refused:
        """What was issued ahead, where nobody has overtaken it, or what is issued now."""
        stamps = ahead[:]
        ahead.clear()
        return stamps if stamps and bare(stamps[0]) > found.stamp else self._stamps(found, ask)

    def _place(
        self, ring: EventRing, count: int, ask: Callable[[], Any] | None, ahead: list[Timestamp]
    ) -> Cursor | Refused:
        """``back``, with room for so many events behind it, made as the overflow policy says.

        Nothing is dropped for events that then do not come in: before the first one is, the clock is asked, and ``ahead`` has its
        answer. ``ask`` is ``None`` where timestamps are given.
        """
        while True:
            front, back = ring.front, ring.back
            if ring.closed:
                return Refused(_closed)
            if back.ticket + count - front.ticket <= self._capacity:
                return back
            if self._overflow != "drop_oldest":
                return Refused(partial(_full, capacity=self._capacity), is_full=True)
            if ask is not None and not ahead:
                stamps = self._stamps(back, ask)
                if isinstance(stamps, Refused):
                    return stamps
                ahead += stamps
            ring.count(dropped=len(ring.take(1, only=front.ticket)))

    def _try_push_run(self, events: list[Any], start: int, end: int) -> int:
        """Take in what fits of ``events``, a list, from ``start`` up to ``end``, and stamp it. Returns how many that were."""
        ring = self._living()
        done, refused = start, None
        try:
            while done < end and refused is None:
                claimed = self._claim_run(ring, events, done, end)
                if isinstance(claimed, Refused):
                    refused = claimed
                else:
                    done += claimed
            ring.items.ring(done - start, len(ring))
        except EXHAUSTION:
            if done == start and refused is None:
                raise
        except BaseException:  # an interruption, after which nobody knows how many are in
            ring.items.ring(end - start, len(ring))
            raise
        if refused is None or (refused.is_full and self._overflow == "block"):
            return done - start
        rest = events[done:]
        ring.count(rejected=len(rest))
        raise _of_many(refused.error(rest), done, rest)

    def _claim_run(self, ring: EventRing, events: list[Any], done: int, end: int) -> int | Refused:
        """Stamp and claim as many as fit at once, at least one."""
        order = ring.settle(STAMPED)
        ahead: list[Timestamp] = []
        while True:
            room = self._capacity if self._overflow == "drop_oldest" else max(1, self._capacity - len(ring))
            count = min(end - done, room, MAX_BATCH)
            ask = partial(self._clock.now_many, count)
            found = self._place(ring, count, ask, ahead)
            if isinstance(found, Refused):
                if found.is_full and count > 1:
                    continue  # there was room when it was counted
                return found
            stamps = self._issued(found, ask, ahead)
            if isinstance(stamps, Refused):
                return stamps
            pairs = list(zip(stamps, events[done : done + count], strict=True))
            if ring.claim(found, found.stamp if order == GIVEN else bare(stamps[-1]), pairs):
                return count

    def _give_up(self, count: int) -> None:
        """Count events that somebody has waited for in vain."""
        self._living().count(rejected=count)

    # Taking out.

    def pop(self, timeout: float | timedelta | None = None) -> tuple[Timestamp, Any]:
        """Take the oldest event out, and wait for it, for ``timeout`` (seconds or a ``timedelta``) at most; ``None``: for ever.

        Returns:
            ``(timestamp, event)``.

        Raises:
            BufferEmpty: there was none in time. BufferClosed: there is none and there will be none.
        """
        self._seconds("timeout", timeout)
        event = self._try_pop()
        return self._pop_waiting(timeout) if event is None else event

    def _try_pop(self) -> tuple[Timestamp, Any] | None:
        """As ``pop``, but ``None`` where there is nothing yet."""
        ring = self._living()
        taken = ring.take(1)
        if taken:
            try:
                ring.room.ring(1, self._capacity - len(ring))
            except EXHAUSTION:
                pass
            return taken[0]
        if ring.closed and not len(ring):
            raise _closed_and_empty()
        return None

    def drain(self, max: int | None = None) -> list[tuple[Timestamp, Any]]:
        """Take out all events that are there, at most ``max``, without waiting; of none it is an empty list.

        Returns:
            ``[(timestamp, event), ...]`` in the order of the timestamps. Where the buffer stamps, the next batch goes on there.
        """
        most = MAX_SIZE if max is None else bounded("max", max, 0, MAX_SIZE)
        ring = self._living()
        taken = ring.take(most)
        if ring.order == GIVEN:
            taken.sort(key=lambda pair: pair[0])
        try:
            ring.room.ring(len(taken), self._capacity - len(ring))
        except EXHAUSTION:
            pass
        return taken

    @property
    def watermark(self) -> Timestamp | None:
        """Every event that is taken out later is stamped after this timestamp. It never goes back. ``None``: timestamps are given
        and there is no ``max_delay``. Of a closed and empty buffer it is the greatest timestamp there is.

        Raises:
            ClockWentBack: the clock was reset. Else as ``Clock.now``.
        """
        ring = self._living()
        if ring.closed and not len(ring):
            return Timestamp.MAX
        if ring.settle(STAMPED) == STAMPED:
            return event_watermark.idle(ring, self._clock)
        if self._max_delay_us is None:
            return None
        return event_watermark.trailing(ring, self._clock, self._max_delay_us)

    # Looking.

    def close(self) -> None:
        """Take no more events in, and wake everybody who waits. Those inside can still be taken out. Once more does nothing."""
        ring = self._living()
        ring.close()
        try:
            ring.items.ring(MAX_SIZE, MAX_SIZE)
        finally:
            ring.room.ring(MAX_SIZE, MAX_SIZE)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._living().closed

    @property
    def capacity(self) -> int:
        """The most events that are inside at once."""
        return self._capacity

    @property
    def overflow(self) -> str:
        """What a push does when there is no room: ``"reject"``, ``"drop_oldest"`` or ``"block"``."""
        return self._overflow

    @property
    def clock(self) -> Clock:
        """The clock that stamps."""
        return self._clock

    def stats(self) -> BufferStats:
        """The account so far, as ``BufferStats``."""
        return self._living().stats()

    def __len__(self) -> int:
        """How many events are inside."""
        return len(self._living())

    # For what waits.

    @staticmethod
    def _generation() -> int:
        """How many forks lie behind this process. An iteration that began before one must not go on after it."""
        return forks.generation

    @staticmethod
    def _seconds(name: str, value: float | timedelta | None) -> float | None:
        """For how long somebody is to wait, checked: seconds; ``None``: for ever."""
        return None if value is None else seconds_us(name, value) / 1e6

    def _watch(self, what: str, level: int, wake: Callable[[], Any]) -> None:
        """Call ``wake`` once: when ``level`` events (``"items"``) or places (``"room"``) are there, or the buffer is closed."""
        self._watchers(what).add(level, wake)
        self._pass_on(
            "room" if what == "items" else "items"
        )  # to whom nobody could call: it may be that one who is waited for

    def _unwatch(self, what: str, wake: Callable[[], Any]) -> bool:
        """Do not call it any more. False: it was called."""
        return self._watchers(what).remove(wake)

    def _pass_on(self, what: str) -> None:
        """Wake those who wait for what is there: whoever was woken goes away without taking it."""
        there = len(self) if what == "items" else self._capacity - len(self)
        self._watchers(what).ring(there, there)

    def _watchers(self, what: str) -> Watchers:
        ring = self._living()
        if what not in ("items", "room"):
            raise ValueError(f"nothing called {what} can be waited for")
        return ring.items if what == "items" else ring.room

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle 'flocktime.EventBuffer' object: give the other process a buffer of its own")
