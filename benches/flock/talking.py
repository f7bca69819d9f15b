"""Services that talk HTTP anyway: the flock rides on their headers and has no port of its own."""

from __future__ import annotations

import random
import threading
from collections import Counter
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from flocktime.errors import ClockError, HeaderError

if TYPE_CHECKING:
    from flocktime.flock import Flock

__all__ = ["Talking"]

HEADER = "Flocktime-Flock"
TIMEOUT_S = 5.0


class Talking:
    """A server that answers each request, and a client that asks ``rate`` a second of peers drawn at random."""

    def __init__(self, flock: Flock, rate: float) -> None:
        self._flock, self._every_s = flock, 1.0 / rate
        self._peers: list[str] = []
        self._connections: dict[str, HTTPConnection] = {}
        self._stopping = threading.Event()
        self.counts: Counter[str] = Counter()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._threads = [
            threading.Thread(target=self._server.serve_forever, name="http-server", daemon=True),
            threading.Thread(target=self._call, name="http-client", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def address(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def set_peers(self, peers: list[str]) -> None:
        self._peers = peers

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()

    def take(self, header: str | None) -> None:
        """What came with a message. A stamp that the clock refuses has been measured by all the same."""
        if header is None:
            self.counts["none"] += 1
            return
        try:
            self._flock.receive(header)
            self.counts["taken"] += 1
        except (HeaderError, ClockError) as refused:
            self.counts[type(refused).__name__] += 1

    def reply(self, header: str) -> str:
        return self._flock.reply(header)

    def _call(self) -> None:
        draw = random.Random()
        while not self._stopping.wait(self._every_s * draw.uniform(0.5, 1.5)):
            if self._peers:
                self._ask(draw.choice(self._peers))

    def _ask(self, peer: str) -> None:
        try:
            connection = self._connections.get(peer)
            if connection is None:
                host, _, port = peer.rpartition(":")
                connection = self._connections[peer] = HTTPConnection(host, int(port), timeout=TIMEOUT_S)
                connection.connect()
            connection.request("GET", "/", headers={HEADER: self._flock.header(to=peer)})
            response = connection.getresponse()
            self.take(response.headers.get(HEADER))
            response.read()
        except (OSError, HTTPException) as error:
            self.counts[type(error).__name__] += 1
            self._connections.pop(peer).close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(talking: Talking) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections stay open, as those between services do
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            header = self.headers.get(HEADER)
            talking.take(header)
            self.send_response(204)
            if header is not None:
                try:
                    self.send_header(HEADER, talking.reply(header))
                except HeaderError as refused:
                    talking.counts[f"reply: {type(refused).__name__}"] += 1
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    return Handler
