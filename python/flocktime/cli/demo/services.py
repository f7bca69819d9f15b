"""All services of a plan and the network between their flocks, as processes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flocktime.cli.demo.plan import WORKERS, process_name
from flocktime.cli.demo.processes import START_TIMEOUT_S, Child, ServiceFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from flocktime.cli.demo.plan import Plan, ServicePlan


class Services:
    """The services, the relay, and where everybody is."""

    def __init__(self, plan: Plan, logs: Path, pages: Path) -> None:
        #: Where each service's workers are; the first one has the flock.
        self.urls: dict[str, list[str]] = {}
        self._plan = plan
        self._logs = logs
        self._pages = pages
        self._children: dict[str, list[Child]] = {}
        self._relay: Child | None = None
        self._starts: dict[str, int] = {}
        self._watching: set[asyncio.Task[None]] = set()
        self._deaths: asyncio.Queue[ServiceFailed] = asyncio.Queue()
        self._relayed: dict[str, str] = {}

    @property
    def logs(self) -> list[tuple[str, Path]]:
        """The log of each process that was started, with its service, in the order of the plan."""
        return [
            (name, log_path(self._logs, name, start, worker))
            for name in self._plan.names
            for start in range(1, self._starts.get(name, 0) + 1)
            for worker in range(1, WORKERS + 1)
        ]

    async def start(self) -> None:
        """Start all at once, tell each where the others are, and return when everybody serves."""
        plan = self._plan
        first = {"names": plan.names, "network": asdict(plan.network), "seed": plan.seed}
        self._relay = await Child.start("the relay", "relay", "relay", **first)
        for service in plan.services:
            await self._spawn(service)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                self._relayed = (await self._relay.hear())["members"]
                for name in plan.names:
                    await self._arrived(name)
                for name in plan.names:
                    self._introduce(name)
                for name in plan.names:
                    await self._serving(name)
        except TimeoutError:
            raise ServiceFailed(f"the services did not start within {START_TIMEOUT_S:g} s") from None
        for child in (self._relay, *chain.from_iterable(self._children.values())):
            self._watch(child)

    async def stop_one(self, name: str) -> None:
        """End one service on purpose."""
        failures = await asyncio.gather(*(child.stop() for child in self._children.pop(name)))
        for failure in failures:
            if failure is not None:
                raise failure

    async def start_again(self, name: str) -> None:
        """Start a service that was stopped, and tell the others where it is now. It serves when this returns."""
        service = next(service for service in self._plan.services if service.name == name)
        await self._spawn(service)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._arrived(name)
                self._introduce(name)
                await self._serving(name)
        except TimeoutError:
            raise ServiceFailed(f"service {name} did not start again within {START_TIMEOUT_S:g} s") from None
        for child in self._children[name]:
            self._watch(child)
        for other in self._children:
            if other != name:
                self.tell(other, peers=self.urls)

    def tell(self, name: str, **value: Any) -> None:
        """Tell one service something, all its processes."""
        for child in self._children[name]:
            child.tell(**value)

    async def failed(self) -> ServiceFailed:
        """Wait until anybody ends who should not, and return what there is to say about it."""
        return await self._deaths.get()

    async def stop(self) -> None:
        """End all of them; then raise the first failure, if there was one."""
        everybody = [*chain.from_iterable(self._children.values()), *([] if self._relay is None else [self._relay])]
        self._children, self._relay = {}, None
        failures = await asyncio.gather(*(child.stop() for child in everybody))
        await asyncio.gather(*self._watching)
        for failure in failures:
            if failure is not None:
                raise failure

    async def _spawn(self, service: ServicePlan) -> None:
        name, start = service.name, self._starts.get(service.name, 0) + 1
        first = {
            "plan": asdict(service),
            "start": start,
            "seed": self._plan.seed,
            "round_s": self._plan.round_s,
            "page": str(self._pages / name) if WORKERS > 1 else None,
        }
        workers = self._children[name] = []
        for worker in range(1, WORKERS + 1):
            log, called = str(log_path(self._logs, name, start, worker)), process_name(name, 1, worker)
            workers.append(await Child.start(f"service {called}", "service", called, log=log, worker=worker, **first))
        self._starts[name] = start

    async def _arrived(self, name: str) -> None:
        """Hear where a service is, and tell the relay."""
        said = [await child.hear() for child in self._children[name]]
        self.urls[name] = [f"http://127.0.0.1:{each['port']}" for each in said]
        assert self._relay is not None
        self._relay.tell(members={name: said[0]["member"]})
        await self._relay.hear()

    def _introduce(self, name: str) -> None:
        others = [address for other, address in self._relayed.items() if other != name]
        self.tell(name, peers=self.urls, flock=others)

    async def _serving(self, name: str) -> None:
        """Hear that a service serves."""
        for child in self._children[name]:
            await child.hear()

    def _watch(self, child: Child) -> None:
        async def watch() -> None:
            failure = await child.ended()
            if child is self._relay or child in chain.from_iterable(self._children.values()):  # nobody meant it to end
                self._deaths.put_nowait(failure)

        task = asyncio.create_task(watch())
        self._watching.add(task)


@asynccontextmanager
async def running(plan: Plan, logs: Path) -> AsyncIterator[Services]:
    """The services of a plan, serving inside the block and ended after it."""
    with TemporaryDirectory(prefix="flocktime-pages-") as pages:
        services = Services(plan, logs, Path(pages))
        try:
            await services.start()
            yield services
        except BaseException:
            with suppress(ServiceFailed):  # the reason for leaving is the one to tell
                await _to_the_end(services.stop())
            raise
        await _to_the_end(services.stop())


async def _to_the_end(stopping: Coroutine[Any, Any, None]) -> None:
    """Stopping is bounded, so it is finished even if it is cancelled half-way."""
    task = asyncio.create_task(stopping)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def log_path(logs: Path, name: str, start: int = 1, worker: int = 1) -> Path:
    """Where a process of a service of that name writes, started for the so manieth time."""
    return logs / f"{process_name(name, start, worker)}.jsonl"
