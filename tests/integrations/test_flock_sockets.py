"""Services that only talk to each other by HTTP come to agree on the time: no port, no peers, headers alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from flocktime.clock import SkewedSource
from flocktime.flock import Flock, new_key
from flocktime.integrations.headers import extract, inject
from tests.support import environment

from .flock_service import FlockService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

pytestmark = pytest.mark.processes

#: A round is short, so that seconds are enough; nothing here takes as long as this.
ROUND_S = 0.05
PATIENCE_S = 60.0
OFFSETS_S = (-0.19, 0.16, 0.03, -0.08, 0.2)
PPM = (90.0, -70.0, 20.0, -100.0, 45.0)


def talk(client: httpx.Client, services: list[str], rng: Random, until: Callable[[list[Any]], bool]) -> list[Any]:
    """Let random services call random others until their states say so."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        for _ in range(4):
            for service in services:
                other = rng.choice([name for name in services if name != service])
                assert client.get(f"http://{service}/call?{other}").raise_for_status().json()[-1] == "adopted"
        states = [client.get(f"http://{service}/state").json() for service in services]
        if until(states):
            return states
        assert time.monotonic() < deadline, [(state["state"], state["voters"], state["counters"]) for state in states]


def all_synchronised(states: list[Any]) -> bool:
    return all(state["state"] == "synchronised" for state in states)


def skew_us(states: list[Any]) -> float:
    """The largest distance between two flock times, each read beside the host's monotonic clock."""
    ahead = [state["time_ns"] - state["monotonic_ns"] for state in states]
    return (max(ahead) - min(ahead)) / 1e3


@contextmanager
def in_a_process(name: str, offset_s: float, ppm: float) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        arguments = [str(listener.fileno()), name, str(offset_s), str(ppm), str(ROUND_S)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integrations.flock_service", *arguments],
            env=environment(),
            pass_fds=[listener.fileno()],
        )
        try:
            yield "{}:{}".format(*listener.getsockname())
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def test_services_of_one_process_synchronise_by_headers_alone(
    serve: Callable[[Any], tuple[str, int]], rng: Random
) -> None:
    """Five flocks without a socket, 390 ms apart, come within a few milliseconds of each other, and none refuses any."""
    with ExitStack() as stack, httpx.Client(trust_env=False) as client:
        made = [FlockService(f"s{i}", *wrong, ROUND_S) for i, wrong in enumerate(zip(OFFSETS_S, PPM, strict=True))]
        for service in made:
            stack.enter_context(service.flock)
        services = ["{}:{}".format(*serve(service)) for service in made]
        states = talk(client, services, rng, all_synchronised)
        assert skew_us(states) < 5_000
        for state in states:
            assert state["counters"]["flock_refused"] == state["counters"]["refused"] == 0
            assert state["voters"] <= 4  # whoever is called and calls is one voter
        assert all(service.flock.address is None for service in made)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="passes sockets on")
def test_services_in_processes_of_their_own_synchronise_by_headers_alone(rng: Random) -> None:
    """The same between processes, judged from outside: they share one monotonic clock and nothing else."""
    with ExitStack() as stack, httpx.Client(trust_env=False, timeout=PATIENCE_S) as client:
        services = [
            stack.enter_context(in_a_process(f"p{i}", *wrong))
            for i, wrong in enumerate(zip(OFFSETS_S, PPM, strict=True))
        ]
        assert skew_us(talk(client, services, rng, lambda _: True)) > 300_000
        assert skew_us(talk(client, services, rng, all_synchronised)) < 5_000


def test_datagrams_and_headers_together_are_one_vote(rng: Random) -> None:
    """Whoever is known by its address and by its messages is counted once."""
    key = new_key(1)
    with ExitStack() as stack:
        flocks = [
            stack.enter_context(
                Flock("127.0.0.1:0", key=key, name=f"b{i}", source=SkewedSource(offset_s, ppm), round=ROUND_S)
            )
            for i, (offset_s, ppm) in enumerate(zip(OFFSETS_S, PPM, strict=True))
        ]
        for flock in flocks:
            flock.set_peers([str(other.address) for other in flocks if other is not flock])
        deadline = time.monotonic() + PATIENCE_S
        while not all(flock.state == "synchronised" for flock in flocks) or any(ways(flock) < 5 for flock in flocks):
            client, server = rng.sample(flocks, 2)
            exchange(client, server)
            assert time.monotonic() < deadline, [(flock.state, ways(flock)) for flock in flocks]
        for flock in flocks:
            status = flock.status()
            heard = [peer for peer in status.peers if peer.origin is not None]
            assert len({peer.origin for peer in heard}) == 4 < len(heard)
            assert status.voters <= 4
            voted = [peer.origin for peer in heard if peer.voted]
            assert len(voted) == len(set(voted))


def ways(flock: Flock) -> int:
    """How many peers it has heard, by whichever way."""
    return sum(peer.origin is not None for peer in flock.status().peers)


def exchange(client: Flock, server: Flock) -> None:
    request: dict[str, str] = {}
    inject(client, request, to=server.name)
    received = extract(server, request)
    answer: dict[str, str] = {}
    inject(server, answer, reply_to=received)
    extract(client, answer)
