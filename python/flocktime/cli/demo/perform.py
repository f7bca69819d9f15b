"""One demonstration from the first process to the judgement, with everything cleaned up behind it."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import httpx

from flocktime.cli.demo.driver import Driver, Load
from flocktime.cli.demo.log import read_log
from flocktime.cli.demo.processes import Services, log_path, running
from flocktime.cli.demo.verdict import Anchor, Judgement, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flocktime.cli.demo.plan import Plan

#: How often the display is told what the services say of themselves.
LOOK_EVERY_S: Final = 0.4
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
    def running(self, elapsed_s: float, load: Load, states: dict[str, dict[str, object]]) -> None: ...
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
            anchor = _anchor()
            async with running(plan, logs) as services:
                await _under_load(plan, services, watcher)
            watcher.judging()
            return await asyncio.to_thread(_judged, plan, logs, anchor)
        except asyncio.CancelledError:
            if received:
                raise Interrupted(received[0]) from None
            raise


async def _under_load(plan: Plan, services: Services, watcher: Watcher) -> None:
    """Drive the load to its end, unless a service dies first."""
    driver = Driver(plan, services.urls)
    load = asyncio.create_task(driver.run())
    death = asyncio.create_task(services.failed())
    look = asyncio.create_task(_look(services.urls, driver.load, watcher))
    try:
        await asyncio.wait({load, death, look}, return_when=asyncio.FIRST_COMPLETED)
        if load.done() and load.exception() is not None:
            await asyncio.wait({death}, timeout=POST_MORTEM_S)
        if death.done():
            raise death.result()
        if look.done():  # it has no end of its own, so this is its exception
            look.result()
        await load
    finally:
        for task in (load, death, look):
            task.cancel()
        await asyncio.gather(load, death, look, return_exceptions=True)


async def _look(urls: dict[str, str], load: Load, watcher: Watcher) -> None:
    """Tell the watcher, every now and then, what each service says of itself."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    states: dict[str, dict[str, object]] = {}
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            for name, url in urls.items():
                with suppress(httpx.HTTPError):  # too busy to answer; if it died, that is told elsewhere
                    states[name] = (await client.get(f"{url}/state")).json()
            watcher.running(loop.time() - start, load, states)
            await asyncio.sleep(LOOK_EVERY_S)


def _judged(plan: Plan, logs: Path, anchor: Anchor) -> Judgement:
    return judge(plan, [read_log(log_path(logs, name)) for name in plan.names], anchor)


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
