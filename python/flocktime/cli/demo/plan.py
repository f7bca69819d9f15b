"""The scenario, all of it from one seed: who is there, how wrong each wall clock is, who calls whom and when.

What the seed doesn't decide is how fast the machine runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

FEWEST_SERVICES: Final = 4  # the two wrong ones, and two honest ones whose clocks disagree
MOST_SERVICES: Final = 16
LONGEST_SECONDS: Final = 120.0
SHORTEST_SECONDS: Final = 0.5

MOST_OFFSET_US: Final = 200_000
MOST_PPM: Final = 200.0
RUNAWAY_YEAR: Final = 2051
SLOW_OFFSET_US: Final = -3_600_000_000

#: Request chains a second, and how many may be under way at once. Two busy cores manage a multiple of it.
RATE: Final = 60.0
CONCURRENCY: Final = 8
#: Calls from service to service within one chain.
FEWEST_CALLS: Final = 3
MOST_CALLS: Final = 4

#: The rest of a chain, the id of one message, and of the request from outside that it belongs to.
CHAIN_HEADER: Final = "demo-chain"
MESSAGE_HEADER: Final = "demo-message"
REQUEST_HEADER: Final = "demo-request"

Role = Literal["honest", "runaway", "slow"]
OnDrift = Literal["reject", "adopt", "ignore", "clamp"]
Chain = tuple[str, ...]

_NAMES: Final = (
    "gateway", "orders", "stock", "payments", "ledger", "mail", "search", "prices",
    "users", "carts", "reviews", "images", "shipping", "returns", "reports", "audit",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service and its wall clock.

    Attributes:
        name: what it is called, in the process list too.
        role: ``"honest"``: a bit off, as clocks are; ``"runaway"``: set to the year 2051; ``"slow"``: an hour behind.
        offset_us: how far its wall clock is off at the start, in microseconds.
        ppm: how much faster it runs, in parts per million.
        on_drift: the drift policy of its flocktime clock.
    """

    name: str
    role: Role
    offset_us: int
    ppm: float
    on_drift: OnDrift = "reject"


@dataclass(frozen=True, slots=True)
class Plan:
    """One demonstration: the same seed, number of services and seconds give the same plan."""

    seed: int
    seconds: float
    services: tuple[ServicePlan, ...]

    @property
    def names(self) -> Chain:
        return tuple(service.name for service in self.services)


def make_plan(services: int, seed: int, seconds: float, now_us: int) -> Plan:
    """Draw the wall clocks. ``now_us`` is the host's time, from which the year 2051 is reached."""
    draw = Random(f"{seed}/clocks")
    runaway, slow = draw.sample(range(services), 2)
    offsets = iter(_spread(draw, services - 2))
    planned = []
    for index, name in enumerate(_NAMES[:services]):
        ppm = round(draw.uniform(-MOST_PPM, MOST_PPM), 1)
        if index == runaway:
            start = int(datetime(RUNAWAY_YEAR, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
            planned.append(ServicePlan(name, "runaway", start - now_us, ppm))
        elif index == slow:
            planned.append(ServicePlan(name, "slow", SLOW_OFFSET_US, ppm))
        else:
            planned.append(ServicePlan(name, "honest", next(offsets), ppm))
    return Plan(seed, seconds, tuple(planned))


def _spread(draw: Random, count: int) -> list[int]:
    """Offsets one from each of ``count`` equal parts of the range: no seed makes all clocks agree by luck."""
    width = 2 * MOST_OFFSET_US / count
    offsets = [round(-MOST_OFFSET_US + (part + draw.random()) * width) for part in range(count)]
    draw.shuffle(offsets)
    return offsets


def arrivals(plan: Plan) -> Iterator[tuple[float, Chain]]:
    """When each chain is to start, in seconds, and whom it visits in which order. Never ends.

    The first chains together let every service call every other one, so that nobody goes unheard in a short run; random
    walks follow.
    """
    draw = Random(f"{plan.seed}/chains")
    at = 0.0
    for chain in _chains(plan.names, draw):
        yield at, chain
        at += draw.expovariate(RATE)


def covering(plan: Plan) -> int:
    """How many chains of ``arrivals`` it takes until every service has called every other one."""
    return len(_covering_chains(plan.names, Random(f"{plan.seed}/chains")))


def _chains(names: Chain, draw: Random) -> Iterator[Chain]:
    yield from _covering_chains(names, draw)
    while True:
        yield _extended([draw.choice(names)], draw.randint(FEWEST_CALLS, MOST_CALLS), names, draw)


def _covering_chains(names: Chain, draw: Random) -> list[Chain]:
    """Walks that together use every ordered pair of services as a call."""
    unused = {name: [other for other in names if other != name] for name in names}
    for others in unused.values():
        draw.shuffle(others)
    chains = []
    while any(unused.values()):
        walk = [max(names, key=lambda name: len(unused[name]))]
        while unused[walk[-1]] and len(walk) <= MOST_CALLS:
            walk.append(unused[walk[-1]].pop())
        chains.append(_extended(walk, FEWEST_CALLS, names, draw))
    return chains


def _extended(walk: list[str], calls: int, names: Chain, draw: Random) -> Chain:
    """The walk, gone on at random until it has so many calls. Nobody calls itself."""
    while len(walk) <= calls:
        walk.append(draw.choice([name for name in names if name != walk[-1]]))
    return tuple(walk)
