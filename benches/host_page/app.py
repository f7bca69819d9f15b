"""A service that answers with a timestamp of the host's page, for any server. The page is opened where this is imported: under
``gunicorn --preload`` that is the master, and its workers inherit the clock.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from flocktime import Clock, Timestamp

__all__ = ["PAGE", "application", "asgi", "clock", "service"]

#: The variable that says where the page lies.
PAGE = "HOST_PAGE"
clock = Clock.open(os.environ[PAGE])


def service(worker: Callable[[], str]) -> tuple[Callable[..., Iterable[bytes]], Callable[..., Awaitable[None]]]:
    """For WSGI, and for ASGI, without a lifespan. ``worker``: one word for the process that answers, and what else is to be known
    of it. Functions, since uvicorn takes a method for something else.
    """

    def answer(sent: str | None) -> bytes:
        """A stamp above what the request carries, whose the page is, and which process it was."""
        stamp = clock.now() if not sent else clock.update(Timestamp.from_hex(sent))
        return f"{stamp.to_hex()} {worker()}".encode()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = answer(environ.get("HTTP_FLOCKTIME"))
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    async def asgi(
        scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        assert receive  # the body of a request is not looked at
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        sent = next((value.decode() for name, value in scope["headers"] if name == b"flocktime"), None)
        body = answer(sent)
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application, asgi


application, asgi = service(lambda: str(os.getpid()))
