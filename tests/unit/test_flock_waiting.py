"""Waiting for a flock in a coroutine, cancelled or not, and the words with which a wait ends in vain."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from flocktime import NotReady
from flocktime.flock import Flock, FlockStatus
from flocktime.flock.readiness import Readiness
from tests.support import environment
from tests.unit.flocks import PATIENCE_S, flocks, together

if TYPE_CHECKING:
    from flocktime._backend import FlockMember

HERE = "127.0.0.1:0"

#: More waits that are given up than the loop's pool has threads, in a process that a test can give up.
IMPATIENT = """
import asyncio, os
from flocktime import Flock

async def main():
    async with Flock("127.0.0.1:0") as flock:
        for _ in range(os.cpu_count() + 4):
            try:
                await asyncio.wait_for(flock.wait_ready(), 0.01)
            except TimeoutError:
                pass
        print(await asyncio.to_thread(lambda: "the pool is free"))
    print(flock.state)

asyncio.run(main())
"""


def test_waits_that_are_given_up_hold_nothing() -> None:
    """However many there were: the loop's pool takes calls, and the flock and the program end."""
    command = [sys.executable, "-P", "-c", IMPATIENT]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=60, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the pool is free\nstopped\n", "")


def test_a_cancelled_wait_leaves_no_thread() -> None:
    """Nor does one that is under way hold any."""

    async def scenario(flock: Flock) -> None:
        before = threading.active_count()
        wait = asyncio.create_task(flock.wait_ready())
        await asyncio.sleep(0)
        assert threading.active_count() == before
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        assert threading.active_count() == before

    with Flock(HERE) as flock:
        asyncio.run(scenario(flock))


def test_a_coroutine_is_told_in_the_end() -> None:
    """``wait_ready`` returns once the member is synchronised, and at once from then on."""

    async def scenario(flock: Flock) -> None:
        await flock.wait_ready(PATIENCE_S)
        await flock.wait_ready(0)

    with flocks(4) as members:
        asyncio.run(scenario(members[0]))
        together(members)
        asyncio.run(scenario(members[1]))


def test_leaving_needs_no_thread_of_the_loops_pool() -> None:
    """``async with`` ends while everything that the loop may run in threads is waiting for something else."""
    release = threading.Event()

    async def scenario() -> None:
        from concurrent.futures import ThreadPoolExecutor

        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        busy = loop.run_in_executor(None, release.wait, PATIENCE_S)
        try:
            async with asyncio.timeout(PATIENCE_S / 3), Flock(HERE) as flock:
                pass
            assert flock.state == "stopped"
        finally:
            release.set()
            await busy

    asyncio.run(scenario())


class Ended:
    """A member whose thread has come to a bad end."""

    running = False

    def wait(self, serial: int, timeout: float) -> list[Any]:
        return [(1, "synchronised", [])][serial:]


def test_a_failed_member_says_why() -> None:
    """Whoever waits for it reads the reason, also where it was synchronised to the end."""
    status = FlockStatus("failed", steering=True, address=None, name="a", node=1, io={"failure": "no memory"})
    member: FlockMember = Ended()  # type: ignore[assignment]
    wait = Readiness(member, lambda: status, steers=True, timeout=None)
    with pytest.raises(NotReady, match=r"this member is failed \(no memory\)"):
        wait.wait()
