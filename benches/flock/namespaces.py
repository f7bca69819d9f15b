"""Network namespaces: each member on a host of its own, two switches between them, and a cable that can be cut.

Needs root and ``ip``. Everything is in namespaces of its own; the machine's own network is not touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from typing import Self

from benches.flock.processes import HarnessError

__all__ = ["Hosts", "available"]

#: In the first namespace: two switches and the cable between them.
SWITCHES = ("left", "right")
CABLE = ("cable-l", "cable-r")


def available() -> str | None:
    """Why there can be no namespaces here, or ``None``."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the program ip"
    tried = subprocess.run(["ip", "netns", "add", _probe()], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"no network namespaces here: {tried.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", _probe()], capture_output=True, check=False)
    return None


class Hosts:
    """So many hosts; the first half at the left switch, the others at the right one."""

    def __init__(self, count: int) -> None:
        refused = available()
        if refused is not None:
            raise HarnessError(refused)
        self._stem = f"flock-{os.getpid()}"
        self._hub = f"{self._stem}-hub"
        self._made: list[str] = []
        self.count = count

    def __enter__(self) -> Self:
        try:
            self._make(self._hub)
            for switch in SWITCHES:
                self._in_hub("link", "add", switch, "type", "bridge")
                self._in_hub("link", "set", switch, "up")
            self._in_hub("link", "add", CABLE[0], "type", "veth", "peer", "name", CABLE[1])
            for end, switch in zip(CABLE, SWITCHES, strict=True):
                self._in_hub("link", "set", end, "master", switch)
                self._in_hub("link", "set", end, "up")
            for host in range(self.count):
                self._add(host)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prefix(self, host: int) -> tuple[str, ...]:
        """What comes before a command to run it there. It becomes the command: no process is left in between."""
        return ("ip", "netns", "exec", self._name(host))

    def address(self, host: int) -> str:
        return f"10.77.0.{host + 1}"

    def cut(self) -> None:
        """The halves hear nothing of each other any more."""
        self._in_hub("link", "set", CABLE[0], "down")

    def join(self) -> None:
        self._in_hub("link", "set", CABLE[0], "up")

    def unplug(self, host: int) -> None:
        """This host hears nobody any more."""
        self._in_hub("link", "set", f"to-{host}", "down")

    def plug(self, host: int) -> None:
        self._in_hub("link", "set", f"to-{host}", "up")

    def close(self) -> None:
        """Devices go with the namespaces that they are in."""
        for name in self._made:
            with suppress(HarnessError):  # as many as can be; what is left is seen by its name
                _ip("netns", "delete", name)
        self._made.clear()

    def _add(self, host: int) -> None:
        name, end = self._name(host), f"to-{host}"
        self._make(name)
        self._in_hub("link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", name)
        self._in_hub("link", "set", end, "master", SWITCHES[2 * host >= self.count])
        self._in_hub("link", "set", end, "up")
        _ip("-n", name, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "link", "set", "lo", "up")

    def _make(self, name: str) -> None:
        _ip("netns", "add", name)
        self._made.append(name)

    def _in_hub(self, *arguments: str) -> None:
        _ip("-n", self._hub, *arguments)

    def _name(self, host: int) -> str:
        return f"{self._stem}-{host}"


def _probe() -> str:
    return f"flock-{os.getpid()}-probe"


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise HarnessError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
