"""A WSGI application that answers with a timestamp. Under ``gunicorn --preload`` its clock is made in the master."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from flocktime import Clock, ForkedClock, Timestamp

NODE = os.environ.get("TEST_FIXED_NODE")
clock = Clock(name="preloaded", node=None if NODE is None else int(NODE))
clock.now()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Merge what the request carries, answer with what comes of it; a refusal is an answer too."""
    sent = environ.get("HTTP_FLOCKTIME")
    try:
        ts = clock.now() if sent is None else clock.update(Timestamp.from_hex(sent))
    except ForkedClock as refusal:
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
        return [type(refusal).__name__.encode()]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{ts.to_hex()} {os.getpid()}".encode()]
