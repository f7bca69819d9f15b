"""Conformance on real sockets: uvicorn in front, httpx and bare sockets behind."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from flocktime.clock import Clock, ManualSource, SkewedSource, Timestamp
from flocktime.integrations.asgi import FlocktimeMiddleware
from flocktime.integrations.headers import HEADER, counters
from flocktime.integrations.httpx import async_event_hooks, event_hooks

pytestmark = pytest.mark.processes

Serve = Callable[[Any], tuple[str, int]]
START_US = 1_800_000_000_000_000
FAR = Timestamp(START_US + 3_600_000_000, node=1)


def stamping_app(clock: Clock) -> FlocktimeMiddleware:
    """Answers with its receipt, and with one more event of its own clock."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        received = scope["flocktime"]
        if scope["path"] == "/moved":
            await send({"type": "http.response.start", "status": 307, "headers": [(b"location", b"/")]})
            await send({"type": "http.response.body", "body": b""})
            return
        body = {"outcome": received.outcome, "receipt": received.stamp.to_hex(), "handler": clock.now().to_hex()}
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    return FlocktimeMiddleware(app, clock)


def skewed_pair(server_offset_s: float) -> tuple[Clock, Clock]:
    """A client on the host's time, and a server whose wall clock is off."""
    return Clock(name="client"), Clock(name="server", source=SkewedSource(server_offset_s))


def check_exchange(client: Clock, request: httpx.Request, response: httpx.Response) -> None:
    """send < receipt < handler < answer < receipt of the answer < whatever comes next."""
    sent = request.extensions[HEADER]
    body = response.json()
    received = response.extensions[HEADER]
    chain = [
        sent,
        Timestamp.from_hex(body["receipt"]),
        Timestamp.from_hex(body["handler"]),
        received.remote,
        received.stamp,
        client.now(),
    ]
    assert chain == sorted(set(chain))
    assert (body["outcome"], received.outcome) == ("adopted", "adopted")


@pytest.mark.parametrize("server_offset_s", [-0.4, 0.4, 0.0])
def test_a_client_and_a_server_agree_on_the_order(serve: Serve, server_offset_s: float) -> None:
    """With the server's wall clock 400 ms behind or ahead, every effect is stamped after its cause."""
    clock, server_clock = skewed_pair(server_offset_s)
    host, port = serve(stamping_app(server_clock))
    with httpx.Client(event_hooks=event_hooks(clock), trust_env=False, base_url=f"http://{host}:{port}") as client:
        for _ in range(5):
            response = client.get("/")
            check_exchange(clock, response.request, response)
    assert counters(clock) == counters(server_clock)
    assert counters(clock)["adopted"] == 5


def test_concurrent_requests_of_an_async_client(serve: Serve) -> None:
    """Twenty requests at once over one clock on each side: each exchange is in order, and no two stamps are equal."""
    clock, server_clock = skewed_pair(-0.4)
    host, port = serve(stamping_app(server_clock))

    async def exchange() -> list[httpx.Response]:
        async with httpx.AsyncClient(event_hooks=async_event_hooks(clock), trust_env=False) as client:
            return await asyncio.gather(*(client.get(f"http://{host}:{port}/") for _ in range(20)))

    responses = asyncio.run(exchange())
    for response in responses:
        check_exchange(clock, response.request, response)
    assert len({response.json()["handler"] for response in responses}) == 20


def test_each_hop_of_a_redirect_is_a_message(serve: Serve) -> None:
    """Two requests, two answers, four timestamps in order."""
    clock, server_clock = skewed_pair(-0.4)
    host, port = serve(stamping_app(server_clock))
    with httpx.Client(event_hooks=event_hooks(clock), trust_env=False, follow_redirects=True) as client:
        second = client.get(f"http://{host}:{port}/moved")
    (first,) = second.history
    check_exchange(clock, second.request, second)
    assert first.request.extensions[HEADER] < first.extensions[HEADER].remote < second.request.extensions[HEADER]


def test_a_peer_without_flocktime(serve: Serve) -> None:
    """A client that sends no header and a server that answers none are local events on the other side."""
    clock = Clock()
    host, port = serve(stamping_app(clock))
    assert httpx.get(f"http://{host}:{port}/", trust_env=False).json()["outcome"] == "absent"

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    host, port = serve(bare)
    with httpx.Client(event_hooks=event_hooks(clock), trust_env=False) as client:
        received = client.get(f"http://{host}:{port}/").extensions[HEADER]
    assert (received.outcome, received.remote, received.stamp) == ("absent", None, clock.last)


