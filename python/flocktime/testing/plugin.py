"""The pytest fixtures. pytest loads this module at every start, so it imports nothing but pytest and flocktime itself."""

from __future__ import annotations

from typing import Final

import pytest

from flocktime.clock import Clock, ManualSource

__all__ = ["NODE", "START_US", "manual_clock", "manual_source"]

#: Where ``manual_source`` starts: 2026-01-01T00:00:00Z, in microseconds since 1970.
START_US: Final = 1_767_225_600_000_000
#: The node of ``manual_clock``: fixed, so that its timestamps can be written into a test.
NODE: Final = 1


@pytest.fixture
def manual_source() -> ManualSource:
    """A source of time that stands at 2026-01-01T00:00:00Z until the test moves it."""
    return ManualSource(START_US)


@pytest.fixture
def manual_clock(manual_source: ManualSource, request: pytest.FixtureRequest) -> Clock:
    """A clock on ``manual_source``, of node 1, named after the test."""
    return Clock(name=request.node.name, node=NODE, source=manual_source)
