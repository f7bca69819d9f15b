"""The services as processes: started together, watched while they run, and gone afterwards whatever happened."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from flocktime.cli.demo.plan import Plan, ServicePlan

#: Starting is importing a web server and a client. A machine that is busy otherwise may take its time.
START_TIMEOUT_S: Final = 60.0
#: From the word to stop until a process is killed.
STOP_TIMEOUT_S: Final = 8.0
#: How much of what a service wrote on standard error is kept for people.
MOST_STDERR_BYTES: Final = 8_192


class ServiceFailed(Exception):
    """A service did not start, ended early, or could not be stopped cleanly."""


class ServiceProcess:
    """One running service, as its parent sees it."""

    def __init__(self, plan: ServicePlan, process: asyncio.subprocess.Process) -> None:
        self.name = plan.name
        self.url = ""
        self._process = process
        self._stderr = bytearray()
        self._reading = asyncio.create_task(self._read_stderr())

    @classmethod
    async def start(cls, plan: ServicePlan, log: Path, seed: int) -> ServiceProcess:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # whatever lies in the directory that the user stands in is no module of ours
            "-m",
            "flocktime.cli.demo.service",
            plan.name,  # only for people who look at the process list
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # an interrupt from the terminal is for the parent, who stops all in order
        )
        service = cls(plan, process)
        service.tell(plan=asdict(plan), log=str(log), seed=seed)
        return service

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, **value: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        """The next line that the service says; its end is a failure."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            await self._process.wait()
            raise await self._failure("ended before it served")
        value: dict[str, Any] = json.loads(line)
        return value

    async def ended(self) -> ServiceFailed:
        """Wait for the process to end, which it should not, and say so."""
        await self._process.wait()
        return await self._failure("ended while it was needed")

    async def stop(self) -> ServiceFailed | None:
        """End the process, by force if need be. Returns what was wrong with the way it went."""
        early = self._process.returncode is not None
        with suppress(ProcessLookupError):  # it ended between the look and the signal
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            return await self._failure(f"did not stop within {STOP_TIMEOUT_S:g} s and was killed")
        if early or self._process.returncode:
            return await self._failure("ended early" if early else "did not stop cleanly")
        await self._reading
        return None

    async def _failure(self, what: str) -> ServiceFailed:
        await self._reading
        code = self._process.returncode
        how = f"exit code {code}" if code is None or code >= 0 else f"signal {signal.Signals(-code).name}"
        said = self._stderr.decode(errors="replace").strip() or "(nothing)"
        return ServiceFailed(f"service {self.name} {what} ({how}); the end of its standard error:\n{said}")

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(4096):
            self._stderr += chunk
            del self._stderr[:-MOST_STDERR_BYTES]


class Services:
    """All services of a plan."""

    def __init__(self) -> None:
        self._processes: list[ServiceProcess] = []

    @property
    def urls(self) -> dict[str, str]:
        return {service.name: service.url for service in self._processes}

    async def start(self, plan: Plan, logs: Path) -> None:
        """Start all at once, tell each where the others are, and return when everybody serves."""
        for service in plan.services:
            self._processes.append(await ServiceProcess.start(service, log_path(logs, service.name), plan.seed))
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                for process in self._processes:
                    process.url = f"http://127.0.0.1:{(await process.hear())['port']}"
                for process in self._processes:
                    process.tell(peers=self.urls)
                for process in self._processes:
                    await process.hear()
        except TimeoutError:
            raise ServiceFailed(f"the services did not start within {START_TIMEOUT_S:g} s") from None

    async def failed(self) -> ServiceFailed:
        """Wait until any service ends, and return what there is to say about it."""
        endings = [asyncio.create_task(process.ended()) for process in self._processes]
        try:
            done, _ = await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for ending in endings:
                ending.cancel()
        return done.pop().result()

    async def stop(self) -> None:
        """End all of them; then raise the first failure, if there was one."""
        failures = await asyncio.gather(*(process.stop() for process in self._processes))
        self._processes.clear()
        for failure in failures:
            if failure is not None:
                raise failure


@asynccontextmanager
async def running(plan: Plan, logs: Path) -> AsyncIterator[Services]:
    """The services of a plan, serving inside the block and ended after it."""
    services = Services()
    try:
        await services.start(plan, logs)
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


def log_path(logs: Path, name: str) -> Path:
    """Where a service of that name writes."""
    return logs / f"{name}.jsonl"
