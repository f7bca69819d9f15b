"""What the tests of the integrations share: real servers on loopback sockets, in threads of the test's own process."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Nothing here takes a second; a server that does not come up in so long never will.
PATIENCE_S = 30.0


class _Server(uvicorn.Server):
    """Says when it accepts connections, so that nobody has to poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], tuple[str, int]]]:
    """A function that serves an ASGI application until the test ends, and returns its host and port."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(_served(app))


@contextmanager
def _served(app: Any) -> Iterator[tuple[str, int]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = _Server(uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            assert server.ready.wait(PATIENCE_S), "the server did not come up"
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the server did not stop"
