"""The network between the members, a process of its own: ``python -m flocktime.cli.demo.relay relay``.

For each service it has one socket, and to the others a service is what stands behind that: what comes from a service goes
on to the receiver from the sender's socket, later, or never. So each knows the others by addresses of the relay's, also
after one was started again elsewhere.
"""

from __future__ import annotations

import heapq
import os
import select
import socket
import threading
import time
from contextlib import ExitStack
from random import Random
from typing import Any, Final

from flocktime.cli.demo.pipe import Parent, end_on_signals, say
from flocktime.cli.demo.plan import Network

#: So many datagrams are under way at most; what comes on top is lost.
MOST_UNDER_WAY: Final = 10_000
#: A packet of a flock is smaller by far.
MOST_BYTES: Final = 1_024
#: How long the loop waits at most before it looks whether it shall go on.
WAIT_S: Final = 0.2

Address = tuple[str, int]


class Wire:
    """What the network does to a datagram, all of it from the seed."""

    def __init__(self, network: Network, seed: int) -> None:
        self._network = network
        self._draw = Random(f"{seed}/network")

    def delay_s(self, sender: int, receiver: int) -> float | None:
        """How long a datagram takes, ``None``: it is lost."""
        network = self._network
        if self._draw.random() < network.loss:
            return None
        extra_ms = network.asymmetry_ms if sender < receiver else 0.0
        varies_ms = self._draw.uniform(-network.jitter_ms, network.jitter_ms)
        return max(0.0, network.delay_ms + varies_ms + extra_ms) / 1e3


class Relay:
    """One thread, one socket a service. Others may say where a service is."""

    def __init__(self, names: list[str], wire: Wire, sockets: list[socket.socket]) -> None:
        self._names = names
        self._wire = wire
        self._sockets = sockets
        self._places: dict[Address, int] = {}
        self._members: dict[int, Address] = {}
        self._under_way: list[tuple[float, int, int, int, bytes]] = []
        self._count = 0
        self.stopping = threading.Event()

    def move(self, members: dict[str, str]) -> None:
        """These services are at these addresses now. The dictionaries are replaced, never changed: the loop reads them."""
        found = dict(self._members)
        for name, address in members.items():
            host, _, port = address.rpartition(":")
            found[self._names.index(name)] = (host, int(port))
        self._members = found
        self._places = {address: place for place, address in found.items()}

    def run(self) -> None:
        """Pass on what comes, until it is told to stop."""
        while not self.stopping.is_set():
            now = time.monotonic()
            wait_s = min(WAIT_S, max(0.0, self._under_way[0][0] - now)) if self._under_way else WAIT_S
            readable, _, _ = select.select(self._sockets, [], [], wait_s)
            for ready in readable:
                self._take(self._sockets.index(ready))
            self._deliver()

    def _take(self, receiver: int) -> None:
        try:
            datagram, source = self._sockets[receiver].recvfrom(MOST_BYTES)
        except OSError:
            return  # the kernel says that an earlier datagram did not arrive: so it goes on a network
        sender = self._places.get(source)
        if sender is None or len(self._under_way) >= MOST_UNDER_WAY:
            return
        delay_s = self._wire.delay_s(sender, receiver)
        if delay_s is not None:
            self._count += 1
            heapq.heappush(self._under_way, (time.monotonic() + delay_s, self._count, sender, receiver, datagram))

    def _deliver(self) -> None:
        while self._under_way and self._under_way[0][0] <= time.monotonic():
            _, _, sender, receiver, datagram = heapq.heappop(self._under_way)
            member = self._members.get(receiver)
            if member is not None:
                try:
                    self._sockets[sender].sendto(datagram, member)
                except OSError:
                    continue  # the member is being stopped, or the buffers are full: lost


def main() -> None:
    """Relay until the parent, a signal or the end of standard input stops it."""
    end_on_signals()
    parent = Parent()
    given = parent.hear()
    names: list[str] = given["names"]
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in names]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        relay = Relay(names, Wire(Network(**given["network"]), given["seed"]), sockets)

        def told(value: dict[str, Any]) -> None:
            relay.move(value["members"])
            say(moved=sorted(value["members"]))

        say(members={name: "{}:{}".format(*each.getsockname()) for name, each in zip(names, sockets, strict=True)})
        parent.follow(told, relay.stopping.set)
        relay.run()
    os._exit(0)  # the thread that listens to the parent sits in a system call


if __name__ == "__main__":
    main()
