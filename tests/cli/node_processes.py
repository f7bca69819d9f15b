"""Nodes as processes: started, listened to, stopped."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support import environment

PATIENCE_S = 60.0
ROUND = "0.05"


class NodeProcess:
    """A node that prints JSON lines; they are read by a thread, so that the node never waits for its reader."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-P", "-m", "flocktime", "node", "--json", "--round", ROUND, *arguments]
        environ = environment(**(env or {}))
        self.process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.seen: list[dict[str, Any]] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.started = self.wait(lambda event: event["event"] == "started")

    @property
    def address(self) -> str:
        return str(self.started["address"])

    @property
    def status_address(self) -> str:
        return str(self.started["status_address"])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def wait(self, for_what: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The next event that fits; an ``AssertionError`` when the node ends or takes too long."""
        while True:
            line = self._lines.get(timeout=PATIENCE_S)
            assert line, (self.seen, self.process.stderr.read() if self.process.stderr else "")
            self.seen.append(json.loads(line))
            if for_what(self.seen[-1]):
                return self.seen[-1]

    def wait_state(self, state: str) -> dict[str, Any]:
        return self.wait(lambda event: event.get("state") == state)

    def wait_note(self, words: str) -> str:
        return str(self.wait(lambda event: words in str(event.get("message")))["message"])

    def stop(self, number: int) -> tuple[int, str]:
        """Send a signal. Returns the exit code and what it wrote to standard error."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self.process.stderr is not None
        return code, self.process.stderr.read()


@contextmanager
def node(*arguments: str, env: dict[str, str] | None = None) -> Iterator[NodeProcess]:
    """A node on a port of its own, killed at the end if it still runs."""
    listen = () if "--listen" in arguments else ("--listen", "127.0.0.1:0")
    running = NodeProcess(*listen, *arguments, env=env)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait(PATIENCE_S)
        running._reader.join(PATIENCE_S)
        for stream in (running.process.stdout, running.process.stderr):
            if stream is not None:
                stream.close()
