"""The load: requests from outside, several under way at once, at the times that the plan drew.

The driver stands outside of the trust boundary: it carries no clock and sends no timestamps.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import httpx

from flocktime.cli.demo.plan import (
    CHAIN_HEADER,
    CONCURRENCY,
    LONGEST_SECONDS,
    RATE,
    REQUEST_HEADER,
    Chain,
    Plan,
    arrivals,
    covering,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A request from outside waits for a whole chain.
REQUEST_TIMEOUT_S: Final = 60.0
#: However the arrivals were drawn, no more than this.
MOST_REQUESTS: Final = int(2 * RATE * LONGEST_SECONDS)


class LoadFailed(Exception):
    """A request was not answered as it should have been."""


@dataclass(slots=True)
class Load:
    """How far the load has come."""

    requests: int = 0
    under_way: int = 0
    left_out: int = 0


class Driver:
    """Sends the chains of a plan to the services."""

    def __init__(self, plan: Plan, urls: dict[str, list[str]]) -> None:
        self.load = Load()
        self._plan = plan
        self._urls = urls
        self._numbers = iter(range(1, MOST_REQUESTS + 1))
        self._avoided: set[str] = set()
        self._under_way: dict[int, Chain] = {}
        self._answered = asyncio.Event()
        self._held = asyncio.Event()
        self._held.set()

    async def avoid(self, name: str) -> None:
        """Send nothing through this service from now on. Returns when nothing is on its way through it any more."""
        self._avoided.add(name)
        while any(name in chain for chain in self._under_way.values()):
            self._answered.clear()
            await self._answered.wait()

    def use(self, name: str) -> None:
        """Send through this service again."""
        self._avoided.discard(name)

    def go_on(self, going: bool) -> None:
        """While something is still to happen, the load does not end with its time."""
        (self._held.clear if going else self._held.set)()

    async def run(self) -> None:
        """Return when the time is over, every service has called every other one, nothing more is to happen, and nothing is
        under way any more."""
        chains = islice(arrivals(self._plan), MOST_REQUESTS)
        start = asyncio.get_running_loop().time()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT_S, trust_env=False, limits=limits) as client:
            workers = [asyncio.create_task(self._work(client, chains, start)) for _ in range(CONCURRENCY)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, client: httpx.AsyncClient, chains: Iterator[tuple[float, Chain]], start: float) -> None:
        loop, must = asyncio.get_running_loop(), covering(self._plan)
        for at, chain in chains:
            number = next(self._numbers)
            if number > must and self._held.is_set() and max(loop.time() - start, at) > self._plan.seconds:
                return
            await asyncio.sleep(max(0.0, start + at - loop.time()))
            if self._avoided & set(chain):
                self.load.left_out += 1
                continue
            self._under_way[number] = chain
            self.load.under_way = len(self._under_way)
            await self._request(client, number, chain)
            del self._under_way[number]
            self._answered.set()
            self.load.under_way = len(self._under_way)
            self.load.requests += 1

    async def _request(self, client: httpx.AsyncClient, number: int, chain: Chain) -> None:
        first, rest = chain[0], ",".join(chain[1:])
        headers = {REQUEST_HEADER: f"request-{number}", CHAIN_HEADER: rest}
        try:
            workers = self._urls[first]
            response = await client.get(f"{workers[number % len(workers)]}/call", headers=headers)
            visited = response.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise LoadFailed(f"request {number} ({' > '.join(chain)}): {type(error).__name__}: {error}") from error
        if tuple(visited) != chain:
            raise LoadFailed(f"request {number} was to visit {' > '.join(chain)}, it visited {visited}")
