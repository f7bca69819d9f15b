"""What is done to the flock while requests go on: one clock jumps, one service is stopped and started again."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from flocktime.cli.demo.plan import JUMP_AT, STOP_AT
from flocktime.cli.demo.processes import ServiceFailed

if TYPE_CHECKING:
    from flocktime.cli.demo.driver import Driver
    from flocktime.cli.demo.flocking import Timeline
    from flocktime.cli.demo.looking import Looking
    from flocktime.cli.demo.plan import Plan
    from flocktime.cli.demo.services import Services

#: So many rounds a service stays away: long enough to be missed.
AWAY_ROUNDS: Final = 10
#: So long the services may take to synchronise: seconds, and rounds.
PATIENCE_S: Final = 20.0
PATIENCE_ROUNDS: Final = 60
#: So many rounds the load goes on at least after the one that was stopped is back.
SHOWN_ROUNDS: Final = 10
#: So many looks at each service the judge is left with, in the part of the time that counts: two have a moment between them.
LEAST_LOOKS: Final = 3


async def synchronised(plan: Plan, looking: Looking, names: tuple[str, ...]) -> None:
    """Return when these services say that they are synchronised.

    Raises:
        ServiceFailed: they do not, and how they stand instead.
    """
    patience_s = PATIENCE_S + PATIENCE_ROUNDS * plan.round_s
    try:
        async with asyncio.timeout(patience_s):
            while any(looking.state(name) != "synchronised" for name in names):
                await looking.next()
    except TimeoutError:
        states = ", ".join(f"{name} is {looking.state(name) or 'silent'}" for name in names)
        raise ServiceFailed(f"the services did not synchronise within {patience_s:g} s: {states}") from None


async def looked_at(plan: Plan, looking: Looking, timeline: Timeline) -> None:
    """Return when there is enough to judge of all services in the part of the time that counts. A short time on a busy machine
    may pass without.

    Raises:
        ServiceFailed: there is not.
    """

    def missing() -> list[str]:
        since_ns = timeline.settled_ns(time.monotonic_ns())
        return [name for name in plan.names if looking.looks_since(name, since_ns) < LEAST_LOOKS]

    try:
        async with asyncio.timeout(PATIENCE_S):
            while missing():
                await looking.next()
    except TimeoutError:
        raise ServiceFailed(f"{', '.join(missing())} did not say how the flock stands for {PATIENCE_S:g} s") from None


async def perform_acts(plan: Plan, services: Services, driver: Driver, looking: Looking, timeline: Timeline) -> None:
    """Let happen what is planned, each at its time. Returns when all has happened."""
    start = asyncio.get_running_loop().time()

    async def until(share: float) -> None:
        await asyncio.sleep(max(0.0, start + share * plan.seconds - asyncio.get_running_loop().time()))

    await until(JUMP_AT)
    runaway = plan.of_role("runaway")
    if runaway is not None:
        services.tell(runaway, jump_us=plan.jump_us)
        timeline.jumped_ns = time.monotonic_ns()
    if plan.restarted is None:
        return
    await until(STOP_AT)
    await driver.avoid(plan.restarted)
    looking.forget(plan.restarted, "stopped")
    await services.stop_one(plan.restarted)
    timeline.stopped_ns = time.monotonic_ns()
    await asyncio.sleep(AWAY_ROUNDS * plan.round_s)
    looking.forget(plan.restarted, "starting")
    await services.start_again(plan.restarted)
    await synchronised(plan, looking, (plan.restarted,))
    timeline.back_ns = time.monotonic_ns()
    driver.use(plan.restarted)
    await asyncio.sleep(SHOWN_ROUNDS * plan.round_s)
