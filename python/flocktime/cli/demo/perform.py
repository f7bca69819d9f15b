"""One demonstration from the first process to the judgement, with everything cleaned up behind it."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from flocktime.cli.demo.acts import looked_at, perform_acts, synchronised
from flocktime.cli.demo.driver import Driver, Load
from flocktime.cli.demo.flocking import Timeline, judge_flock
from flocktime.cli.demo.log import read_log
from flocktime.cli.demo.looking import Looking
from flocktime.cli.demo.services import Services, running
from flocktime.cli.demo.verdict import Anchor, Judgement, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flocktime.cli.demo.plan import Plan

#: When a request fails because a service died, the death is the better reason; it shows within this.
POST_MORTEM_S: Final = 1.0


class Interrupted(Exception):
    """A signal asked for the end; everything has been stopped."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Watcher(Protocol):
    """Who is told how it goes."""

    def starting(self, plan: Plan) -> None: ...
    def joining(self, looking: Looking) -> None: ...
    def running(self, elapsed_s: float, load: Load, looking: Looking) -> None: ...
    def judging(self) -> None: ...


def perform(plan: Plan, watcher: Watcher, keep_logs: Path | None = None) -> Judgement:
    """Run the plan and judge it. The logs go to ``keep_logs``, or to a temporary directory that is removed."""
    if keep_logs is not None:
        return asyncio.run(_performed(plan, watcher, keep_logs))
    with tempfile.TemporaryDirectory(prefix="flocktime-demo-") as directory:
        return asyncio.run(_performed(plan, watcher, Path(directory)))


async def _performed(plan: Plan, watcher: Watcher, logs: Path) -> Judgement:
    with _signals_cancel() as received:
        try:
            watcher.starting(plan)
            anchor, timeline = _anchor(), Timeline()
            async with running(plan, logs) as services:
                await _with_services(plan, services, watcher, timeline)
            watcher.judging()
            return await asyncio.to_thread(_judged, plan, services, anchor, timeline)
        except asyncio.CancelledError:
            if received:
                raise Interrupted(received[0]) from None
            raise


async def _with_services(plan: Plan, services: Services, watcher: Watcher, timeline: Timeline) -> None:
    """Let the flock form, then drive the load to its end, unless somebody dies first."""
    looking, driver = Looking(services), Driver(plan, services.urls)
    loop = asyncio.get_running_loop()
    began: list[float] = []

    def seen() -> None:
        if began:
            watcher.running(loop.time() - began[0], driver.load, looking)
        else:
            watcher.joining(looking)

    async def play() -> None:
        await synchronised(plan, looking, plan.names)
        timeline.together_ns = time.monotonic_ns()
        began.append(loop.time())
        await _under_load(plan, services, driver, looking, timeline)
        timeline.ended_ns = time.monotonic_ns()

    death = asyncio.create_task(services.failed())
    look = asyncio.create_task(looking.run(seen))
    played = asyncio.create_task(play())
    try:
        await asyncio.wait({played, death, look}, return_when=asyncio.FIRST_COMPLETED)
        if played.done() and played.exception() is not None:
            await asyncio.wait({death}, timeout=POST_MORTEM_S)
        if death.done():
            raise death.result()
        if look.done():  # it has no end of its own, so this is its exception
            look.result()
        await played
    finally:
        for task in (played, death, look):
            task.cancel()
        await asyncio.gather(played, death, look, return_exceptions=True)


async def _under_load(plan: Plan, services: Services, driver: Driver, looking: Looking, timeline: Timeline) -> None:
    """The load and what happens meanwhile. The load goes on until all of that has happened, and there is enough to judge."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + plan.seconds

    driver.go_on(True)

    async def act() -> None:
        try:
            await perform_acts(plan, services, driver, looking, timeline)
            await asyncio.sleep(max(0.0, ends - loop.time()))
            await looked_at(plan, looking, timeline)
        finally:
            driver.go_on(False)

    both = [asyncio.create_task(act()), asyncio.create_task(driver.run())]
    try:
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


def _judged(plan: Plan, services: Services, anchor: Anchor, timeline: Timeline) -> Judgement:
    logs = [read_log(path) for _, path in services.logs]
    judgement = judge(plan, logs, anchor)
    judgement.flock = judge_flock(plan, logs, timeline)
    judgement.failures += judgement.flock.failures
    return judgement


def _anchor() -> Anchor:
    """Read the wall clock between two readings of the monotonic one; the narrowest of a few attempts counts."""
    attempts = []
    for _ in range(20):
        before, wall, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        attempts.append((after - before, wall // 1000, (before + after) // 2))
    _, wall_us, monotonic_ns = min(attempts)
    return Anchor(wall_us, monotonic_ns)


@contextmanager
def _signals_cancel() -> Iterator[list[int]]:
    """Let the usual signals cancel the running task, once; yields the list in which the received ones appear."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    received: list[int] = []

    def cancel(signum: int) -> None:
        received.append(signum)
        if len(received) == 1 and task is not None:  # what follows is bounded; a second signal must not cut it short
            task.cancel()

    watched = [signum for signum in _STOPPING if signal.getsignal(signum) is not signal.SIG_IGN]
    with suppress(NotImplementedError):  # Windows: its one interrupt cancels the task by itself
        for signum in watched:
            loop.add_signal_handler(signum, cancel, signum)
    try:
        yield received
    finally:
        with suppress(NotImplementedError):
            for signum in watched:
                loop.remove_signal_handler(signum)


_STOPPING: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
