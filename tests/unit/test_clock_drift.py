"""The drift limit, its four policies, and the horizon behind all of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from flocktime import Clock, ClockError, DriftError, Timestamp
from flocktime.testing import ManualSource
from tests.support import HORIZON_US, MAX_PHYSICAL, NOW_US, snapshot, stamp

POLICIES = ("reject", "adopt", "ignore", "clamp")
BEYOND = stamp(NOW_US + 500_001, 3, node=2)


def _clock(source: ManualSource, **options: Any) -> Clock:
    return Clock(node=1, source=source, **options)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_limit_is_inclusive(policy: str, manual_source: ManualSource) -> None:
    """Exactly at the limit a timestamp is adopted under every policy, with any counter, and nothing is counted."""
    clock = _clock(manual_source, on_drift=policy)
    assert clock.update(stamp(NOW_US + 500_000, 4095, node=2)) == stamp(NOW_US + 500_001, 0, node=1)
    stats = clock.stats()
    assert (stats.refused_drift, stats.adopted_beyond_limit, stats.ignored, stats.clamped) == (0, 0, 0, 0)


def test_reject_names_the_offender_and_the_numbers(manual_source: ManualSource) -> None:
    """The error carries the timestamp, its node, the lead and the limit, says them, and warns of relays."""
    clock = _clock(manual_source)
    before = snapshot(clock)
    with pytest.raises(DriftError) as caught:
        clock.update(BEYOND)
    error = caught.value
    assert (error.remote, error.node) == (BEYOND, 2)
    assert error.offset == timedelta(microseconds=500_001)
    assert error.limit == timedelta(microseconds=500_000)
    assert str(error) == (
        "timestamp of node 000000000002 is 0.500001 s ahead of this clock's time, 0.500000 s are allowed "
        "(the node may only be relaying a time it was given)"
    )
    assert isinstance(error, ClockError)
    assert isinstance(error, ValueError)
    assert snapshot(clock) == before
    assert clock.stats().refused_drift == 1


def test_adopt_takes_it_and_counts(manual_source: ManualSource) -> None:
    """``adopt`` merges what lies beyond, as if there were no limit; the result lies above it."""
    clock = _clock(manual_source, on_drift="adopt")
    assert clock.update(BEYOND) == stamp(NOW_US + 500_001, 4, node=1)
    assert clock.stats().adopted_beyond_limit == 1


def test_ignore_ticks_without_it_and_counts(manual_source: ManualSource) -> None:
    """``ignore`` goes on as if nothing had come: the result lies below the remote timestamp."""
    clock = _clock(manual_source, on_drift="ignore")
    result = clock.update(BEYOND)
    assert result == stamp(NOW_US, 0, node=1)
    assert result < BEYOND
    assert clock.stats().ignored == 1


def test_clamp_takes_it_as_far_as_the_limit_and_counts(manual_source: ManualSource) -> None:
    """``clamp`` moves to the limit and no further: the result lies below the remote timestamp."""
    clock = _clock(manual_source, on_drift="clamp")
    result = clock.update(BEYOND)
    assert result == stamp(NOW_US + 500_000, 1, node=1)
    assert result < BEYOND
    assert clock.stats().clamped == 1


def test_clamp_never_goes_back(manual_source: ManualSource) -> None:
    """Where the clock is beyond the limit already, clamping to it moves nothing but the tick."""
    clock = _clock(manual_source, on_drift="clamp")
    ahead = clock.update(stamp(NOW_US + 600_000, 3, node=2), on_drift="adopt")
    assert clock.update(stamp(NOW_US + 700_000, 0, node=2)) == stamp(NOW_US + 600_000, ahead.logical + 1, node=1)


@pytest.mark.parametrize("own", POLICIES)
@pytest.mark.parametrize("per_call", POLICIES)
def test_a_policy_per_call_wins_over_the_own(own: str, per_call: Any, manual_source: ManualSource) -> None:
    """``on_drift`` of the call decides, for this call alone; ``None`` means the clock's own."""
    clock, twin = _clock(manual_source, on_drift=own), _clock(manual_source, on_drift=per_call)

    def outcome(of: Clock, **options: Any) -> Timestamp | type[Exception]:
        try:
            return of.update(BEYOND, **options)
        except DriftError as refusal:
            return type(refusal)

    assert outcome(clock, on_drift=per_call) == outcome(twin)
    assert outcome(_clock(manual_source, on_drift=own), on_drift=None) == outcome(_clock(manual_source, on_drift=own))
    fresh = _clock(manual_source, on_drift=own)
    assert fresh.update_many([stamp(NOW_US, 1, node=2)], on_drift=per_call) == stamp(NOW_US, 2, node=1)


