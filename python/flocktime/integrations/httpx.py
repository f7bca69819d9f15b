"""Event hooks for httpx clients: every request is a send, every response a receipt.

``httpx.Client(event_hooks=event_hooks(clock))`` and ``httpx.AsyncClient(event_hooks=async_event_hooks(clock))``. The
timestamp of the send is in ``request.extensions["flocktime"]``, what came back in
``response.extensions["flocktime"]`` (a ``Received``). Each hop of a redirect is a message of its own.

Instead of a clock they take a flock: then every request measures, and to the flock each ``host:port`` that is called is a
process. Where several processes stand behind one address, give the flock a socket instead. Requests to a ``host:port`` of more
than 255 bytes carry the plain header alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flocktime.integrations.headers import HEADER, extract, inject

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from flocktime.clock import Clock
    from flocktime.flock import Flock

__all__ = ["async_event_hooks", "event_hooks"]

_MOST_BYTES: Final = 255  # of a receiver's name


def event_hooks(clock: Clock | Flock) -> dict[str, list[Callable[..., Any]]]:
    """Hooks for ``httpx.Client``. A new dictionary each time: append hooks of your own behind these."""

    def on_request(request: httpx.Request) -> None:
        _send(clock, request)

    def on_response(response: httpx.Response) -> None:
        _receive(clock, response)

    return {"request": [on_request], "response": [on_response]}


def async_event_hooks(clock: Clock | Flock) -> dict[str, list[Callable[..., Any]]]:
    """The same for ``httpx.AsyncClient``, which awaits its hooks."""

    async def on_request(request: httpx.Request) -> None:
        _send(clock, request)

    async def on_response(response: httpx.Response) -> None:
        _receive(clock, response)

    return {"request": [on_request], "response": [on_response]}


def _send(clock: Clock | Flock, request: httpx.Request) -> None:
    request.extensions[HEADER] = inject(clock, request.headers, to=_receiver(request.url))


def _receive(clock: Clock | Flock, response: httpx.Response) -> None:
    response.extensions[HEADER] = extract(clock, response.headers.raw)  # raw pairs: a repeated header stays visible


def _receiver(url: httpx.URL) -> str | None:
    """``host:port``, with the port that the scheme stands for where none is given; ``None`` where that is too long a name."""
    port = url.port or (443 if url.scheme == "https" else 80)
    name = f"[{url.host}]:{port}" if ":" in url.host else f"{url.host}:{port}"
    return name if len(name.encode()) <= _MOST_BYTES else None
