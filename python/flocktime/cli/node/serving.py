"""A node's status over HTTP: two paths, one request at a time, no bodies, and nobody may take long."""

from __future__ import annotations

import io
import json
import socket
import socketserver
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, Final

from flocktime.cli.deadline import Incoming
from flocktime.cli.status.address import Address

if TYPE_CHECKING:
    from flocktime.flock import Flock

#: How long a request may take from the first byte to the last, both ways.
PATIENCE_S: Final = 2.0
_POLL_S: Final = 0.1
_PLAIN: Final = "text/plain; charset=utf-8"


class StatusServer:
    """Serves a flock's status from a thread of its own until it is closed.

    Raises:
        OSError: the address cannot be listened on.
    """

    def __init__(self, where: Address, flock: Flock) -> None:
        family, _, _, _, found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)[0]
        self._server = _Server(family, found, flock)
        self.address = Address(where.host, int(self._server.server_address[1]))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="flocktime-status", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening; a request under way is broken off."""
        self._server.break_off()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(HTTPServer):
    def __init__(self, family: socket.AddressFamily, where: Any, flock: Flock) -> None:
        self.address_family = family
        self.flock = flock
        self._under_way: socket.socket | None = None
        self._closing = False
        super().__init__(where[:2], _Handler)

    def server_bind(self) -> None:
        # Not HTTPServer's: it would look the host's name up, which may take long.
        socketserver.TCPServer.server_bind(self)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self._under_way = request
        if self._closing:  # `break_off` came before this, and has not seen it
            return
        try:
            super().finish_request(request, client_address)
        finally:
            self._under_way = None

    def break_off(self) -> None:
        self._closing = True
        request = self._under_way
        if request is not None:
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has just ended by itself

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # the base class gives them
        """A client that goes away in the middle, or takes too long, is no news; everything else is a fault of this program."""
        if not isinstance(sys.exception(), OSError):
            print("flocktime node: a request for the status failed:", file=sys.stderr)
            traceback.print_exc()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "flocktime"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self._deadline_s = time.monotonic() + PATIENCE_S
        self.rfile = io.BufferedReader(Incoming(self.connection, self._deadline_s))

    def do_GET(self) -> None:
        if "transfer-encoding" in self.headers or self.headers.get("content-length", "0").strip() != "0":
            self._answer(HTTPStatus.BAD_REQUEST, _PLAIN, "a GET has no body\n")
        elif self.path == "/status":
            status = json.dumps(self.server.flock.status().as_dict())
            self._answer(HTTPStatus.OK, "application/json", status + "\n")
        elif self.path == "/metrics":
            text = exposition(self.server.flock.metrics())
            self._answer(HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", text)
        else:
            self._answer(HTTPStatus.NOT_FOUND, _PLAIN, "there are /status and /metrics\n")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        # What the base class calls for everything that it cannot pass on; its own answers are pages for people.
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, _PLAIN, "GET only\n", allow="GET")
        else:
            self._answer(HTTPStatus(code), _PLAIN, f"{HTTPStatus(code).phrase}\n")

    def _answer(self, code: HTTPStatus, kind: str, text: str, **headers: str) -> None:
        body = text.encode()
        self.connection.settimeout(max(0.01, self._deadline_s - time.monotonic()))
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name.title(), value)
        self.end_headers()
        self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""


def exposition(metrics: Mapping[str, float]) -> str:
    """Metrics in Prometheus' text format: counters are those whose names end in ``_total``."""
    lines = []
    for name, value in metrics.items():
        lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
        lines.append(f"{name} {value!r}")
    return "\n".join(lines) + "\n"
