"""The benchmark's service, whose workers also say whom their clock follows."""

from __future__ import annotations

import os

from benches.host_page.app import clock, service

from tests.processes.page.following import whom

__all__ = ["application", "asgi"]

application, asgi = service(lambda: f"{os.getpid()}:{whom(clock)}")
