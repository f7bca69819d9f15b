"""The end of a process: whoever waits, pushes or has events inside then, it ends with status 0 and without a word."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.buffers import PATIENCE_S
from tests.support import environment

pytestmark = pytest.mark.processes

PROGRAM = """
import asyncio, atexit, sys, threading, time
from flocktime import EventBuffer
from flocktime.events import EventBufferError

class Watched(EventBuffer):
    def _watch(self, *arguments):
        super()._watch(*arguments)
        waiting.release()

class Thing:
    def __del__(self):
        buffer = globals().get("buffer")
        if buffer is not None:
            len(buffer), buffer.stats(), buffer.closed

class Slow:
    \"\"\"Lets other threads run while the interpreter ends.\"\"\"
    def __del__(self, monotonic=time.monotonic, wait=time.sleep):
        end = monotonic() + 0.2
        while monotonic() < end:
            wait(0.001)

waiting = threading.Semaphore(0)
buffer, full = Watched(100), Watched(1, overflow="block")
sys.modules["slow"] = Slow()

def daemon(function):
    threading.Thread(target=function, daemon=True).start()

def over_and_over(function):
    def run():
        while True:
            try:
                function()
            except EventBufferError:
                pass
    return run
"""

#: What runs last, once ``waiting`` says that everybody is where the name puts them.
ENDS = {
    "events inside": """
buffer.push_many(Thing() for _ in range(50))
buffer.push(buffer)
""",
    "a waiting consumer": """
daemon(buffer.pop)
waiting.acquire()
""",
    "a waiting iteration": """
daemon(lambda: list(buffer))
waiting.acquire()
""",
    "waiting producers": """
full.push(Thing())
daemon(lambda: full.push(Thing()))
daemon(lambda: full.push_many([Thing()] * 3))
waiting.acquire(), waiting.acquire()
""",
    "a consumer of little patience": """
daemon(over_and_over(lambda: buffer.pop(timeout=0.001)))
waiting.acquire()
""",
    "producers of little patience": """
full.push(1)
daemon(over_and_over(lambda: full.push(2, timeout=0.001)))
daemon(over_and_over(lambda: full.push_many([2, 3], timeout=0.001)))
waiting.acquire(), waiting.acquire()
""",
    "a consumer and a busy producer": """
daemon(over_and_over(lambda: buffer.pop(timeout=0.001)))
daemon(over_and_over(lambda: buffer.push(Thing())))
waiting.acquire()
""",
    "somebody who looks": """
daemon(over_and_over(buffer.stats))
daemon(over_and_over(buffer.pop))
waiting.acquire()
""",
    "a loop in a thread": """
daemon(lambda: asyncio.run(buffer.pop_async()))
waiting.acquire()
""",
    "somebody called at the end": """
atexit.register(buffer.push, Thing())
daemon(buffer.pop)
waiting.acquire()
""",
    "closed at the end": """
atexit.register(buffer.close)
daemon(buffer.pop)
daemon(lambda: list(buffer))
waiting.acquire(), waiting.acquire()
""",
    "a buffer in its own event": """
buffer.push([buffer, Thing()])
buffer.push(lambda b=buffer: b)
""",
}


@pytest.mark.parametrize("what", ENDS)
def test_the_end_is_quiet(what: str) -> None:
    """Threads that wait are left where they are: up to 3.13 an interpreter that ends unwinds them, which Rust must not see."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM + ENDS[what]],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
