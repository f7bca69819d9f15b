"""The stock: reserves what it is asked for. ``uvicorn --port 8001 stock:app``"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plumbing import Log, answer, clock_from_environment, lifespan, log_to_environment, read_text

from flocktime.integrations.asgi import FlocktimeMiddleware

if TYPE_CHECKING:
    from flocktime.clock import Clock


def make_app(clock: Clock, log: Log) -> FlocktimeMiddleware:
    async def stock(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        goods = await read_text(receive)
        log(scope["flocktime"].stamp, f"asked for: {goods}")
        log(clock.now(), f"reserved: {goods}")
        await answer(send, 200, "reserved")

    return FlocktimeMiddleware(stock, clock)


app = make_app(clock_from_environment("stock"), log_to_environment("stock"))
