"""What a member is called, and the number that its one vote hangs on."""

from __future__ import annotations

import hashlib
import secrets
import socket
import sys
from pathlib import Path

__all__ = ["Identity", "origin_of"]


def origin_of(name: str) -> int:
    """Sixty-four bits that stand for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) or 1


class Identity:
    """A member's name and its ``origin``; members of one origin have one vote together.

    A name that was given, and an address with a port, are the same after a restart. What else a process knows of itself it
    may share with others on its host, so there the origin is one that nobody else has, and another one after a restart.
    """

    def __init__(self, name: str | None, listen: str | None) -> None:
        self._name = name
        if name is None and listen is None:
            self._name = f"{_host()}/{Path(sys.argv[0]).name}/{secrets.token_hex(4)}"
        elif name is None and listen is not None and not _lets_the_system_choose(listen):
            self._name = f"{_host()}/{listen}"
        self.origin = secrets.randbits(64) or 1 if self._name is None else origin_of(self._name)

    def name(self, address: str | None) -> str:
        """What it is called, now that it is bound to this address."""
        return f"{_host()}/{address}" if self._name is None else self._name


def _host() -> str:
    return socket.gethostname()


def _lets_the_system_choose(listen: str) -> bool:
    _, colon, port = listen.rpartition(":")
    return bool(colon) and not port.strip("0")
