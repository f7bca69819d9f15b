"""gunicorn with ``--preload``: the application, and its clock, are made before the workers are forked."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flocktime import Timestamp
from tests.support import ROOT, environment

pytestmark = pytest.mark.processes

pytest.importorskip("gunicorn", reason="gunicorn is not installed")

CLIENTS, REQUESTS = 8, 1_200
PATIENCE_S = 60


@contextmanager
def _served(**changes: str) -> Iterator[tuple[str, int]]:
    """A gunicorn of four workers on a listening socket of ours: connections wait in its queue, nobody has to poll."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        command = [
            sys.executable, "-m", "gunicorn", "--preload", "--config=python:tests.processes.gunicorn_settings",
            f"--bind=fd://{listener.fileno()}", "tests.processes.app:application",
        ]  # fmt: skip
        server = subprocess.Popen(command, cwd=ROOT, pass_fds=[listener.fileno()], env=environment(**changes))
        try:
            yield listener.getsockname()
        finally:
            server.terminate()
            assert server.wait(PATIENCE_S) == 0


def _get(address: tuple[str, int], sent: str | None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/", headers={} if sent is None else {"flocktime": sent})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_preloaded_workers_never_repeat() -> None:
    """1,200 requests of eight clients to four workers: no timestamp twice, each above the one that its request carried."""
    answers: list[tuple[Timestamp, int]] = []
    failures: list[BaseException] = []

    def client() -> None:
        last = Timestamp.MIN
        try:
            for _ in range(REQUESTS // CLIENTS):
                status, body = _get(address, None if last == Timestamp.MIN else last.to_hex())
                assert status == 200, body
                text, pid = body.split()
                ts = Timestamp.from_hex(text)
                assert last < ts, f"{ts!r} answers {last!r}"
                last = ts
                answers.append((ts, int(pid)))
        except BaseException as failure:
            failures.append(failure)

    with _served() as address:
        threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    assert len({ts for ts, _ in answers}) == len(answers) == REQUESTS
    nodes_of: dict[int, set[int]] = {}
    for ts, pid in answers:
        nodes_of.setdefault(pid, set()).add(ts.node)
    assert all(len(nodes) == 1 for nodes in nodes_of.values()), "a worker has one node"
    assert len({ts.node for ts, _ in answers}) == len(nodes_of) > 1, "no two workers share one"


def test_preloaded_workers_of_a_fixed_node_refuse() -> None:
    """A clock with a fixed node, inherited by four workers, would repeat itself four times over: each of them refuses."""
    with _served(TEST_FIXED_NODE="7") as address:
        for _ in range(20):
            assert _get(address, None) == (503, "ForkedClock")
