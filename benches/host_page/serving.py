"""A server of several processes on the loopback, clients that ask it all the time, and what their answers say together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benches.flock.processes import ROOT, HarnessError
from benches.host_page.journal import STAMP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Answers", "ask", "gunicorn", "served", "uvicorn"]

PATIENCE_S = 60.0
#: A connection is kept for so many requests. The next one may come to another worker.
KEPT = 100
#: The variable that tells ``app`` where the page lies.
PAGE = "HOST_PAGE"
SETTINGS = "--config=python:benches.host_page.gunicorn_settings"


def gunicorn(*, preload: bool) -> list[str]:
    """Its command, but for the socket. ``preload``: the page is opened in the master."""
    return ["gunicorn", SETTINGS, *(["--preload"] if preload else []), "benches.host_page.app:application"]


def uvicorn(workers: int) -> list[str]:
    """Its command, but for the socket. Its workers are started anew, not forked."""
    quiet = ["--no-access-log", "--log-level", "warning", "--lifespan", "off"]
    return ["uvicorn", "--workers", str(workers), *quiet, "benches.host_page.app:asgi"]


@contextmanager
def served(command: Sequence[str], page: Path) -> Iterator[tuple[str, int]]:
    """A server on a listening socket of ours: connections wait in its queue, nobody has to look whether it is there."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        where = f"--bind=fd://{listener.fileno()}" if command[0] == "gunicorn" else f"--fd={listener.fileno()}"
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", command[0], where, *command[1:]],
            cwd=ROOT,
            pass_fds=[listener.fileno()],
            env={**os.environ, "PYTHONPATH": path, PAGE: str(page)},
        )
        try:
            yield listener.getsockname()
        finally:
            server.terminate()
            try:
                server.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@dataclass(slots=True)
class Answers:
    """What a crowd of clients was told.

    Attributes:
        stamps: all of them. nodes: that they carry. workers: processes that answered. back: answers at or below one that
        somebody had in hand before the request was sent, whoever had answered that. seconds: how long the crowd took.
    """

    stamps: list[bytes] = field(default_factory=list)
    nodes: set[bytes] = field(default_factory=set)
    workers: set[bytes] = field(default_factory=set)
    back: int = 0
    seconds: float = 0.0
    highest: bytes = bytes(STAMP)

    @property
    def duplicates(self) -> int:
        return len(self.stamps) - len(set(self.stamps))


def ask(address: tuple[str, int], requests: int, clients: int = 8, workers: int = 1) -> Answers:
    """So many requests of so many clients together, on connections that are kept alive. Half of them carry the stamp of the
    answer before. First, one by one, as many as it takes until so many workers have answered: some start later than others.
    """
    answers, failures, lock = Answers(), list[BaseException](), threading.Lock()

    def client(count: int) -> None:
        try:
            for done in range(0, count, KEPT):
                _converse(address, min(KEPT, count - done), answers, lock)
        except BaseException as failure:
            failures.append(failure)

    shares = [requests // clients + (number < requests % clients) for number in range(clients)]
    threads = [threading.Thread(target=client, args=(share,)) for share in shares]
    deadline = time.monotonic() + PATIENCE_S
    while len(answers.workers) < workers and time.monotonic() < deadline:
        _converse(address, 1, answers, lock)
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.seconds = time.monotonic() - begun
    if failures:
        raise HarnessError(f"a client failed: {failures[0]!r}") from failures[0]
    return answers


def _converse(address: tuple[str, int], count: int, answers: Answers, lock: threading.Lock) -> None:
    """One connection."""
    with socket.create_connection(address, PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = b""
        for number in range(count):
            carried = b"flocktime: %s\r\n" % sent if number % 2 else b""
            floor = answers.highest
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % carried)
            text, worker = _body(connection).split()
            stamp, sent = bytes.fromhex(text.decode()), text
            with lock:
                answers.back += stamp <= floor
                answers.highest = max(answers.highest, stamp)
                answers.stamps.append(stamp)
                answers.nodes.add(stamp[-6:])
                answers.workers.add(worker)


def _body(connection: socket.socket) -> bytes:
    """Of the next answer, which has to be a good one that says its length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    if b" 200 " not in lines[0]:
        raise HarnessError(data.decode(errors="replace"))
    length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
    while len(body) < length:
        body += _more(connection)
    return body


def _more(connection: socket.socket) -> bytes:
    piece = connection.recv(1 << 16)
    if not piece:
        raise HarnessError("the server closed the connection")
    return piece
