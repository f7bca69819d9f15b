"""A service whose flock has no socket: ``python -m tests.integrations.flock_service FD NAME OFFSET_S PPM ROUND_S``.

``/call?HOST:PORT`` calls another one, ``/state`` says how its flock stands and what time it takes it to be.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from typing import Any

import httpx
import uvicorn

from flocktime.clock import SkewedSource
from flocktime.flock import Flock
from flocktime.integrations.asgi import FlocktimeMiddleware
from flocktime.integrations.headers import counters
from flocktime.integrations.httpx import async_event_hooks


class FlockService:
    """The ASGI application, with its own wrong clock and its own connections."""

    def __init__(self, name: str, offset_s: float, ppm: float, round_s: float, **options: Any) -> None:
        self.source = SkewedSource(offset_s, ppm)
        self.flock = Flock(name=name, source=self.source, round=round_s, **options)
        self._client: httpx.AsyncClient | None = None
        self._stamped = FlocktimeMiddleware(self._answer, self.flock)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = self._state if scope["path"] == "/state" else self._stamped
        await app(scope, receive, send)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        other = scope["query_string"].decode()
        if other:
            if self._client is None:  # in the loop that serves it
                self._client = httpx.AsyncClient(event_hooks=async_event_hooks(self.flock), trust_env=False)
            response = await self._client.get(f"http://{other}/")
            await _send_json(send, [scope["flocktime"].outcome, response.extensions["flocktime"].outcome])
        else:
            await _send_json(send, [scope["flocktime"].outcome])

    async def _state(self, _scope: Any, _receive: Any, send: Any) -> None:
        await _send_json(send, self.state())

    def state(self) -> dict[str, Any]:
        """How it stands, and its flock's time beside the time that all processes of a host share."""
        attempts = []
        for _ in range(5):
            before, wall, after = time.monotonic_ns(), self.source(), time.monotonic_ns()
            attempts.append((after - before, before, wall))
        _, monotonic_ns, wall_ns = min(attempts)
        status = min((self.flock.status() for _ in range(3)), key=lambda status: status.os_offset_us or 0.0)
        return {
            "state": status.state,
            "voters": status.voters,
            "monotonic_ns": monotonic_ns,
            "time_ns": wall_ns - round((status.os_offset_us or 0.0) * 1e3),
            "delays_us": [peer.delay_us for peer in status.peers if peer.delay_us is not None],
            "rates_ppm": [peer.rate_ppm for peer in status.peers],
            "own_rate_ppm": status.rate_ppm,
            "counters": {**status.counters, **counters(self.flock)},
        }


async def _send_json(send: Any, value: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})


def main() -> None:
    fd, name, offset_s, ppm, round_s = sys.argv[1:6]
    service = FlockService(name, float(offset_s), float(ppm), float(round_s))
    config = uvicorn.Config(service, log_level="warning", lifespan="off", timeout_keep_alive=60)
    with socket.socket(fileno=int(fd)) as listener, service.flock:
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
