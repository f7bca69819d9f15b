"""One service of the demonstration, a process of its own: ``python -m flocktime.cli.demo.service NAME``.

It speaks with its parent over standard input and output, a JSON object a line: it is given its plan, answers with its
port and its flock's address, is given everybody's addresses, and answers when it serves. Later it may be told that others
have moved, or that its oscillator jumps. When standard input ends, the parent is gone and so is it.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from collections import deque
from contextlib import nullcontext, suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import uvicorn

from flocktime.cli.demo.log import Journal, Look
from flocktime.cli.demo.pipe import Parent, end_on_signals, say
from flocktime.cli.demo.plan import CHAIN_HEADER, MESSAGE_HEADER, REQUEST_HEADER, ServicePlan, process_name
from flocktime.clock import Clock, SkewedSource, Timestamp
from flocktime.flock import Flock
from flocktime.integrations.asgi import FlocktimeMiddleware
from flocktime.integrations.headers import HEADER, Received
from flocktime.integrations.httpx import async_event_hooks

#: A call on the loopback device that takes longer has failed.
CALL_TIMEOUT_S: Final = 20.0
#: How long open requests may go on after the word to stop, and when the process ends whatever is still open.
GRACE_S: Final = 2
LAST_RESORT_S: Final = 5.0
#: What a request costs in a service, at most: enough for requests to overlap.
MOST_WORK_S: Final = 0.002
#: How often it writes down how its flock stands, and how many of these the display is given.
LOOK_EVERY_S: Final = 0.1
SHOWN_LOOKS: Final = 12


class Service:
    """The ASGI application: takes a call, works, calls the next service of the chain, answers."""

    def __init__(
        self,
        plan: ServicePlan,
        log: Path,
        *,
        seed: int,
        round_s: float = 1.0,
        start: int = 1,
        page: str | None = None,
        worker: int = 1,
    ) -> None:
        self._name = plan.name
        self._source = SkewedSource(timedelta(microseconds=plan.offset_us), plan.ppm)
        #: The first worker's: it steers the clocks of all of them, over the page that they share.
        self.flock: Flock | None = None
        if worker == 1:
            self.flock = Flock(
                "127.0.0.1:0",
                name=plan.name,
                source=self._source,
                round=round_s,
                on_drift=plan.on_drift,
                until_ready="raise",  # a wrong clock is out-voted before it has stamped anything
                page=page,
            )
            self.clock = self.flock.clock
        else:
            assert page is not None
            self.clock = Clock.open(page, name=plan.name, source=self._source, on_drift=plan.on_drift)
        self.journal = Journal(log, plan.name, self.clock, self._source)
        self.peers: dict[str, list[str]] = {}
        self._looks: deque[Look] = deque(maxlen=SHOWN_LOOKS)
        self._prefix = process_name(plan.name, start, worker)
        self._draw = Random(f"{seed}/{self._prefix}")
        self._sent = 0
        # Its clock and not its flock: the members agree over the relay alone, which is slow and loses.
        self._stamped = FlocktimeMiddleware(self._call, self.clock, self._received)
        hooks = async_event_hooks(self.clock)
        hooks["request"].append(self._request_sent)
        hooks["response"].append(self._response_received)
        self.client = httpx.AsyncClient(event_hooks=hooks, timeout=CALL_TIMEOUT_S, trust_env=False)

    def told(self, value: dict[str, Any]) -> None:
        """What the parent says while it serves."""
        self.peers = value.get("peers", self.peers)
        if "flock" in value and self.flock is not None:
            self.flock.set_peers(value["flock"])
        if "jump_us" in value:
            self._source.step(timedelta(microseconds=value["jump_us"]))

    async def look(self) -> None:
        """Write down, again and again, how the flock stands; at the same moments as the others do."""
        while True:
            if self.flock is not None:
                self._looks.append(self.journal.look(self.flock))
            await asyncio.sleep(LOOK_EVERY_S - time.monotonic() % LOOK_EVERY_S)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/state":  # for the display; no event, hence outside of the middleware
            await _answer(send, self._state())
            return

        async def send_and_log(message: Any) -> None:
            if message["type"] == "http.response.start":
                stamp = next(value for name, value in message["headers"] if name == HEADER.encode())
                self._log_answer(scope, Timestamp.from_hex(stamp.decode()))
            await send(message)

        await self._stamped(scope, receive, send_and_log)

    async def _call(self, scope: Any, _receive: Any, send: Any) -> None:
        request, rest = _header(scope, REQUEST_HEADER) or "", _header(scope, CHAIN_HEADER)
        self.journal.event("work", request, self.clock.now())
        await asyncio.sleep(self._draw.uniform(0, MOST_WORK_S))
        visited = [self._name]
        if rest:
            following, _, rest = rest.partition(",")
            self._sent += 1
            headers = {REQUEST_HEADER: request, CHAIN_HEADER: rest, MESSAGE_HEADER: f"{self._prefix}-{self._sent}"}
            worker = self._draw.choice(self.peers[following])
            response = await self.client.get(f"{worker}/call", headers=headers)
            visited += response.raise_for_status().json()
        await _answer(send, visited)

    # The four events of a message, each logged right behind its timestamp.

    def _received(self, received: Received, scope: Any) -> None:
        request, message = _header(scope, REQUEST_HEADER) or "", _header(scope, MESSAGE_HEADER)
        self.journal.receipt("request-received", request, received, message)

    async def _request_sent(self, request: httpx.Request) -> None:
        stamp = request.extensions[HEADER]
        self.journal.event("request-sent", request.headers[REQUEST_HEADER], stamp, request.headers[MESSAGE_HEADER])

    async def _response_received(self, response: httpx.Response) -> None:
        sent, received = response.request.headers, response.extensions[HEADER]
        self.journal.receipt("response-received", sent[REQUEST_HEADER], received, sent[MESSAGE_HEADER])

    def _log_answer(self, scope: Any, stamp: Timestamp) -> None:
        self.journal.event("response-sent", _header(scope, REQUEST_HEADER) or "", stamp, _header(scope, MESSAGE_HEADER))

    def _state(self) -> dict[str, Any]:
        return {
            "node": self.clock.node,
            "events": self.journal.events,
            "refused": self.journal.refused,
            "wall_us": self._source() // 1000,
            "looks": [asdict(look) for look in self._looks],
        }


def _header(scope: Any, name: str) -> str | None:
    wanted = name.encode()
    return next((value.decode() for key, value in scope["headers"] if key == wanted), None)


async def _answer(send: Any, body: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


class _Server(uvicorn.Server):
    """Says on standard output when it accepts connections."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        say(serving=True)


