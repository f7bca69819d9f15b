"""Both backends side by side, and fixed values: every benchmark of a group works on the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flocktime._backend import BACKEND, pure_clock
from flocktime.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

#: The compiled backend only if it is the one in use; the fallback always.
CLOCKS: dict[str, Callable[[], Any]] = {"fallback": pure_clock(), **({BACKEND: Clock} if BACKEND != "pure" else {})}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Any:
    """A clock of each backend in turn."""
    return CLOCKS[request.param]()


@pytest.fixture
def stamp(clock: Any) -> Any:
    """A timestamp of the clock's own kind, with something in every field."""
    return type(clock.now())(1_795_400_000_123_456, 3, node=0x2A, epoch=1)
