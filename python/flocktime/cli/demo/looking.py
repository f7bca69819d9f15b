"""Asking the services, every now and then, how they stand, for the display and for whoever waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx

from flocktime.cli.demo.log import Look
from flocktime.cli.demo.skew import Moment, latest

if TYPE_CHECKING:
    from flocktime.cli.demo.services import Services

#: How often the services are asked.
LOOK_EVERY_S: Final = 0.2


@dataclass(slots=True)
class State:
    """What a service said last. ``note`` stands in for the state of one that is away on purpose."""

    node: int | None = None
    wall_us: int = 0
    events: int = 0
    refused: int = 0
    looks: list[Look] = field(default_factory=list)
    note: str | None = None
    earlier: tuple[int, int] = (0, 0)


class Looking:
    """All services as they were seen last."""

    def __init__(self, services: Services) -> None:
        self.states: dict[str, State] = {}
        self._services = services
        self._looked: asyncio.Event = asyncio.Event()

    def state(self, name: str) -> str | None:
        """How a service's flock stands; ``None`` before it has said so."""
        state = self.states.get(name)
        if state is None or state.note is not None or not state.looks:
            return None if state is None else state.note
        return state.looks[-1].state

    def looks_since(self, name: str, true_ns: int) -> int:
        """How many looks it has told of that it took after this moment of the host's monotonic clock, of the last few."""
        state = self.states.get(name)
        return 0 if state is None else sum(look.true_ns > true_ns for look in state.looks)

    def names(self) -> dict[int, str]:
        """Which service a node is."""
        return {state.node: name for name, state in self.states.items() if state.node is not None}

    def moment(self) -> Moment | None:
        """All services at the latest instant that all were looked at."""
        return latest({name: state.looks for name, state in self.states.items() if state.note is None})

    def forget(self, name: str, note: str) -> None:
        """This service is away, on purpose."""
        state = self.states.setdefault(name, State())
        so_far = (state.events, state.refused)
        self.states[name] = State(events=so_far[0], refused=so_far[1], note=note, earlier=so_far)

    async def next(self) -> None:
        """Wait for the next look."""
        await self._looked.wait()

    async def run(self, seen: Callable[[], object]) -> None:
        """Ask everybody again and again, and say so each time. Never ends."""
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                for name, urls in list(self._services.urls.items()):
                    await self._ask(client, name, urls)
                looked, self._looked = self._looked, asyncio.Event()
                looked.set()
                seen()
                await asyncio.sleep(LOOK_EVERY_S - time.monotonic() % LOOK_EVERY_S)

    async def _ask(self, client: httpx.AsyncClient, name: str, urls: list[str]) -> None:
        before = self.states.get(name, State())
        if before.note == "stopped":
            return
        try:
            said: list[dict[str, Any]] = [(await client.get(f"{url}/state")).json() for url in urls]
        except httpx.HTTPError:
            return  # too busy to answer, or on its way; if it died, that is told elsewhere
        if self.states.get(name, before).note == "stopped":
            return  # stopped while it answered
        looks = [Look(**{**look, "wrong": tuple(look["wrong"])}) for look in said[0]["looks"]]
        events, refused = before.earlier
        self.states[name] = State(
            said[0]["node"],
            said[0]["wall_us"],
            events + sum(each["events"] for each in said),
            refused + sum(each["refused"] for each in said),
            looks,
            None,
            before.earlier,
        )
