"""How far the stream of an event buffer is complete: ``rust/core/src/event_buffer/watermark.rs``."""

from __future__ import annotations

from flocktime._fallback.event_ring import Cursor, EventRing, bare, of_node
from flocktime._fallback.layout import MAX_NODE
from flocktime._fallback.timestamp import Timestamp
from flocktime.buffer_errors import _clock_went_back

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from flocktime._fallback.clock import Clock


def idle(ring: EventRing, clock: Clock) -> Timestamp:
    """Of a buffer that stamps: the last event that was taken out, or, while none is inside, the time."""
    while True:
        back = ring.back
        front = ring.front
        if back.ticket != front.ticket or ring.closed:
            return of_node(front.stamp, ring.node)
        stamp = clock.now()
        if bare(stamp) <= back.stamp:
            raise _clock_went_back([], stamp, of_node(back.stamp, clock.node))
        # Nobody has claimed since, so none is inside, and every later event follows this stamp.
        if ring.raise_back(back, bare(stamp)) is not None:
            ring.raise_front(bare(stamp))
            return of_node(bare(stamp), ring.node)


def trailing(ring: EventRing, clock: Clock, delay_us: int) -> Timestamp | None:
    """Of a buffer whose timestamps are given. ``back``'s stamp is a bound for all events from now on; once those that were inside
    when it was raised are out, it is a watermark."""
    mark = ring.mark
    if ring.front.ticket >= mark.ticket:
        ring.raise_front(mark.stamp)
        now = clock.now()
        allowed = Timestamp(max(0, now.physical_us - delay_us), epoch=now.epoch)
        bound = _raise_bound(ring, max(0, bare(allowed) - 1))
        if bound is not None:
            with ring.lock:
                if ring.mark is mark:  # else another thread's, which is as good
                    ring.mark = bound
            if ring.front.ticket >= bound.ticket:
                ring.raise_front(bound.stamp)
    shown = ring.front.stamp
    return of_node(shown, MAX_NODE) if shown > 0 else None


def _raise_bound(ring: EventRing, bound: int) -> Cursor | None:
    """Raise the bound for later events to at least this; ``None`` of a closed buffer."""
    while True:
        back = ring.back
        if ring.closed:
            return None
        if bound <= back.stamp:
            return back
        if (raised := ring.raise_back(back, bound)) is not None:
            return raised
