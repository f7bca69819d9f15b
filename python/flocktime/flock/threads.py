"""A thread for one call of a coroutine that blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["in_its_own_thread"]


async def in_its_own_thread(call: Callable[[], None]) -> None:
    """Wait for it while the event loop runs on.

    Not in the loop's own pool: what others have waiting there could keep this call from ever beginning.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="flocktime-close")
    try:
        await asyncio.get_running_loop().run_in_executor(pool, call)
    finally:
        pool.shutdown(wait=False)
