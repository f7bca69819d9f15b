"""The processes of a demonstration: started together, watched while they run, and gone afterwards whatever happened."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import suppress
from typing import Any, Final

#: Starting is importing a web server and a client. A machine that is busy otherwise may take its time.
START_TIMEOUT_S: Final = 60.0
#: From the word to stop until a process is killed.
STOP_TIMEOUT_S: Final = 8.0
#: How much of what a process wrote on standard error is kept for people.
MOST_STDERR_BYTES: Final = 8_192


class ServiceFailed(Exception):
    """A process did not start, ended early, or could not be stopped cleanly."""


class Child:
    """One running process, as its parent sees it."""

    def __init__(self, title: str, process: asyncio.subprocess.Process) -> None:
        self.title = title
        self._process = process
        self._stderr = bytearray()
        self._reading = asyncio.create_task(self._read_stderr())

    @classmethod
    async def start(cls, title: str, module: str, name: str, **first: Any) -> Child:
        """Start a module of this folder, and tell it the first thing it is to know. The name is for the process list."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # whatever lies in the directory that the user stands in is no module of ours
            "-m",
            f"flocktime.cli.demo.{module}",
            name,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # an interrupt from the terminal is for the parent, who stops all in order
        )
        child = cls(title, process)
        child.tell(**first)
        return child

    def tell(self, **value: Any) -> None:
        """Say something, without waiting for it to be heard."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        """The next line that it says; its end is a failure."""
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
        return ServiceFailed(f"{self.title} {what} ({how}); the end of its standard error:\n{said}")

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(4096):
            self._stderr += chunk
            del self._stderr[:-MOST_STDERR_BYTES]