def test_a_hostile_answer_does_not_move_a_client(serve: Serve) -> None:
    """A far future, twice, or nonsense: the client's clock stays where its own events put it."""
    answers = [[FAR.to_hex()], ["f" * 32], ["x"], [FAR.to_hex(), FAR.to_hex()], [""]]

    async def liar(scope: Any, receive: Any, send: Any) -> None:
        values = answers[int(scope["path"][1:])]
        headers = [(HEADER.encode(), value.encode()) for value in values]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    clock = Clock(node=5, source=ManualSource(START_US))
    host, port = serve(liar)
    with httpx.Client(event_hooks=event_hooks(clock), trust_env=False) as client:
        outcomes = [client.get(f"http://{host}:{port}/{i}").extensions[HEADER].outcome for i in range(len(answers))]
    assert outcomes == ["refused", "refused", "malformed", "malformed", "malformed"]
    assert clock.last == Timestamp(START_US, 2 * len(answers) - 1, node=5)


HOSTILE = {
    "empty": [b""],
    "garbage": [b"hello"],
    "upper case": [FAR.to_hex().upper().replace("0", "A").encode()],
    "too long": [b"0" * 33],
    "8 KiB": [b"a" * 8192],
    "not ASCII": [b"\xe9" * 32],
    "a tab inside": [b"0" * 15 + b"\t" + b"0" * 16],
    "twice": [b"0" * 32, b"0" * 32],
    "joined": [b"0" * 32 + b", " + b"0" * 32],
    "an hour ahead": [FAR.to_hex().encode()],
    "the end of time": [b"f" * 32],
    "the last epoch": [Timestamp(START_US, node=1, epoch=65_535).to_hex().encode()],
    "this very node": [Timestamp(START_US + 1, node=5).to_hex().encode()],
}


def send_raw(address: tuple[str, int], values: list[bytes]) -> bytes:
    """One request with exactly these header bytes; returns the status line."""
    lines = [b"GET / HTTP/1.1", b"host: here", b"connection: close", *(HEADER.encode() + b": " + v for v in values)]
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", b""]))
        with connection.makefile("rb") as answer:
            return answer.readline().rstrip()


@pytest.mark.parametrize("values", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_header_never_breaks_a_request(serve: Serve, values: list[bytes]) -> None:
    """200, and the clock is where three events of its own have put it."""
    clock = Clock(node=5, source=ManualSource(START_US))
    clock.now()
    assert send_raw(serve(stamping_app(clock)), values).endswith(b"200 OK")
    assert clock.last == Timestamp(START_US, 3, node=5)  # the one before, the receipt, the handler's, the answer's
    counted = counters(clock)
    assert counted["malformed"] + counted["refused"] == 1
    assert counted["adopted"] == 0


@pytest.mark.parametrize("value", [b"0" * 16 + b"\0" + b"0" * 15, b"0" * 16 + b"\r" + b"0" * 15])
def test_what_the_server_itself_rejects_never_reaches_the_clock(serve: Serve, value: bytes) -> None:
    """Control characters are answered by the HTTP parser; the clock has not even ticked."""
    clock = Clock(node=5, source=ManualSource(START_US))
    assert b" 400 " in send_raw(serve(stamping_app(clock)), [value])
    assert clock.last is None


def test_a_websocket_handshake(serve: Serve) -> None:
    """The handshake is one exchange: the request is merged, the acceptance stamped."""
    websockets = pytest.importorskip("websockets.sync.client")
    clock, server_clock = skewed_pair(-0.4)

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": scope["flocktime"].stamp.to_hex()})
        await send({"type": "websocket.close"})

    host, port = serve(FlocktimeMiddleware(echo, server_clock))
    sent = clock.now()
    stamped = {HEADER: sent.to_hex()}
    with websockets.connect(f"ws://{host}:{port}/", additional_headers=stamped, proxy=None) as connection:
        received = Timestamp.from_hex(connection.recv())
        accepted = Timestamp.from_hex(connection.response.headers[HEADER])
    assert sent < received < accepted
