"""The scenario, all of it from one seed: who is there, how wrong each clock is, who calls whom and when, what happens.

What the seed doesn't decide is how fast the machine runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Final, Literal

from flocktime._backend import BACKEND

if TYPE_CHECKING:
    from collections.abc import Iterator

FEWEST_SERVICES: Final = 5  # the two wrong ones, and three honest ones: a majority
MOST_SERVICES: Final = 16
LONGEST_SECONDS: Final = 120.0
SHORTEST_SECONDS: Final = 0.5

MOST_OFFSET_US: Final = 200_000
MOST_PPM: Final = 100.0
RUNAWAY_YEAR: Final = 2051
SLOW_OFFSET_US: Final = -3_600_000_000

#: A round of the flock, seconds: short, so that in a short run there are enough of them. Never shorter than so many of the
#: longest ways through the network.
SHORTEST_ROUND_S: Final = 0.05
LONGEST_ROUND_S: Final = 0.15
ROUNDS_OF_A_RUN: Final = 100
ROUND_TRIPS: Final = 8
#: What is done to the flock, as shares of the time.
JUMP_AT: Final = 0.25
STOP_AT: Final = 0.45
#: A shorter run has no room for stopping a service and starting it again.
SHORTEST_WITH_RESTART_S: Final = 6.0
#: What a jump is named by, at the latest.
NAMING_ROUNDS: Final = 40
#: What a wrong clock beneath a member needs to be noticed.
NOTICING_ROUNDS: Final = 30

#: How many processes a service has, on one page with one flock member. The pure backend has no pages.
WORKERS: Final = 1 if BACKEND == "pure" else 2

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
        role: ``"honest"``: a bit off, as clocks are; ``"runaway"``: jumps to the year 2051 while it runs; ``"slow"``: an
            hour behind from the start.
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
class Network:
    """What the relay does to each datagram of the flock, each way.

    Attributes:
        delay_ms: how long it takes.
        jitter_ms: how far that varies, either way, uniformly.
        asymmetry_ms: how much longer it takes from a service to one that stands later in the table than back.
        loss: the share that never arrives.
    """

    delay_ms: float = 0.5
    jitter_ms: float = 0.2
    asymmetry_ms: float = 0.0
    loss: float = 0.02

    @property
    def longest_s(self) -> float:
        """The longest way there and back."""
        return (2 * (self.delay_ms + self.jitter_ms) + self.asymmetry_ms) / 1e3


@dataclass(frozen=True, slots=True)
class Plan:
    """One demonstration: the same seed, number of services and seconds give the same plan.

    Attributes:
        restarted: the service that is stopped and started again, ``None`` in a run too short for that.
        jump_us: how far the runaway jumps.
    """

    seed: int
    seconds: float
    services: tuple[ServicePlan, ...]
    network: Network = Network()
    restarted: str | None = None
    jump_us: int = 0

    @property
    def names(self) -> Chain:
        return tuple(service.name for service in self.services)

    @property
    def round_s(self) -> float:
        """Time between two steps of the flock."""
        shown = min(max(self.seconds / ROUNDS_OF_A_RUN, SHORTEST_ROUND_S), LONGEST_ROUND_S)
        return max(shown, ROUND_TRIPS * self.network.longest_s)

    def of_role(self, role: Role) -> str | None:
        """The first service of that role."""
        return next((service.name for service in self.services if service.role == role), None)

    def expects(self, rounds: int, since_s: float = 0.0) -> bool:
        """Whether the run leaves so many rounds after this moment."""
        return self.seconds - since_s >= rounds * self.round_s


def process_name(service: str, start: int, worker: int) -> str:
    """What one process of a service is called: the first worker of the first start has the service's own name."""
    return service + ("" if start == 1 else f".{start}") + ("" if worker == 1 else f"-{worker}")


def make_plan(services: int, seed: int, seconds: float, now_us: int, network: Network | None = None) -> Plan:
    """Draw the wall clocks. ``now_us`` is the host's time, from which the year 2051 is reached."""
    draw = Random(f"{seed}/clocks")
    runaway, slow = draw.sample(range(services), 2)
    offsets = iter(_spread(draw, services - 1))
    planned = []
    for index, name in enumerate(_NAMES[:services]):
        ppm = round(draw.uniform(-MOST_PPM, MOST_PPM), 1)
        if index == slow:
            planned.append(ServicePlan(name, "slow", SLOW_OFFSET_US, ppm))
        else:
            planned.append(ServicePlan(name, "runaway" if index == runaway else "honest", next(offsets), ppm))
    honest = [service.name for service in planned if service.role == "honest"]
    restarted = draw.choice(honest) if seconds >= SHORTEST_WITH_RESTART_S else None
    jump_us = int(datetime(RUNAWAY_YEAR, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000 - now_us
    return Plan(seed, seconds, tuple(planned), network or Network(), restarted, jump_us)


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
