"""A gossip machine of each backend that live the same life: each call goes to both, and not a bit that comes out may differ."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from tests.parity.backends import BACKENDS, core, same

if not hasattr(core, "GossipMachine"):
    pytest.skip("this compiled core has no GossipMachine yet", allow_module_level=True)

KEYS = ("1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",)
START_NS = 1_700_000_000 * 10**9
SECOND_NS = 10**9

Sent = list[tuple[str, bytes]]


class Twins:
    """The same machine twice, with the oscillator and the OS clock beneath it."""

    def __init__(self, rng: Random, place: int, **options: Any) -> None:
        self.rng = rng
        self.address = f"10.0.{place >> 8}.{place & 255}:7000"
        self.ppm = rng.uniform(-50.0, 50.0)
        self.boot_ns = rng.randrange(10**15)
        self.os_offset_ns = rng.randrange(-200_000_000, 200_000_000)
        self.os_error_ns: int | None = None
        self.frozen_ns: int | None = None
        self.true_ns = 0
        self.running = True
        self.peers: list[str] = []
        self.options = {"node": place + 1, "origin": place + 100, "keys": KEYS, **options}
        self.start()

    def start(self) -> None:
        """A new life: nothing is remembered but the origin."""
        incarnation, readings = self.rng.getrandbits(64), self.readings()
        options = {"incarnation": incarnation, **self.options, "readings": readings}
        self.machines = [backend.GossipMachine(**options) for backend in BACKENDS]
        self.set_peers(self.peers)

    def set_peers(self, peers: Sequence[str]) -> None:
        self.peers = list(peers)
        self.both("set_peers", self.peers)

    @property
    def raw_ns(self) -> int:
        return max(0, self._ran_ns + self.boot_ns) if self.frozen_ns is None else self.frozen_ns

    @property
    def _ran_ns(self) -> int:
        return self.true_ns + int(self.true_ns * self.ppm * 1e-6)

    def freeze(self) -> None:
        """The oscillator stands still from now on; the OS clock does not notice."""
        self.frozen_ns = self.raw_ns

    def thaw(self) -> None:
        """It goes on where it stood."""
        assert self.frozen_ns is not None
        self.boot_ns, self.frozen_ns = self.frozen_ns - self._ran_ns, None

    def readings(self) -> tuple[Any, ...]:
        """What both are given for one call: a stamp of one's own time, and numbers that nobody can guess."""
        raw_ns = self.raw_ns
        wall_ns = self._ran_ns + START_NS + self.os_offset_ns
        stamp = max(0, wall_ns // 1000) << 60 | self.rng.getrandbits(60)
        return raw_ns, wall_ns, self.os_error_ns, [self.rng.getrandbits(64) for _ in range(300)], stamp

    def both(self, call: str, *arguments: Any) -> Any:
        """The one outcome of a call: ``("returned", value)`` or ``("raised", ...)``."""
        return same([lambda each=each: getattr(each, call)(*arguments) for each in self.machines])

    def returned(self, call: str, *arguments: Any) -> Any:
        """The same where nothing may be raised."""
        how, value = self.both(call, *arguments)
        assert how == "returned", value
        return value

    def tick(self) -> Sent:
        sent: Sent = self.returned("tick", self.readings())
        return sent

    def receive(self, sender: str, datagram: bytes) -> Sent:
        answers: Sent = self.returned("receive", sender, datagram, self.raw_ns, self.readings())[0]
        return answers

    def agree(self) -> dict[str, Any]:
        """All that is to be seen of them is the same: the report is given back."""
        self.returned("due_ns")
        self.returned("discipline")
        self.returned("guidance")
        seen: dict[str, Any] = self.returned("report", self.readings())
        return seen
