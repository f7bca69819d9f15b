"""``Clock.wait_until_async``: a commit wait that lets other tasks run."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic

from flocktime.intervals import WaitTimeout

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any

    from flocktime.intervals import Interval

#: Timers of a loop fire in whole milliseconds: so many seconds before the end a thread takes over, which is woken in time.
NEAR_S = 0.003
#: That thread gives up after so long, so that none is left behind by a task that was cancelled.
THREAD_S = 0.1
#: The longest sleep: the bound may have shrunk meanwhile, or somebody has set the clock.
LONGEST_S = 1.0
#: A source that is moved by hand is looked at so often.
BY_HAND_S = 0.001


async def wait(clock: Any, ts: Any, timeout: float | timedelta | None) -> Interval:
    """The interval that lies above ``ts``, as soon as there is one. Never earlier. ``clock`` is one of either backend."""
    import asyncio  # most programs never wait here, and it takes longer to import than all of this package

    interval: Interval
    interval, left_s, timeout_s, by_hand = clock._look(ts, timeout)
    ends = None if timeout_s is None else monotonic() + timeout_s
    while left_s > 0:
        rest_s = LONGEST_S if ends is None else ends - monotonic()
        if rest_s <= 0:
            interval = clock.wait_until(ts, 0)  # says that the time is over, unless the timestamp has passed just now
            return interval
        if by_hand:
            await asyncio.sleep(BY_HAND_S)
        elif left_s > NEAR_S:
            await asyncio.sleep(min(left_s - NEAR_S, rest_s, LONGEST_S))
        else:
            with suppress(WaitTimeout, TimeoutError):
                loop, patience_s = asyncio.get_running_loop(), min(rest_s, THREAD_S)
                woken = loop.run_in_executor(None, clock.wait_until, ts, patience_s)
                interval = await asyncio.wait_for(woken, patience_s)  # the loop's threads may all be busy
                return interval
        interval, left_s, _, by_hand = clock._look(ts)
    return interval
