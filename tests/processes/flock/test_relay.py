"""The bad network that members are tested through does what it says."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from benches.flock.processes import HarnessError
from benches.flock.relay import Weather, relay

pytestmark = pytest.mark.processes

#: As many as fit into a socket's buffer, however late the other side looks.
COUNT = 150


class Ends:
    """Two sockets with a relay in between, ``a`` and ``b``."""

    def __init__(self, stack: ExitStack, weather: Weather, seed: int) -> None:
        self.sockets = {name: stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for name in "ab"}
        for one in self.sockets.values():
            one.bind(("127.0.0.1", 0))
            one.settimeout(10)
        addresses = {name: "{}:{}".format(*one.getsockname()) for name, one in self.sockets.items()}
        self.relay, self.doors = relay(addresses, weather, seed)
        stack.callback(self.relay.close)

    def send(self, name: str, to: str, data: bytes) -> None:
        host, port = self.doors[name][to].split(":")
        self.sockets[name].sendto(data, (host, int(port)))

    def receive(self, name: str) -> tuple[bytes, str]:
        data, (host, port) = self.sockets[name].recvfrom(2048)
        return data, f"{host}:{port}"

    def settled(self) -> dict[str, float]:
        """The relay's counts once everything that was taken is out again or lost."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            counts = self.relay.ask("counts")
            if counts.get("taken", 0) >= COUNT and not counts["waiting"]:
                return counts
        raise AssertionError(f"the relay did not come to rest: {counts}")


@contextmanager
def ends(weather: Weather, seed: int) -> Iterator[Ends]:
    with ExitStack() as stack:
        yield Ends(stack, weather, seed)


def test_both_ways_under_the_same_address(seed: int) -> None:
    """What ``a`` sends comes to ``b`` from where ``b`` finds ``a``, and the other way round: an address stands for a member."""
    with ends(Weather(), seed) as pair:
        for name, to in ("ab", "ba"):
            pair.send(name, to, b"from " + name.encode())
            assert pair.receive(to) == (b"from " + name.encode(), pair.doors[to][name])


def test_delay_and_asymmetry(seed: int) -> None:
    """Nothing arrives before its delay is over: 20 ms, 15 ms more one way and 15 ms less the other."""
    with ends(Weather(delay_ms=20, asymmetry_ms=30), seed) as pair:
        for name, to, least_s in (("a", "b", 0.035), ("b", "a", 0.005)):
            begin = time.monotonic()
            pair.send(name, to, b"x")
            pair.receive(to)
            assert time.monotonic() - begin >= least_s


def test_loss_duplication_and_reordering(seed: int) -> None:
    """Of 150 datagrams some are lost, some come twice, some overtake others; what is counted adds up, and nothing is made up."""
    weather = Weather(delay_ms=2, jitter_ms=1, loss=0.2, duplication=0.2, reordering=0.2)
    with ends(weather, seed) as pair:
        for number in range(COUNT):
            pair.send("a", "b", number.to_bytes(2))
        counts = pair.settled()
        came = [int.from_bytes(pair.receive("b")[0]) for _ in range(int(counts["delivered"]))]
    assert counts["taken"] == COUNT
    assert len(set(came)) == COUNT - counts["lost"]
    assert 0.1 * COUNT < counts["lost"] < 0.3 * COUNT
    assert len(came) > len(set(came)), "none came twice"
    assert came != sorted(came), "none overtook another"


def test_a_cut_and_a_stranger(seed: int) -> None:
    """Between two that are cut off nothing passes; and who is none of the two is not taken for one of them."""
    with ends(Weather(), seed) as pair, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        host, port = pair.doors["a"]["b"].split(":")
        stranger.sendto(b"I am a", (host, int(port)))
        pair.relay.ask("cut", names=["a", "b"])
        for _ in range(COUNT):
            pair.send("a", "b", b"x")
        counts = pair.settled()
        assert (counts["taken"], counts["lost"], counts["strangers"]) == (COUNT, COUNT, 1)
        pair.relay.ask("cut", names=[])
        pair.send("a", "b", b"again")
        assert pair.receive("b")[0] == b"again"


def test_too_many_are_refused(seed: int) -> None:
    """A relay says how many members it has sockets for instead of starting with fewer."""
    with pytest.raises(HarnessError, match="40 members need 1560 sockets"):
        relay({str(at): "127.0.0.1:9" for at in range(40)}, Weather(), seed)
