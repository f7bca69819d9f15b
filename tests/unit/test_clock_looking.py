"""Looking at a clock moves nothing."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

from flocktime import (
    Clock,
    ClockError,
    ClockStats,
    DriftError,
    EpochError,
    ForkedClock,
    InvalidTimestamp,
    NodeCollision,
    SourceError,
    Timestamp,
)
from flocktime.testing import ManualSource
from tests.support import HORIZON_US, MAX_LOGICAL, MAX_PHYSICAL, NOW_US, snapshot, stamp


@pytest.mark.parametrize(
    ("remote_us", "expected_us"),
    [
        (NOW_US, 0),
        (NOW_US + 1, 1),
        (NOW_US - 1, -1),
        (NOW_US + 10**12, 10**12),
        (0, -NOW_US),
        (MAX_PHYSICAL, MAX_PHYSICAL - NOW_US),
    ],
)
def test_observe_measures(remote_us: int, expected_us: int, manual_clock: Clock) -> None:
    """How far a remote timestamp leads the source, signed, positive where it is ahead; even the unusable are measured."""
    manual_clock.now()
    before = snapshot(manual_clock)
    for epoch in (0, 9):
        assert manual_clock.observe(stamp(remote_us, 5, node=2, epoch=epoch)) == timedelta(microseconds=expected_us)
    assert snapshot(manual_clock) == before
    assert manual_clock.stats().refused_drift == 0


def test_observe_measures_against_the_source_and_not_the_stamps(manual_source: ManualSource) -> None:
    """A clock that is ahead of its source measures by the source."""
    clock = Clock(node=1, source=manual_source, last=stamp(NOW_US + 10**9))
    assert clock.observe(stamp(NOW_US)) == timedelta(0)


def test_ahead_by_is_what_waiting_would_take(manual_clock: Clock, manual_source: ManualSource) -> None:
    """How far the latest timestamp leads the source, zero when it does not."""
    assert manual_clock.ahead_by == timedelta(0)
    manual_clock.update(stamp(NOW_US + 300_000, node=2))
    assert manual_clock.ahead_by == timedelta(microseconds=300_000)
    manual_source.advance(299_999)
    assert manual_clock.ahead_by == timedelta(microseconds=1)
    manual_source.advance(2)
    assert manual_clock.ahead_by == timedelta(0)
    manual_source.step_back(1_000_000)
    assert manual_clock.ahead_by == timedelta(microseconds=999_999)


def test_last_is_the_latest(manual_clock: Clock, manual_source: ManualSource) -> None:
    """Nothing before the first; then whatever came last, from ``now``, ``now_many``, ``update`` or ``update_many``."""
    assert manual_clock.last is None
    for issue in (
        manual_clock.now,
        lambda: manual_clock.now_many(5)[-1],
        lambda: manual_clock.update(stamp(NOW_US + 5, node=2)),
        lambda: manual_clock.update_many([stamp(NOW_US + 9, node=2)]),
        lambda: manual_clock.advance_epoch("why", force=True),
        lambda: manual_clock.reset("why"),
    ):
        issued = issue()
        assert manual_clock.last == issued
        manual_source.advance(1)
        assert manual_clock.last == issued


def test_looking_issues_nothing(manual_clock: Clock) -> None:
    """However often one looks, the next timestamp is the one that it would have been."""
    for _ in range(10):
        _ = (manual_clock.last, manual_clock.ahead_by, manual_clock.node, manual_clock.epoch, manual_clock.name)
        manual_clock.stats()
        repr(manual_clock)
        manual_clock.observe(stamp(NOW_US))
    assert manual_clock.now() == stamp(NOW_US, 0, node=1)


COUNTERS = {
    "carries": lambda c: c.now_many(MAX_LOGICAL + 2),
    "readings_out_of_range": None,
    "refused_drift": lambda c: c.update(stamp(NOW_US + 10**12, node=2)),
    "refused_epoch": lambda c: c.update(stamp(NOW_US, node=2, epoch=9)),
    "refused_collision": lambda c: c.update(stamp(NOW_US, 9, node=1)),
    "adopted_beyond_limit": lambda c: c.update(stamp(NOW_US + 10**12, node=2), on_drift="adopt"),
    "ignored": lambda c: c.update(stamp(NOW_US + 10**12, node=2), on_drift="ignore"),
    "clamped": lambda c: c.update(stamp(NOW_US + 10**12, node=2), on_drift="clamp"),
    "collisions_adopted": None,
    "epochs_adopted": lambda c: c.update(stamp(NOW_US, node=2, epoch=1)),
    "epochs_advanced": lambda c: c.advance_epoch("why", force=True),
    "resets": lambda c: c.reset("why"),
    "forks": None,
    "backward_jumps": None,
    "forward_jumps": None,
}


@pytest.mark.parametrize("name", [name for name, operation in COUNTERS.items() if operation])
def test_each_counter_counts_its_own(name: str, manual_clock: Clock) -> None:
    """Each event moves its counter by one and no other; the others have tests beside what they count."""
    manual_clock.now()
    before = manual_clock.stats().as_dict()
    operation: Any = COUNTERS[name]
    try:
        operation(manual_clock)
    except ClockError:
        assert name.startswith("refused_")
    after = manual_clock.stats().as_dict()
    moved = {key for key in COUNTERS if after[key] != before[key]}
    assert moved == {name}
    assert after[name] == 1


def test_stats_are_plain_and_complete(manual_clock: Clock) -> None:
    """``as_dict`` holds every documented number under its name, ready for metrics; nothing else."""
    stats = manual_clock.stats()
    assert type(stats) is ClockStats
    names = {*COUNTERS, "last_reset", "last_advance", "suspects", "suspect_self"}
    assert set(stats.as_dict()) == names
    for name in names:
        assert getattr(stats, name) == stats.as_dict()[name]
        assert f"{name}:" in str(ClockStats.__doc__), f"{name} is not documented"
    assert type(stats.suspects) is tuple
    assert type(stats.suspect_self) is bool
    assert {type(getattr(stats, name)) for name in COUNTERS} == {int}


def test_stats_are_a_snapshot(manual_clock: Clock) -> None:
    """What was taken does not change afterwards; two of one moment are equal; it is no key."""
    before, twin = manual_clock.stats(), manual_clock.stats()
    manual_clock.reset("why")
    assert before.resets == 0
    assert before == twin != manual_clock.stats()
    assert before != {}
    assert pickle.loads(pickle.dumps(before)) == before
    with pytest.raises(TypeError):
        hash(before)


def test_stats_show_what_there_is(manual_clock: Clock) -> None:
    """``repr`` names what is not zero."""
    assert repr(manual_clock.stats()) == "ClockStats()"
    manual_clock.reset("was wrong")
    shown = repr(manual_clock.stats())
    assert shown.startswith("ClockStats(")
    assert set(shown.removeprefix("ClockStats(").removesuffix(")").split(", ")) == {
        "last_reset='was wrong'",
        "resets=1",
    }


def _raised() -> list[ClockError]:
    """One of every kind, raised by a clock or a decoder."""
    clock = Clock(node=1, source=ManualSource(NOW_US))
    clock.now()
    found: list[ClockError] = [ForkedClock("forked", node=5)]
    calls: list[Any] = [
        lambda: clock.update(stamp(HORIZON_US, node=2)),
        lambda: clock.update(stamp(NOW_US, node=2, epoch=9)),
        lambda: clock.advance_epoch("why"),
        lambda: clock.update(stamp(NOW_US, 9, node=1)),
        lambda: Timestamp.from_hex("x" * 32),
        lambda: Timestamp(-1),
        lambda: Clock(source=lambda: "now").now(),  # type: ignore[arg-type,return-value]
    ]
    for call in calls:
        with pytest.raises(ClockError) as caught:
            call()
        found.append(caught.value)
    return found


def test_every_error_is_a_clock_error() -> None:
    """One base catches all of them, and those about values are ``ValueError`` as well."""
    kinds = {type(error) for error in _raised()}
    assert kinds == {DriftError, EpochError, NodeCollision, InvalidTimestamp, SourceError, ForkedClock}
    assert {kind for kind in kinds if issubclass(kind, ValueError)} == {DriftError, InvalidTimestamp}


def test_errors_pickle_with_their_evidence() -> None:
    """An error that crosses a process boundary keeps its message and every attribute."""
    for error in _raised():
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_errors_have_no_hidden_cause() -> None:
    """What is shown is the one error, not a chain of inner ones."""
    for error in _raised():
        assert error.__cause__ is None
        assert error.__context__ is None or error.__suppress_context__
