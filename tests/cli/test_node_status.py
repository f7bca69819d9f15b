"""The status that a node serves: two paths over HTTP, for nobody longer than a moment, whatever is sent."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from flocktime.cli.node import serving
from flocktime.cli.node.serving import StatusServer, exposition
from flocktime.cli.status.address import Address
from flocktime.flock import Flock, FlockStatus


@pytest.fixture
def served() -> Iterator[Address]:
    with Flock("127.0.0.1:0", ["127.0.0.1:9"], name="served") as flock:
        server = StatusServer(Address("127.0.0.1", 0), flock)
        yield server.address
        server.close()


def get(where: Address, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*where, timeout=10)
    connection.request(method, path, body=body)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, dict(response.getheaders()), content


def raw(where: Address, sent: bytes) -> bytes:
    """What comes back for these bytes, until the server hangs up."""
    with socket.create_connection(where, timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while chunk := connection.recv(65_536):
            found += chunk
        return found


def test_status_and_metrics(served: Address) -> None:
    """``/status`` is the flock's status as JSON, ``/metrics`` the same numbers as text for Prometheus."""
    code, headers, content = get(served, "/status")
    assert (code, headers["Content-Type"]) == (200, "application/json")
    status = json.loads(content)
    assert (status["name"], status["counters"]["accepted"]) == ("served", 0)
    code, headers, content = get(served, "/metrics")
    assert (code, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = content.decode().splitlines()
    assert "# TYPE flocktime_peers gauge" in lines
    assert "# TYPE flocktime_rounds_total counter" in lines
    for line in lines[1::2]:
        name, value = line.split(" ")
        assert name.isidentifier()
        float(value)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW"])
def test_other_methods(served: Address, method: str) -> None:
    """Only ``GET`` is answered; the rest is 405, and the next request is served as ever."""
    code, headers, _ = get(served, "/status", method)
    assert (code, headers["Allow"]) == (405, "GET")
    assert get(served, "/status")[0] == 200


def test_other_paths_and_bodies(served: Address) -> None:
    """An unknown path is 404; a ``GET`` with a body is 400, and the body is not read."""
    assert get(served, "/")[0] == 404
    assert get(served, "/status/../metrics")[0] == 404
    assert get(served, "/status", body=b"x")[0] == 400
    assert b" 400 " in raw(served, b"GET /status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").splitlines()[0]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n\r\n",
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"GET /status HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /status HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET /status HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "empty", "zeros", "short", "version", "long path", "many headers", "long header"],
)
def test_what_is_no_request(served: Address, sent: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """It is refused or hung up on, in plain text, and the next request is served; nothing is said about it."""
    try:
        answer = raw(served, sent)
    except ConnectionError:
        answer = b""
    assert b"<html" not in answer.lower()
    assert b"served" not in answer
    assert get(served, "/status")[0] == 200
    assert capfd.readouterr().err == ""


def test_a_fault_of_the_nodes_own_is_logged(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever asks is hung up on, the error is on standard error with where it came from, and the next request is served."""

    def broken(_: Flock) -> FlockStatus:
        raise LookupError("a fault")

    with Flock("127.0.0.1:0") as flock:
        server = StatusServer(Address("127.0.0.1", 0), flock)
        with monkeypatch.context() as patch:
            patch.setattr(Flock, "status", broken)
            with pytest.raises(http.client.RemoteDisconnected):
                get(server.address, "/status")
        assert get(server.address, "/status")[0] == 200
        server.close()
    errors = capfd.readouterr().err
    assert errors.startswith("flocktime node: a request for the status failed:\n")
    assert "in broken" in errors
    assert errors.endswith("LookupError: a fault\n")


def test_who_takes_long_is_hung_up_on(
    served: Address, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A byte now and then does not buy more time than everybody has."""
    monkeypatch.setattr(serving, "PATIENCE_S", 0.2)
    with socket.create_connection(served, timeout=10) as slow:
        began_s = time.monotonic()
        pause = threading.Event()
        with pytest.raises(ConnectionError):
            while time.monotonic() - began_s < 10:
                slow.sendall(b"x")
                pause.wait(0.02)
        assert time.monotonic() - began_s < 5
    assert get(served, "/status")[0] == 200
    assert capfd.readouterr().err == ""


def test_closing_does_not_wait_for_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request under way is broken off when the node stops."""
    monkeypatch.setattr(serving, "PATIENCE_S", 60.0)
    with Flock("127.0.0.1:0") as flock:
        server = StatusServer(Address("127.0.0.1", 0), flock)
        with socket.create_connection(server.address, timeout=10) as idle:
            idle.sendall(b"GET /sta")
            began_s = time.monotonic()
            server.close()
            assert time.monotonic() - began_s < 15
            with pytest.raises(ConnectionError):
                socket.create_connection(server.address, timeout=10)


def test_ipv6() -> None:
    """An IPv6 address is served too, and written in brackets."""
    if not socket.has_ipv6:
        pytest.skip("this system has no IPv6")
    with Flock("127.0.0.1:0") as flock:
        try:
            server = StatusServer(Address("::1", 0), flock)
        except OSError:
            pytest.skip("this system has no IPv6 loopback")
        try:
            assert str(server.address).startswith("[::1]:")
            assert get(server.address, "/status")[0] == 200
        finally:
            server.close()


def test_numbers_in_text() -> None:
    """Counters and gauges are told apart by name, and numbers keep all their digits."""
    text = exposition({"a_total": 3.0, "b_us": 0.1 + 0.2})
    assert text == "# TYPE a_total counter\na_total 3.0\n# TYPE b_us gauge\nb_us 0.30000000000000004\n"
