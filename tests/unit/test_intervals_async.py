"""Commit waits of tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from flocktime import Clock, EpochError, TimeUnknown, WaitTimeout
from flocktime.testing import ManualSource, SkewedSource
from tests.support import NOW_US, stamp


def _vouched(error_s: float) -> tuple[Clock, ManualSource]:
    source = ManualSource(NOW_US)
    source.vouch(error_s)
    return Clock(source=source), source


def test_never_early() -> None:
    """On a clock that runs by itself a task goes on when its timestamp has passed for certain, and not before."""
    source = SkewedSource(0.0, 300)
    source.vouch(0.001)
    clock = Clock(source=source)

    async def one(ahead_us: int) -> None:
        ts = stamp(clock.now().physical_us + ahead_us)
        interval = await clock.wait_until_async(ts, 60)
        assert interval.earliest is not None
        assert interval.earliest.physical_us > ts.physical_us
        assert source() > ts.physical_us * 1000 + 1_000_000

    async def main() -> None:
        await asyncio.gather(*(one(ahead_us) for ahead_us in (0, 1, 500, 2_000, 9_000, 20_000)))

    asyncio.run(main())


def test_other_tasks_run_meanwhile() -> None:
    """A task that moves the source by hand runs while another one waits for that."""
    clock, source = _vouched(0.5)
    ts = stamp(NOW_US + 3_600_000_000)

    async def move() -> None:
        for _ in range(61):
            source.advance(60_000_000)
            await asyncio.sleep(0)

    async def main() -> None:
        interval, _ = await asyncio.gather(clock.wait_until_async(ts, 60), move())
        assert interval.earliest is not None
        assert interval.earliest > ts

    asyncio.run(main())


@pytest.mark.parametrize(
    ("wait", "error"),
    [
        (lambda clock: clock.wait_until_async(stamp(NOW_US + 10**9), 0.005), WaitTimeout),
        (lambda clock: clock.wait_until_async(stamp(NOW_US + 10**9), 0), WaitTimeout),
        (lambda clock: clock.wait_until_async(stamp(NOW_US, epoch=1)), EpochError),
        (lambda clock: clock.wait_until_async(NOW_US), TypeError),
        (lambda clock: clock.wait_until_async(stamp(NOW_US), -1), ValueError),
        (lambda _: Clock(source=ManualSource()).wait_until_async(stamp(0)), TimeUnknown),
    ],
)
def test_refusals(wait: Callable[[Clock], Any], error: type[Exception]) -> None:
    """What ``wait_until`` raises, the task does."""
    with pytest.raises(error):
        asyncio.run(wait(_vouched(0.1)[0]))


def test_a_timeout_on_a_clock_that_runs() -> None:
    """A timeout within the last milliseconds, which a thread waits for, ends the wait as well."""
    source = SkewedSource()
    source.vouch(0.0)
    clock = Clock(source=source)
    with pytest.raises(WaitTimeout):
        asyncio.run(clock.wait_until_async(stamp(clock.now().physical_us + 3_600_000_000), 0.002))


def test_a_task_that_is_cancelled() -> None:
    """It ends at once, and leaves nothing behind that waits on."""
    clock, _ = _vouched(0.1)

    async def main() -> None:
        task = asyncio.create_task(clock.wait_until_async(stamp(NOW_US + 10**12)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
