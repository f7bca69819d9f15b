"""The ASGI middleware, spoken to in ASGI's own messages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flocktime.clock import Clock, ManualSource, Timestamp
from flocktime.integrations.asgi import FlocktimeMiddleware
from flocktime.integrations.headers import HEADER, Received, counters

START_US = 1_800_000_000_000_000
REMOTE = Timestamp(START_US + 400_000, 7, node=1)
NAME = HEADER.encode()


def make_clock() -> Clock:
    return Clock(node=5, source=ManualSource(START_US))


class Recorder:
    """An application that answers with given messages, and keeps the scope it was given."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = messages
        self.scope: Any = None

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.scope = scope
        for message in self.messages:
            await send(message)


def run(app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """Call an application once and return what it sent."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing is to be received")

    asyncio.run(app(scope, receive, send))
    return sent


def stamps(message: dict[str, Any]) -> list[Timestamp]:
    return [Timestamp.from_hex(value.decode()) for name, value in message["headers"] if name == NAME]


@pytest.mark.parametrize(
    ("scope_type", "start"),
    [
        ("http", "http.response.start"),
        ("websocket", "websocket.accept"),
        ("websocket", "websocket.http.response.start"),
    ],
)
@pytest.mark.parametrize("headers", [None, [], [(b"a", b"b")], ((b"a", b"b"),), iter([[b"a", b"b"]])])
def test_a_request_is_a_receipt_and_its_answer_a_send(scope_type: str, start: str, headers: Any) -> None:
    """received < receipt < answer, for every kind of answer and every shape of its headers."""
    clock = make_clock()
    answer = {"type": start} if headers is None else {"type": start, "headers": headers}
    app = Recorder(answer, {"type": "something.else", "headers": []})
    scope = {"type": scope_type, "headers": [(NAME, REMOTE.to_hex().encode())]}
    first, second = run(FlocktimeMiddleware(app, clock), scope)
    received = app.scope["flocktime"]
    assert isinstance(received, Received)
    assert (received.remote, received.outcome) == (REMOTE, "adopted")
    (answered,) = stamps(first)
    assert REMOTE < received.stamp < answered == clock.last
    assert second == {"type": "something.else", "headers": []}


def test_the_servers_scope_and_the_applications_message_are_left_alone() -> None:
    """Both belong to somebody else, who may use them again."""
    message: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}
    scope: dict[str, Any] = {"type": "http", "headers": [], "extensions": {}}
    sent = run(FlocktimeMiddleware(Recorder(message), make_clock()), scope)
    assert scope == {"type": "http", "headers": [], "extensions": {}}
    assert message == {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}
    assert sent[0]["status"] == 200
    assert sent[0]["headers"][0] == (b"a", b"b")


def test_a_stamp_that_the_application_copied_is_replaced() -> None:
    """An answer passed on from upstream leaves with one timestamp, this clock's."""
    clock = make_clock()
    copied = [(b"Flocktime", REMOTE.to_hex().encode()), (NAME, b"x"), (b"a", b"b")]
    (sent,) = run(
        FlocktimeMiddleware(Recorder({"type": "http.response.start", "headers": copied}), clock),
        {"type": "http", "headers": []},
    )
    assert [name.lower() for name, _ in sent["headers"]] == [b"a", NAME]
    assert stamps(sent) == [clock.last]


def test_other_scopes_pass_through() -> None:
    """Start-up and shut-down of a server are no messages."""
    clock = make_clock()
    app = Recorder({"type": "lifespan.startup.complete"})
    scope = {"type": "lifespan"}
    assert run(FlocktimeMiddleware(app, clock), scope) == [{"type": "lifespan.startup.complete"}]
    assert app.scope is scope
    assert clock.last is None


def test_on_receive_is_told_before_the_application_runs() -> None:
    """The callback gets what the application will find in its scope."""
    told: list[Any] = []
    app = Recorder()

    def tell(received: Received, scope: Any) -> None:
        told.append((received, scope, app.scope))

    middleware = FlocktimeMiddleware(app, make_clock(), tell)
    run(middleware, {"type": "http", "headers": [], "path": "/here"})
    ((received, scope, application_had),) = told
    assert received is app.scope["flocktime"]
    assert (scope["path"], application_had) == ("/here", None)


def test_an_exception_of_the_application_passes_through() -> None:
    """The middleware hides no failure, and the receipt was counted."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("the application's own")

    clock = make_clock()
    with pytest.raises(LookupError, match="the application's own"):
        run(FlocktimeMiddleware(app, clock), {"type": "http", "headers": []})
    assert counters(clock)["absent"] == 1


@pytest.mark.parametrize("value", [b"", b"x", b"\r\nx: y", b"\0" * 32, b"\xff" * 32, b"f" * 32, b"0" * 70_000])
def test_a_hostile_header_changes_nothing_for_the_request(value: bytes) -> None:
    """Also for what a strict HTTP parser would never let through."""
    clock, twin = make_clock(), make_clock()
    app = Recorder({"type": "http.response.start", "status": 200, "headers": []})
    run(FlocktimeMiddleware(app, clock), {"type": "http", "headers": [(NAME, value)]})
    assert app.scope["flocktime"].outcome in ("malformed", "refused")
    twin.now_many(2)  # the receipt and the answer
    assert clock.last == twin.last
