"""A bad network as a process: ``python -m benches.flock.relay CONFIG``. It takes datagrams in, and lets them out later, twice,
in another order or not at all.

A member knows another one by the address that its datagrams come from. So every pair has two sockets: what ``a`` sends to
the one that stands for ``b`` leaves by the one that stands for ``a``, to ``b``. Standard input takes commands, as members do.
"""

from __future__ import annotations

import ctypes
import heapq
import json
import random
import select
import signal
import socket
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import combinations, count
from typing import Any

from benches.flock.processes import HarnessError, Talker

__all__ = ["Weather", "relay"]

PR_SET_PDEATHSIG, PR_SET_TIMERSLACK = 1, 29
#: ``select`` takes no more descriptors than that, and each pair needs two.
MOST_DESCRIPTORS = 1000
#: Latenesses that are kept for the report.
KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Weather:
    """What is done to a datagram.

    Attributes:
        delay_ms: one way, the mean. jitter_ms: uniformly so much more or less.
        asymmetry_ms: from a member that was named earlier to a later one it takes half of this longer, back half of it less.
        loss, duplication: shares of the datagrams. reordering: the share that is held back for another two delays.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    asymmetry_ms: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0


def relay(addresses: dict[str, str], weather: Weather, seed: int) -> tuple[Talker, dict[str, dict[str, str]]]:
    """Start one between these members. Returns it and, for each member, where it finds each other one."""
    pairs = len(addresses) * (len(addresses) - 1)
    if pairs > MOST_DESCRIPTORS:
        raise HarnessError(f"{len(addresses)} members need {pairs} sockets, and a relay has at most {MOST_DESCRIPTORS}")
    config = {"addresses": addresses, "weather": asdict(weather), "seed": seed}
    talker = Talker("relay", "benches.flock.relay", [json.dumps(config)])
    try:
        return talker, talker.ask("doors")
    except BaseException:
        talker.kill()
        raise


class Relay:
    """The process's side."""

    def __init__(self, addresses: dict[str, str], weather: Weather, seed: int) -> None:
        self._weather = weather
        self._random = random.Random(seed)
        self._counts: Counter[str] = Counter()
        self._late_ns: list[int] = []
        self._due: list[tuple[int, int, socket.socket, str, bytes]] = []
        self._serial = count()
        self._cut: set[str] = set()
        self._addresses = {name: _split(address) for name, address in addresses.items()}
        #: By which socket a datagram came in: from whom, to whom, by which socket it leaves.
        self._ways: dict[socket.socket, tuple[str, str, socket.socket]] = {}
        self._doors: dict[str, dict[str, str]] = {name: {} for name in addresses}
        self._places = {name: place for place, name in enumerate(addresses)}
        for a, b in combinations(addresses, 2):
            stands_for_b, stands_for_a = _door(), _door()
            self._ways[stands_for_b] = (a, b, stands_for_a)
            self._ways[stands_for_a] = (b, a, stands_for_b)
            self._doors[a][b] = _name(stands_for_b)
            self._doors[b][a] = _name(stands_for_a)

    def run(self) -> None:
        waiting: list[Any] = [sys.stdin, *self._ways]
        while True:
            left_s = None if not self._due else max(0.0, (self._due[0][0] - time.monotonic_ns()) / 1e9)
            readable, _, _ = select.select(waiting, [], [], left_s)
            now = time.monotonic_ns()
            for one in readable:
                if one is not sys.stdin:
                    self._take(one, now)
                elif not self._command():
                    return
            self._let_out()

    def _take(self, door: socket.socket, now_ns: int) -> None:
        try:
            data, sender = door.recvfrom(2048)
        except OSError:  # the answer to a datagram that found nobody
            return
        source, target, leaves_by = self._ways[door]
        if sender != self._addresses[source]:
            self._counts["strangers"] += 1
            return
        self._counts["taken"] += 1
        if self._random.random() < self._weather.loss or {source, target} & self._cut:
            self._counts["lost"] += 1
            return
        copies = 2 if self._random.random() < self._weather.duplication else 1
        for _ in range(copies):
            due = now_ns + self._delay_ns(source, target)
            heapq.heappush(self._due, (due, next(self._serial), leaves_by, target, data))

    def _delay_ns(self, source: str, target: str) -> int:
        weather = self._weather
        delay = weather.delay_ms + self._random.uniform(-weather.jitter_ms, weather.jitter_ms)
        delay += weather.asymmetry_ms / 2 * (1 if self._places[source] < self._places[target] else -1)
        if self._random.random() < weather.reordering:
            delay += 2 * weather.delay_ms
        return round(max(0.0, delay) * 1e6)

    def _let_out(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic_ns():
            due, _, leaves_by, target, data = heapq.heappop(self._due)
            try:
                leaves_by.sendto(data, self._addresses[target])
            except OSError:
                self._counts["unsent"] += 1
                continue
            self._counts["delivered"] += 1
            if len(self._late_ns) < KEPT:
                self._late_ns.append(time.monotonic_ns() - due)

    def _command(self) -> bool:
        line = sys.stdin.readline()
        if not line:
            return False
        command = json.loads(line)
        answer: dict[str, Any] = {}
        match command.pop("do"):
            case "doors":
                answer = self._doors
            case "weather":
                self._weather = Weather(**command)
            case "cut":
                self._cut = set(command["names"])
            case "move":
                self._addresses[command["name"]] = _split(command["address"])
            case "counts":
                late = sorted(self._late_ns) or [0]
                quantiles = {f"late_p{p}_us": late[len(late) * p // 100] / 1e3 for p in (50, 99)}
                answer = {**self._counts, "waiting": len(self._due), **quantiles}
            case other:
                answer = {"failed": f"no command {other!r}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        return True


def _door() -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.bind(("127.0.0.1", 0))
    door.setblocking(False)
    return door


def _name(door: socket.socket) -> str:
    host, port = door.getsockname()
    return f"{host}:{port}"


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def main() -> int:
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(PR_SET_TIMERSLACK, 1)  # else each datagram leaves up to 50 us late
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = json.loads(sys.argv[1])
    Relay(config["addresses"], Weather(**config["weather"]), config["seed"]).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