async def _serve(service: Service, listener: socket.socket, parent: Parent) -> None:
    config = uvicorn.Config(
        service,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=60,  # longer than clients keep a connection: they close it, never the server under a request
        timeout_graceful_shutdown=GRACE_S,
    )
    server, finished = _Server(config), threading.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    def parent_gone() -> None:
        with suppress(RuntimeError):  # the loop has just been closed: then there is nothing left to stop
            loop.call_soon_threadsafe(stop)
        if not finished.wait(GRACE_S + LAST_RESORT_S):
            os._exit(3)

    parent.follow(service.told, parent_gone)
    looking = asyncio.create_task(service.look())
    looking.add_done_callback(lambda _: stop())  # it has no end of its own
    try:
        async with service.client:
            await server.serve(sockets=[listener])
    finally:
        finished.set()
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


def main() -> None:
    """Run the service until the parent, a signal or the end of standard input stops it."""
    serving = False
    # While it serves, the server itself takes a signal, stops, and raises it once more afterwards.
    end_on_signals(lambda: serving)
    parent = Parent()
    given = parent.hear()
    plan, log = ServicePlan(**given["plan"]), Path(given["log"])
    told = {name: given[name] for name in ("seed", "round_s", "start", "page", "worker") if name in given}
    service = Service(plan, log, **told)
    flock = service.flock
    with nullcontext() if flock is None else flock, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        say(port=listener.getsockname()[1], member=None if flock is None else flock.address)
        service.told(parent.hear())
        serving = True
        asyncio.run(_serve(service, listener, parent))
    service.journal.close()


if __name__ == "__main__":
    main()
