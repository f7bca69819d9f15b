"""When the demonstration goes on: what it waits for, and how long."""

from __future__ import annotations

import asyncio
import time

import pytest

from flocktime.cli.demo import acts
from flocktime.cli.demo.acts import LEAST_LOOKS, looked_at
from flocktime.cli.demo.flocking import Timeline
from flocktime.cli.demo.log import Look
from flocktime.cli.demo.looking import Looking, State
from flocktime.cli.demo.plan import make_plan
from flocktime.cli.demo.processes import ServiceFailed
from flocktime.cli.demo.services import Services

PLAN = make_plan(5, 1, 0.5, 1_800_000_000_000_000)


class Told(Looking):
    """Services that say one look more each time they are asked; some only at first."""

    def __init__(self, *silent: str) -> None:
        super().__init__(Services.__new__(Services))
        self._silent = silent
        self.rounds = 0
        self.states = {name: State(looks=[self._look()]) for name in PLAN.names}

    async def next(self) -> None:
        self.rounds += 1
        for name, state in self.states.items():
            if name not in self._silent:
                state.looks.append(self._look())
        await asyncio.sleep(0)

    def _look(self) -> Look:
        return Look(time.monotonic_ns(), 0, 0, "synchronised", (), False)


def test_the_load_goes_on_until_there_is_something_to_judge() -> None:
    """However little of the time is left: until everybody has said often enough, in the part that counts, how it stands."""
    looking, timeline = Told(), Timeline(together_ns=time.monotonic_ns())
    asyncio.run(looked_at(PLAN, looking, timeline))
    ended_ns = time.monotonic_ns()
    assert looking.rounds >= LEAST_LOOKS
    assert all(looking.looks_since(name, timeline.together_ns) >= LEAST_LOOKS for name in PLAN.names)
    assert timeline.together_ns < timeline.settled_ns(ended_ns) < ended_ns


def test_who_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for ever: a failure with the names of those who are silent, and of nobody else."""
    monkeypatch.setattr(acts, "PATIENCE_S", 0.05)
    silent = PLAN.names[3]
    with pytest.raises(ServiceFailed, match=rf"^{silent} did not say how the flock stands for 0\.05 s$"):
        asyncio.run(looked_at(PLAN, Told(silent), Timeline(together_ns=time.monotonic_ns())))
