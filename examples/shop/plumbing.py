"""What both services need around their few lines: bodies, answers, start-up and shut-down."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from flocktime.clock import Clock, SkewedSource, Timestamp

Log = Callable[[Timestamp, str], None]
#: Nobody orders more than this.
MOST_BYTES = 1_000


def clock_from_environment(name: str) -> Clock:
    """A clock whose wall time is off by CLOCK_OFFSET seconds, for seeing what that does."""
    return Clock(name=name, source=SkewedSource(float(os.environ.get("CLOCK_OFFSET", "0"))))


def log_to_environment(name: str) -> Log:
    """Append to the file LOG, one line an event: timestamp, service, what happened."""
    path = Path(os.environ.get("LOG", f"{name}.log"))

    def log(stamp: Timestamp, what: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{stamp}  {name:<6}  {what}\n")

    return log


async def read_text(receive: Any) -> str:
    """The request's body, cut at what anybody may order, on one line."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the caller has gone, and half an order is none")
        body, more = (body + message.get("body", b""))[:MOST_BYTES], message.get("more_body", False)
    return " ".join(body.decode(errors="replace").split())


async def answer(send: Any, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def lifespan(receive: Any, send: Any, close: Callable[[], Awaitable[None]] | None = None) -> None:
    """Answer the server's start-up and shut-down, closing what there is to close."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown" and close is not None:
            await close()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
