"""A pure ASGI middleware: every request is a receipt, every answer a send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from flocktime.integrations.headers import FLOCK_HEADER, HEADER, Received, extract, inject

if TYPE_CHECKING:
    from flocktime.clock import Clock
    from flocktime.flock import Flock

__all__ = ["FlocktimeMiddleware"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_STAMPED: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_NAMES: Final = frozenset({HEADER.encode(), FLOCK_HEADER.encode()})


class FlocktimeMiddleware:
    """Merge the timestamp of each HTTP request and websocket handshake, and stamp the answer.

    The application finds what was received in ``scope["flocktime"]``, a ``Received``. A header that is absent,
    malformed or refused changes nothing for the request. The answer carries the timestamp of the moment it is
    started; one that the application set itself, for instance copied from an upstream answer, is replaced.

    Put it outermost, so that what other middlewares answer is stamped too. An exception that no middleware turns into a
    response is answered by the server itself, without the header.

    Args:
        app: the ASGI application to wrap.
        clock: this process's clock, or its flock: then the flock's own header is taken in and answered too.
        on_receive: called with the ``Received`` and the scope before the application runs; what it raises is the
            application's own failure and goes to the server.
    """

    def __init__(
        self, app: App, clock: Clock | Flock, on_receive: Callable[[Received, Scope], None] | None = None
    ) -> None:
        self._app = app
        self._clock = clock
        self._on_receive = on_receive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        received = extract(self._clock, scope["headers"])  # before anything else: it tells when the request came
        scope = {**scope, "flocktime": received}
        if self._on_receive is not None:
            self._on_receive(received, scope)

        async def send_stamped(message: Message) -> None:
            await send(self._stamped(message, received) if message["type"] in _STAMPED else message)

        await self._app(scope, receive, send_stamped)

    def _stamped(self, message: Message, received: Received) -> Message:
        others = [pair for pair in message.get("headers") or () if bytes(pair[0]).lower() not in _NAMES]
        stamp: dict[str, str] = {}
        inject(self._clock, stamp, reply_to=received)
        return {**message, "headers": [*others, *((name.encode(), value.encode()) for name, value in stamp.items())]}
