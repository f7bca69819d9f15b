"""The network between the members: what the relay does to datagrams, and to whom it hands them."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flocktime.cli.demo import relay as module
from flocktime.cli.demo.plan import Network
from flocktime.cli.demo.relay import Relay, Wire

PATIENCE_S = 30.0
NAMES = ["a", "b", "c"]


@given(st.integers(), st.floats(0, 20), st.floats(0, 1), st.floats(0, 2))
def test_delays_are_what_was_asked_for(seed: int, delay: float, share: float, asymmetry: float) -> None:
    """Each lies within the jitter of the delay, one way longer by the asymmetry; the same seed draws the same."""
    jitter = share * delay
    wire, twin = (Wire(Network(delay, jitter, asymmetry, 0.0), seed) for _ in range(2))
    for sender, receiver in ((0, 1), (1, 0), (4, 2), (2, 4)) * 5:
        seconds = wire.delay_s(sender, receiver)
        assert seconds is not None
        assert seconds == twin.delay_s(sender, receiver)
        least_ms = delay - jitter + (asymmetry if sender < receiver else 0.0)
        assert max(0.0, least_ms) - 1e-9 <= 1e3 * seconds <= least_ms + 2 * jitter + 1e-9


@given(st.integers(), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_the_share_that_is_lost(seed: int, loss: float) -> None:
    """Of a thousand datagrams, within six standard deviations."""
    wire = Wire(Network(loss=loss), seed)
    lost = sum(wire.delay_s(0, 1) is None for _ in range(1_000))
    assert abs(lost - 1_000 * loss) <= 6 * (1_000 * loss * (1 - loss)) ** 0.5


@contextmanager
def relaying(network: Network) -> Iterator[tuple[Relay, list[socket.socket], list[socket.socket]]]:
    """A relay at work, the members' sockets, and its own, one for each member."""
    with ExitStack() as stack:
        members, fronts = (
            [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in NAMES] for _ in range(2)
        )
        for each in (*members, *fronts):
            each.bind(("127.0.0.1", 0))
            each.settimeout(PATIENCE_S)
        for front in fronts:
            front.setblocking(False)
        relay = Relay(NAMES, Wire(network, 1), fronts)
        relay.move({name: "{}:{}".format(*each.getsockname()) for name, each in zip(NAMES, members, strict=True)})
        thread = threading.Thread(target=relay.run)
        thread.start()
        try:
            yield relay, members, fronts
        finally:
            relay.stopping.set()
            thread.join(PATIENCE_S)


pytestmark = pytest.mark.processes


def test_everybody_stands_behind_an_address_of_the_relays() -> None:
    """A datagram arrives from the sender's front, so that its answer finds the way back."""
    with relaying(Network(0.0, 0.0, 0.0, 0.0)) as (_, members, fronts):
        for sender in range(3):
            for receiver in range(3):
                if sender != receiver:
                    members[sender].sendto(b"ask", fronts[receiver].getsockname())
                    datagram, source = members[receiver].recvfrom(100)
                    assert (datagram, source) == (b"ask", fronts[sender].getsockname())
                    members[receiver].sendto(b"answer", source)
                    assert members[sender].recvfrom(100) == (b"answer", fronts[receiver].getsockname())


def test_a_member_that_moved_is_found_again() -> None:
    """The others keep its address, and what comes from its old one goes nowhere."""
    with (
        relaying(Network(0.0, 0.0, 0.0, 0.0)) as (relay, members, fronts),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as moved,
    ):
        moved.bind(("127.0.0.1", 0))
        moved.settimeout(PATIENCE_S)
        relay.move({"b": "{}:{}".format(*moved.getsockname())})
        members[0].sendto(b"hello", fronts[1].getsockname())
        assert moved.recvfrom(100) == (b"hello", fronts[0].getsockname())
        members[1].sendto(b"from nowhere", fronts[0].getsockname())
        moved.sendto(b"from here", fronts[0].getsockname())
        assert members[0].recvfrom(100) == (b"from here", fronts[1].getsockname())


def test_what_is_lost_does_not_arrive() -> None:
    """And nothing else happens."""
    with relaying(Network(0.0, 0.0, 0.0, 1.0)) as (relay, members, fronts):
        for _ in range(10):
            members[0].sendto(b"hello", fronts[1].getsockname())
        relay.stopping.set()
        assert select.select([members[1]], [], [], 0)[0] == []


def test_what_is_under_way_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound datagrams are lost, and those before them still arrive."""
    monkeypatch.setattr(module, "MOST_UNDER_WAY", 2)
    arrived: list[bytes] = []
    with relaying(Network(200.0, 0.0, 0.0, 0.0)) as (_, members, fronts):
        for number in range(5):
            members[0].sendto(bytes([number]), fronts[1].getsockname())
        arrived = [members[1].recvfrom(100)[0] for _ in range(2)]
        assert select.select([members[1]], [], [], 0)[0] == []
    assert arrived == [b"\0", b"\1"]
