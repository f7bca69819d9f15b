"""A service that answers with a timestamp of the host's page, its process, and whom its clock follows there.

The page is opened where this is imported, by the benchmark's service, whose recipe it is.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from benches.host_page.app import clock

from flocktime import Timestamp
from tests.processes.page.following import whom

__all__ = ["application", "asgi"]


def _answer(sent: str | None) -> bytes:
    """A stamp above what the request carries, and one word for the process and whom it follows."""
    stamp = clock.update(Timestamp.from_hex(sent)) if sent else clock.now()
    return f"{stamp.to_hex()} {os.getpid()}:{whom(clock)}".encode()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI."""
    body = _answer(environ.get("HTTP_FLOCKTIME"))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """ASGI, without a lifespan."""
    assert receive  # the body of a request is not looked at
    sent = next((value.decode() for name, value in scope["headers"] if name == b"flocktime"), None)
    body = _answer(sent)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
