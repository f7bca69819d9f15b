"""A hundred thousand bad inputs: a typed error each time, and a clock that is bit for bit what it was."""

from __future__ import annotations

from random import Random

import pytest

import flocktime.clock
from flocktime import Clock, InvalidTimestamp, Timestamp
from flocktime.testing import ManualSource
from tests.property import bad_inputs
from tests.property.bad_inputs import refused
from tests.support import NOW_US, snapshot, stamp

#: Refusals asked for, 100,000 altogether.
DECODED, MADE, CALLED, RECEIVED = 70_000, 8_000, 16_000, 6_000


@pytest.fixture
def times(campaign: bool) -> int:
    """How many times as many, in a campaign."""
    return 20 if campaign else 1


@pytest.fixture
def clock() -> Clock:
    """A clock that has reached something, in epoch 5."""
    clock = Clock(name="victim", node=1, source=ManualSource(NOW_US), last=stamp(NOW_US, 9, 1, 5))
    clock.now()
    return clock


def test_decoders_and_fields(rng: Random, times: int) -> None:
    """Whatever a decoder or the constructor is given, it decodes strictly or refuses with a typed error."""
    count = accepted = 0
    while count < DECODED * times:
        case = bad_inputs.decoder_case(rng)
        if refused(lambda case=case: bad_inputs.decoded(Timestamp, case)):  # type: ignore[misc]
            count += 1
        else:
            accepted += 1
    assert accepted < count / 2, "the inputs are hardly bad"


def test_constructors(rng: Random, times: int) -> None:
    """No argument, of whatever type and size, gets a clock or a source into a state that it should not be in."""
    count = 0
    while count < MADE * times:
        case = bad_inputs.maker_case(rng)
        count += refused(lambda case=case: bad_inputs.made(flocktime.clock, case))  # type: ignore[misc]


def test_calls_of_a_clock(clock: Clock, rng: Random, times: int) -> None:
    """Each refusal leaves the timestamps, the node, the epoch and the counters as they were, and the next tick too."""
    before = snapshot(clock)
    count = 0
    while count < CALLED * times:
        call = bad_inputs.clock_calls(clock, rng)
        count += refused(call)
        assert (clock.last, clock.node, clock.epoch) == (stamp(NOW_US, 10, 1, 5), 1, 5)
        if count % 100 == 0:
            assert snapshot(clock) == before
    assert snapshot(clock) == before
    assert clock.now() == stamp(NOW_US, 11, 1, 5)


def test_headers(clock: Clock, rng: Random, times: int) -> None:
    """A bad header never raises; the clock takes the one tick of every receipt and nothing else."""
    integration = pytest.importorskip("flocktime.integrations.headers", reason="the header functions are not there yet")
    twin = Clock(name="victim", node=1, source=ManualSource(NOW_US), last=stamp(NOW_US, 9, 1, 5))
    twin.now()
    count = 0
    while count < RECEIVED * times:
        received = integration.extract(clock, bad_inputs.headers(rng))
        if received.outcome == "adopted":  # an older epoch, by a rare chance
            assert received.stamp == twin.update(received.remote)
            continue
        assert received.outcome in ("malformed", "refused"), received
        assert received.stamp == twin.now()
        if received.outcome == "malformed":
            assert isinstance(received.error, InvalidTimestamp)
        count += 1
        if count % 100 == 0:
            assert snapshot(clock) == snapshot(twin)
    assert snapshot(clock) == snapshot(twin)


class _Panic(BaseException):
    """What a panic of the compiled core looks like to Python."""


@pytest.mark.parametrize(
    "error", [_Panic("index out of bounds"), SystemExit(1), OverflowError("too large"), RuntimeError()]
)
def test_a_panic_would_be_noticed(error: BaseException) -> None:
    """The check itself can fail: an exception that no ``except Exception`` catches, or of no documented type."""

    def panics() -> None:
        raise error

    with pytest.raises(AssertionError, match="is no typed error"):
        refused(panics)
