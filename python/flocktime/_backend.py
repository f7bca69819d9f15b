"""The one switch: the compiled core, or the pure fallback with the same behaviour.

``FLOCKTIME_PURE=1`` in the environment forces the fallback; otherwise it is taken only where the compiled module was not
built at all. A compiled module that is there and fails to load is an error, never a silent slow-down.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from flocktime._core import Clock, EventBuffer, FlockMember, GossipMachine, ManualSource, SkewedSource, Timestamp

    BACKEND = "compiled"
elif os.environ.get("FLOCKTIME_PURE") == "1":
    from flocktime._fallback import (
        Clock,
        EventBuffer,
        FlockMember,
        GossipMachine,
        ManualSource,
        SkewedSource,
        Timestamp,
    )

    BACKEND = "pure"
else:
    try:
        from flocktime._core import (
            Clock,
            EventBuffer,
            FlockMember,
            GossipMachine,
            ManualSource,
            SkewedSource,
            Timestamp,
        )

        BACKEND = "compiled"
    except ModuleNotFoundError as missing:
        if missing.name != "flocktime._core":
            raise
        from flocktime._fallback import (
            Clock,
            EventBuffer,
            FlockMember,
            GossipMachine,
            ManualSource,
            SkewedSource,
            Timestamp,
        )

        BACKEND = "pure"

__all__ = [
    "BACKEND",
    "Clock",
    "EventBuffer",
    "FlockMember",
    "GossipMachine",
    "ManualSource",
    "SkewedSource",
    "Timestamp",
    "pure_clock",
    "simulate",
]


def pure_clock() -> type[Any]:
    """The fallback's ``Clock``, whichever backend is in use: only side by side in one process can the two be timed."""
    from flocktime._fallback import Clock as PureClock

    return PureClock


def simulate(scenario: str, seed: int, progress: Callable[[float], object] | None = None) -> str:
    """Run a scenario of JSON, and return its outcome as JSON.

    Raises:
        FlockError: the backend is the pure one, which has no simulator: it would take hours.
        ValueError: it is no scenario.
    """
    if BACKEND != "compiled":
        from flocktime.errors import FlockError

        raise FlockError("the simulator needs the compiled core; this is the pure backend")
    from flocktime._core import simulate as run

    return run(scenario, seed, progress)
