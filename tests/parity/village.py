"""A few pairs of machines and a network between them, in one thread and in no time. Everything follows from one seed."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from typing import Any

from tests.parity.twins import SECOND_NS, Twins


class Village:
    """Members that exchange packets under one schedule, with delays, losses, copies and faults."""

    def __init__(
        self, rng: Random, options: Sequence[dict[str, Any]], *, lost: float = 0.05, twice: float = 0.05
    ) -> None:
        self.rng = rng
        self.lost, self.twice = lost, twice
        self.now_ns = 0
        self.delivered: deque[tuple[str, str, bytes]] = deque(maxlen=500)
        self.members = [Twins(rng, place, **each) for place, each in enumerate(options)]
        self._order = count()
        self._events: list[tuple[int, int, Callable[[], object]]] = []
        for member in self.members:
            member.set_peers([other.address for other in self.members if other is not member])
            self._wake(member)

    def run(self, seconds: float, *, agree_every_ns: int = SECOND_NS) -> None:
        """Let so much true time pass; every so often everything that is to be seen is compared."""
        until = self.now_ns + int(seconds * 1e9)
        look = self.now_ns
        while self._events and self._events[0][0] <= until:
            self.now_ns, _, happen = heapq.heappop(self._events)
            happen()
            if self.now_ns >= look:
                look = self.now_ns + agree_every_ns
                for member in self.members:
                    self._at_now(member).agree()
        self.now_ns = until

    def at(self, delay_ns: int, happen: Callable[[], object]) -> None:
        """Let something happen after a while."""
        heapq.heappush(self._events, (self.now_ns + max(1, delay_ns), next(self._order), happen))

    def post(self, sender: str, to: str, data: bytes) -> None:
        """Send a datagram, which may get lost, or come twice."""
        if self.rng.random() < self.lost:
            return
        for _ in range(1 + (self.rng.random() < self.twice)):
            self.at(100_000 + int(self.rng.expovariate(1e-5)), lambda: self.hand_over(sender, to, data))

    def hand_over(self, sender: str, to: str, data: bytes) -> int:
        """Give a datagram to whom it is for, now. How many answers that brought."""
        self.delivered.append((sender, to, data))
        for member in self.members:
            if member.address == to and member.running:
                answers = self._at_now(member).receive(sender, data)
                for back, answer in answers:
                    self.post(to, back, answer)
                return len(answers)
        return 0

    def disturb(self, member: Twins, *, raw_ns: int = 0, os_ns: int = 0) -> None:
        """Move a member's oscillator, its OS clock, or both."""
        member.boot_ns += raw_ns
        member.os_offset_ns += os_ns + raw_ns
        self._wake(member)

    def _at_now(self, member: Twins) -> Twins:
        member.true_ns = self.now_ns
        return member

    def _wake(self, member: Twins) -> None:
        """Tick when something is due, or a little early: then nothing happens, and it is looked at again."""
        waking = member.waking = getattr(member, "waking", 0) + 1  # type: ignore[attr-defined]

        def tick() -> None:
            if member.waking != waking:  # type: ignore[attr-defined]
                return  # woken otherwise meanwhile
            if member.running:
                for to, data in self._at_now(member).tick():
                    self.post(member.address, to, data)
            self._wake(member)

        due_in = member.returned("due_ns") - self._at_now(member).raw_ns
        self.at(min(due_in, SECOND_NS) if member.running else SECOND_NS, tick)
