"""The orders: takes one, and has the stock reserve it. ``uvicorn --port 8000 orders:app``"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import httpx
from plumbing import Log, answer, clock_from_environment, lifespan, log_to_environment, read_text

from flocktime.integrations.asgi import FlocktimeMiddleware
from flocktime.integrations.httpx import async_event_hooks

if TYPE_CHECKING:
    from flocktime.clock import Clock


def make_app(clock: Clock, log: Log, stock_url: str) -> FlocktimeMiddleware:
    client = httpx.AsyncClient(event_hooks=async_event_hooks(clock), base_url=stock_url, trust_env=False)

    async def orders(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send, client.aclose)
            return
        goods = await read_text(receive)
        log(scope["flocktime"].stamp, f"ordered: {goods}")
        log(clock.now(), "asking stock")
        try:
            response = await client.post("/", content=goods)
            response.raise_for_status()
        except httpx.HTTPError as error:
            log(clock.now(), f"stock failed: {error!r}")
            await answer(send, 502, "the stock does not answer")
            return
        log(response.extensions["flocktime"].stamp, f"stock said: {response.text}")
        await answer(send, 201, "ordered")

    return FlocktimeMiddleware(orders, clock)


app = make_app(
    clock_from_environment("orders"),
    log_to_environment("orders"),
    os.environ.get("STOCK_URL", "http://127.0.0.1:8001"),
)