@pytest.mark.parametrize("policy", ["explode", "", "Reject", 1, True, b"adopt"])
def test_an_unknown_policy_is_named(policy: Any, manual_clock: Clock) -> None:
    """A misspelt policy is refused before anything is merged, whatever the timestamp."""
    before = snapshot(manual_clock)
    expected = ValueError if isinstance(policy, str) else TypeError
    calls: list[Callable[[], object]] = [
        lambda: manual_clock.update(stamp(1), on_drift=policy),
        lambda: manual_clock.update_many([], on_drift=policy),
    ]
    for call in calls:
        with pytest.raises(expected, match="^on_drift must be"):
            call()
    assert snapshot(manual_clock) == before


def test_no_limit_takes_anything_usable(manual_source: ManualSource) -> None:
    """``max_drift=None`` adopts every instant up to the horizon, and counts nothing as beyond a limit."""
    clock = _clock(manual_source, max_drift=None)
    assert clock.update(stamp(HORIZON_US, 0, node=2)) == stamp(HORIZON_US, 1, node=1)
    assert clock.stats().adopted_beyond_limit == 0


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("limit", [0.5, None, timedelta(days=36_500)])
@pytest.mark.parametrize("physical_us", [HORIZON_US + 1, MAX_PHYSICAL])
def test_the_last_day_is_refused_under_every_policy(
    policy: str, limit: float | timedelta | None, physical_us: int, manual_source: ManualSource
) -> None:
    """Within a day of the end of time nothing is adopted, ignored or clamped: it raises, so that no carry reaches the epoch."""
    clock = _clock(manual_source, max_drift=limit, on_drift=policy)
    clock.now()
    before = snapshot(clock)
    calls: list[Callable[[Timestamp], object]] = [
        lambda ts: clock.update(ts),
        lambda ts: clock.update_many([ts]),
        lambda ts: clock.update(ts, trusted=True),
    ]
    for call in calls:
        with pytest.raises(DriftError) as caught:
            call(stamp(physical_us, 0, node=2))
        assert caught.value.offset == timedelta(microseconds=physical_us - NOW_US)
        assert caught.value.limit is not None
        assert caught.value.limit <= timedelta(microseconds=HORIZON_US - NOW_US)
    assert snapshot(clock) == before


def test_the_last_day_is_refused_in_a_higher_epoch_too(manual_source: ManualSource) -> None:
    """A higher epoch is no way around the horizon; a lower one is never looked at."""
    clock = _clock(manual_source, max_drift=None)
    with pytest.raises(DriftError):
        clock.update(stamp(HORIZON_US + 1, 0, node=2, epoch=1), trusted=True)
    newer = _clock(manual_source, epoch=1)
    assert newer.update(stamp(MAX_PHYSICAL, 0, node=2, epoch=0)) == stamp(NOW_US, 0, node=1, epoch=1)


def test_the_limit_near_the_horizon_ends_at_it() -> None:
    """A reading close to the horizon leaves less room than the limit would, and the error gives that room."""
    clock = _clock(ManualSource(HORIZON_US - 10))
    assert clock.update(stamp(HORIZON_US, 0, node=2)) == stamp(HORIZON_US, 1, node=1)
    with pytest.raises(DriftError) as caught:
        clock.update(stamp(HORIZON_US + 1, 0, node=2))
    assert caught.value.limit == timedelta(microseconds=10)


def test_the_limit_follows_the_source(manual_clock: Clock, manual_source: ManualSource) -> None:
    """What was refused is accepted once the source has come near enough, and not a microsecond before."""
    manual_clock.now()
    remote = stamp(NOW_US + 1_000_000, 0, node=2)
    manual_source.advance(499_999)
    with pytest.raises(DriftError):
        manual_clock.update(remote)
    manual_source.advance(1)
    assert manual_clock.update(remote) == stamp(NOW_US + 1_000_000, 1, node=1)


def test_drift_is_held_against_the_source_and_not_the_own_stamps(manual_source: ManualSource) -> None:
    """A clock that runs ahead of its source, by what it loaded, judges by the source all the same."""
    clock = _clock(manual_source, last=stamp(NOW_US + 10_000_000, 0, node=1))
    with pytest.raises(DriftError):
        clock.update(stamp(NOW_US + 500_001, 0, node=2))


def test_repeated_refusals_change_nothing(manual_clock: Clock) -> None:
    """A thousand refusals leave the clock exactly as it was, and are all counted."""
    manual_clock.now()
    before = snapshot(manual_clock)
    for lead in range(500_001, 501_001):
        with pytest.raises(DriftError):
            manual_clock.update(stamp(NOW_US + lead, 0, node=lead))
    assert snapshot(manual_clock) == before
    assert manual_clock.stats().refused_drift == 1_000
