"""What ``flocktime.testing`` gives to the tests of others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flocktime import Clock
from flocktime.clock import ManualSource as ManualSourceOfTheClock
from flocktime.testing import ManualSource
from flocktime.testing.plugin import NODE, START_US
from tests.support import NOW_US, stamp


def test_the_source_stands_at_a_known_instant(manual_source: ManualSource) -> None:
    """``manual_source`` starts at the beginning of 2026, which tests may write down."""
    assert manual_source() == START_US * 1000 == NOW_US * 1000
    assert datetime.fromtimestamp(START_US / 1_000_000, UTC) == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_clock_is_on_the_source(manual_clock: Clock, manual_source: ManualSource) -> None:
    """``manual_clock`` reads the very source that the test moves, under a known node."""
    assert manual_clock.now() == stamp(START_US, 0, node=NODE)
    manual_source.advance(5)
    assert manual_clock.now() == stamp(START_US + 5, 0, node=NODE)


def test_the_clock_is_named_after_the_test(manual_clock: Clock, request: pytest.FixtureRequest) -> None:
    """Its name, in logs and errors, is that of the test."""
    assert manual_clock.name == request.node.name == "test_the_clock_is_named_after_the_test"


@pytest.mark.parametrize("_time", range(2))
def test_every_test_gets_its_own(_time: int, manual_clock: Clock, manual_source: ManualSource) -> None:
    """What one test does to them, no other sees."""
    assert manual_clock.last is None
    assert manual_source() == START_US * 1000
    manual_clock.now()
    manual_source.advance(10)


def test_the_sources_are_those_of_the_clock() -> None:
    """``flocktime.testing`` re-exports; it has no sources of its own."""
    assert ManualSource is ManualSourceOfTheClock
