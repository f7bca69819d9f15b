"""``EventBuffer``: the backend's, with what waits and iterates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from flocktime._backend import EventBuffer as Beneath
from flocktime._backend import Timestamp
from flocktime.buffer_errors import BufferClosed, EventBufferError, _empty, _forked_iteration, _full, _of_many
from flocktime.errors import _show
from flocktime.events.waiting import Patience, wait, wait_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from datetime import timedelta
    from types import TracebackType
    from typing import Self

__all__ = ["EventBuffer"]

#: So many events are taken in without a look at other threads and at signals: some ten milliseconds.
RUN: Final = 1 << 16


class EventBuffer(Beneath):
    """A bounded buffer that many threads push events into, and that hands them out as one ordered sequence.

    What it stamps comes out in strictly ascending order of timestamps, over all batches and consumers. ``watermark`` says how
    far the sequence is complete. Every event is accounted for: ``pushed == drained + dropped + rejected + inside``.

    Any thread may call any method at any time. So may a signal handler or a finaliser in the middle of another call: it comes in
    between, and the order holds. Waiting does not hold the interpreter, and Ctrl-C ends it. A forked child's buffer is a fresh,
    empty one, and the parent keeps its events.

    Args:
        capacity: the most events inside at once, ``1..=2**24``. The memory is taken at once, 32 bytes for each of the next power
            of two; the pure backend takes it as events come.
        clock: what stamps; ``None``: a clock of its own. Others may use it as well: what it issues is in order with the events.
        overflow: when there is no room ``"reject"`` (raise ``BufferFull``), ``"drop_oldest"`` (and count it) or ``"block"``.
        max_delay: how long after its timestamp an event may be pushed whose timestamp is *given*, in seconds or as
            ``timedelta``. The watermark then trails the clock by as much, and later events are ``LateEvent``. ``None``: given
            timestamps may be anything, order holds within a batch only, and there is no watermark.

    Raises:
        ValueError, TypeError: an argument that names no such thing. MemoryError: there is not so much.

    >>> with EventBuffer(1000) as buffer:
    ...     stamped = buffer.push("hello")
    >>> [(timestamp == stamped, event) for timestamp, event in buffer]
    [(True, 'hello')]
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        closed = " closed" if self.closed else ""
        return f"<flocktime.EventBuffer {len(self)} of {self.capacity} events, overflow={self.overflow!r}{closed}>"

    def __iter__(self) -> Iterator[tuple[Timestamp, Any]]:
        """Events as they come, until the buffer is closed and empty.

        Raises:
            ForkedBuffer: continued in a forked child.
        """
        generation = self._generation()
        while True:
            if self._generation() != generation:
                raise _forked_iteration()
            try:
                event = self.pop()
            except BufferClosed:
                return
            yield event

    def push_many(
        self,
        events: Iterable[Any],
        timestamps: Iterable[Timestamp] | None = None,
        *,
        timeout: float | timedelta | None = None,
    ) -> int:
        """Take events in, in their order. Without timestamps the buffer stamps them, as many as fit at once with one step.

        ``timeout`` is for all of them together; else as for ``push``.

        Returns:
            How many there were.

        Raises:
            ValueError: more timestamps than events, or fewer. Else as ``push``: ``.events`` of the error are those that were not
                taken in, ``.pushed`` is how many were.
        """
        events, patience = list(events), Patience(self._seconds("timeout", timeout))
        if timestamps is not None:
            return self._push_given(events, list(timestamps), patience)
        pushed = 0
        while pushed < len(events):
            end = min(pushed + RUN, len(events))
            pushed += self._try_push_run(events, pushed, end)
            if pushed < end and wait(self, "room", self._has_room, patience) is None:
                self._give_up(len(events) - pushed)
                raise _of_many(_full([], self.capacity), pushed, events[pushed:])
        return pushed

    def _push_given(self, events: list[Any], timestamps: list[Timestamp], patience: Patience) -> int:
        if len(timestamps) != len(events):
            raise ValueError(f"timestamps must be as many as the events: {len(timestamps)} for {len(events)}")
        for timestamp in timestamps:
            if not isinstance(timestamp, Timestamp):
                raise TypeError(f"timestamps must hold Timestamp, not {type(timestamp).__name__}")
        for index, (event, timestamp) in enumerate(zip(events, timestamps, strict=True)):
            try:
                self.push(event, timestamp, timeout=patience.left())
            except EventBufferError as error:
                self._give_up(len(events) - index - 1)
                raise _of_many(error, index, events[index:]) from None
        return len(events)

    # For ``asyncio``.

    async def pop_async(self, timeout: float | timedelta | None = None) -> tuple[Timestamp, Any]:
        """``pop`` for ``asyncio``: the event loop runs on while it waits. One that is cancelled has taken nothing."""
        patience = Patience(self._seconds("timeout", timeout))
        event = await wait_async(self, "items", 1, self._try_pop, patience)
        if event is None:
            raise _empty(patience.waited())
        return event

    async def push_async(
        self, event: Any, timestamp: Timestamp | None = None, *, timeout: float | timedelta | None = None
    ) -> Timestamp:
        """``push`` for ``asyncio``: with ``overflow="block"`` the event loop runs on while it waits. One that is cancelled has
        pushed nothing."""
        patience = Patience(self._seconds("timeout", timeout))
        stamp = await wait_async(self, "room", 1, partial(self._try_push, event, timestamp), patience)
        if stamp is None:
            self._give_up(1)
            raise _full([event], self.capacity)
        return stamp

    def batches(self, max: int = 1024, linger: float | timedelta = 0.01) -> AsyncIterator[list[tuple[Timestamp, Any]]]:
        """Batches as they come, until the buffer is closed and empty, for ``asyncio``.

        Args:
            max: the most events of a batch.
            linger: for how long a batch waits for more after its first event came, in seconds or as ``timedelta``.

        Events stay in the buffer until their batch is handed out: an iteration that is cancelled loses none.

        Raises:
            ForkedBuffer: continued in a forked child.
        """
        if isinstance(max, bool) or not isinstance(max, int):
            raise TypeError(f"max must be an int, not {type(max).__name__}")
        if max < 1:
            raise ValueError(f"max must be at least 1, got {_show(max)}")
        if (seconds := self._seconds("linger", linger)) is None:
            raise TypeError("linger must be seconds or a timedelta, not NoneType")
        return self._batches(max, seconds)

    async def _batches(self, most: int, linger: float) -> AsyncIterator[list[tuple[Timestamp, Any]]]:
        from asyncio import sleep  # as in `wait_async`

        generation, enough = self._generation(), min(most, self.capacity)
        while True:
            if not await wait_async(self, "items", 1, partial(self._has, 1, generation), Patience(None)):
                return
            await wait_async(self, "items", enough, partial(self._has, enough, generation), Patience(linger))
            await sleep(0)  # behind a backlog nothing waits: the loop's other tasks have their turn before each batch
            if batch := self.drain(most):
                yield batch

    def _has(self, level: int, generation: int) -> bool | None:
        """Whether so many events are inside; ``None``: not yet."""
        if self._generation() != generation:
            raise _forked_iteration()
        if len(self) >= level:
            return True
        return False if self.closed else None

    # Called from below, where ``push`` and ``pop`` have to wait.

    def _has_room(self) -> bool | None:
        return True if len(self) < self.capacity or self.closed else None

    def _push_waiting(self, event: Any, timestamp: Timestamp | None, timeout: float | timedelta | None) -> Timestamp:
        patience = Patience(self._seconds("timeout", timeout))
        stamp = wait(self, "room", partial(self._try_push, event, timestamp), patience)
        if stamp is None:
            self._give_up(1)
            raise _full([event], self.capacity)
        return stamp

    def _pop_waiting(self, timeout: float | timedelta | None) -> tuple[Timestamp, Any]:
        patience = Patience(self._seconds("timeout", timeout))
        event = wait(self, "items", self._try_pop, patience)
        if event is None:
            raise _empty(patience.waited())
        return event
