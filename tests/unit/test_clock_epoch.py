"""Epochs: how they spread, how they are guarded, and the operator's way up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flocktime import Clock, DriftError, EpochError
from flocktime.testing import ManualSource
from tests.support import MAX_EPOCH, NOW_US, snapshot, stamp

MINUTE_US = 60_000_000


@pytest.fixture
def clock(manual_source: ManualSource) -> Clock:
    """One that has issued a timestamp, and so is no newcomer."""
    clock = Clock(node=1, source=manual_source)
    clock.now()
    return clock


def test_a_higher_epoch_spreads_with_a_message(clock: Clock) -> None:
    """One step up is taken with the remote's own time, even where that lies behind: all older stamps are beaten."""
    before = clock.last
    result = clock.update(stamp(NOW_US - 10_000_000, 7, node=2, epoch=1))
    assert result == stamp(NOW_US, 0, node=1, epoch=1)
    assert before is not None and before < result
    assert (clock.epoch, clock.stats().epochs_adopted) == (1, 1)


def test_a_higher_epoch_ends_a_poisoned_future(manual_source: ManualSource) -> None:
    """A clock that was dragged decades ahead is back at wall time with one message of the next epoch."""
    clock = Clock(node=1, source=manual_source, last=stamp(NOW_US + 10**15, 0))
    assert clock.now().physical_us == NOW_US + 10**15
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=1)) == stamp(NOW_US, 1, node=1, epoch=1)


def test_a_lower_epoch_is_answered_and_not_adopted(clock: Clock) -> None:
    """Whatever a message of a lower epoch says, the answer is the next tick in the newer one."""
    clock.update(stamp(NOW_US, 0, node=2, epoch=1))
    before = clock.last
    assert before is not None
    result = clock.update(stamp(NOW_US + 400_000, 9, node=2, epoch=0))
    assert result == stamp(NOW_US, before.logical + 1, node=1, epoch=1)


def test_a_jump_is_refused(clock: Clock) -> None:
    """Two steps at once would let one message poison every clock: refused by name, nothing changed."""
    before = snapshot(clock)
    for proposed in (2, 3, MAX_EPOCH):
        remote = stamp(NOW_US, 0, node=2, epoch=proposed)
        with pytest.raises(EpochError) as caught:
            clock.update(remote)
        error = caught.value
        assert (error.remote, error.epoch, error.proposed) == (remote, 0, proposed)
        assert str(error) == (
            f"timestamp of node 000000000002 is of epoch {proposed}, this clock of 0: one step at a time unless trusted"
        )
    assert snapshot(clock) == before
    assert clock.stats().refused_epoch == 3


def test_one_step_a_minute(clock: Clock, manual_source: ManualSource) -> None:
    """The second step is refused until a minute of monotonic time has passed, with the wait in the message."""
    clock.update(stamp(NOW_US, 0, node=2, epoch=1))
    manual_source.advance(MINUTE_US - 100_000)
    remote = stamp(NOW_US, 0, node=2, epoch=2)
    before = snapshot(clock)
    with pytest.raises(EpochError) as caught:
        clock.update(remote)
    assert str(caught.value) == (
        "timestamp of node 000000000002 is of epoch 2, this clock of 1: the next step is allowed in 0.1 s unless trusted"
    )
    assert snapshot(clock) == before
    manual_source.advance(99_999)
    with pytest.raises(EpochError):
        clock.update(remote)
    manual_source.advance(1)
    assert clock.update(remote).epoch == 2


def test_the_minute_is_monotonic(clock: Clock, manual_source: ManualSource) -> None:
    """Setting the wall clock ahead does not shorten the minute, and setting it back does not lengthen it."""
    clock.update(stamp(NOW_US, 0, node=2, epoch=1))
    manual_source.set(NOW_US + 10 * MINUTE_US)
    with pytest.raises(EpochError):
        clock.update(stamp(NOW_US, 0, node=2, epoch=2))
    manual_source.advance(MINUTE_US)
    manual_source.set(NOW_US)
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=2)).epoch == 2


def test_a_refusal_does_not_spend_the_minute(clock: Clock) -> None:
    """Only an adoption starts the minute: refused jumps, drifts and collisions leave the one step free."""
    refused = [
        stamp(NOW_US, 0, node=2, epoch=9),
        stamp(NOW_US + 500_001, 0, node=2, epoch=1),
        stamp(NOW_US, 0, node=1, epoch=1),
    ]
    for remote in refused:
        with pytest.raises(Exception, match="timestamp|received"):
            clock.update(remote)
    assert clock.update(stamp(NOW_US + 500_001, 0, node=2, epoch=1), on_drift="ignore").epoch == 0
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=1)).epoch == 1


def test_a_refusal_does_not_lengthen_the_minute(clock: Clock, manual_source: ManualSource) -> None:
    """Knocking again and again does not keep the door shut."""
    clock.update(stamp(NOW_US, 0, node=2, epoch=1))
    for _ in range(59):
        manual_source.advance(1_000_000)
        with pytest.raises(EpochError):
            clock.update(stamp(NOW_US, 0, node=2, epoch=2))
    manual_source.advance(1_000_000)
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=2)).epoch == 2


def test_the_same_epoch_is_free_meanwhile(clock: Clock) -> None:
    """Messages of the new epoch from everybody else are ordinary ones."""
    clock.update(stamp(NOW_US, 0, node=2, epoch=1))
    for node in range(3, 50):
        assert clock.update(stamp(NOW_US, 0, node=node, epoch=1)).epoch == 1
    assert clock.stats().epochs_adopted == 1


def test_trusted_goes_any_distance_and_spends_nothing(clock: Clock) -> None:
    """Where the caller vouches for it every step is allowed, and the step for strangers stays free."""
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=500), trusted=True).epoch == 500
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=501)).epoch == 501
    with pytest.raises(EpochError):
        clock.update(stamp(NOW_US, 0, node=2, epoch=502))
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=502), trusted=True).epoch == 502
    assert clock.update_many([stamp(NOW_US, 0, node=2, epoch=MAX_EPOCH)], trusted=True).epoch == MAX_EPOCH
    assert clock.stats().epochs_adopted == 4


def test_trusted_vouches_for_the_epoch_and_not_for_the_time(clock: Clock) -> None:
    """Drift is judged first, whoever sent it."""
    with pytest.raises(DriftError):
        clock.update(stamp(NOW_US + 500_001, 0, node=2, epoch=3), trusted=True)


@pytest.mark.parametrize("value", [1, 0, "true", "false", None, [True]])
def test_trust_is_a_bool(value: Any, clock: Clock) -> None:
    """``"false"`` is true in Python: what decides about trust must be a bool, for ``force`` as well."""
    before = snapshot(clock)
    calls: list[Callable[[], object]] = [
        lambda: clock.update(stamp(NOW_US), trusted=value),
        lambda: clock.update_many([], trusted=value),
        lambda: clock.advance_epoch("reason", force=value),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()
    assert snapshot(clock) == before


def test_a_newcomer_joins_at_any_epoch(manual_source: ManualSource) -> None:
    """A clock that has neither issued nor loaded anything takes any epoch, once, and the step after it is free."""
    clock = Clock(node=1, source=manual_source)
    assert clock.update(stamp(NOW_US, 5, node=2, epoch=700)) == stamp(NOW_US, 6, node=1, epoch=700)
    with pytest.raises(EpochError):
        clock.update(stamp(NOW_US, 5, node=2, epoch=702))
    assert clock.update(stamp(NOW_US, 5, node=2, epoch=701)).epoch == 701


def test_a_refused_newcomer_is_still_one(manual_source: ManualSource) -> None:
    """A refusal, a look and a reservation of nothing leave a newcomer as new as it was."""
    clock = Clock(node=1, source=manual_source)
    with pytest.raises(DriftError):
        clock.update(stamp(NOW_US + 500_001, node=2))
    clock.observe(stamp(NOW_US))
    assert clock.now_many(0) == []
    assert (clock.last, clock.ahead_by.microseconds) == (None, 0)
    assert clock.update(stamp(NOW_US, 5, node=2, epoch=700)).epoch == 700


@pytest.mark.parametrize("begin", ["now", "many", "last", "least", "update", "reset"])
def test_who_has_begun_is_no_newcomer(begin: str, manual_source: ManualSource) -> None:
    """One timestamp issued, loaded or received is enough to be bound to one step at a time."""
    loaded = {"last": stamp(NOW_US), "least": stamp(0)}.get(begin)
    clock = Clock(node=1, source=manual_source, last=loaded)
    started: dict[str, Any] = {
        "now": clock.now,
        "many": lambda: clock.now_many(1),
        "update": lambda: clock.update(stamp(NOW_US, node=2)),
        "reset": lambda: clock.reset("test"),
    }
    started.get(begin, lambda: None)()
    with pytest.raises(EpochError):
        clock.update(stamp(NOW_US, 5, node=2, epoch=2))


def test_an_own_starting_epoch_leaves_it_a_newcomer(manual_source: ManualSource) -> None:
    """``epoch=`` says where to start, and no more: nothing has been issued yet."""
    clock = Clock(node=1, source=manual_source, epoch=5)
    assert clock.update(stamp(NOW_US, 5, node=2, epoch=700)).epoch == 700


def test_a_newcomer_is_judged_for_drift_like_everybody(manual_source: ManualSource) -> None:
    """Being new opens the epoch and nothing else."""
    with pytest.raises(DriftError):
        Clock(node=1, source=manual_source).update(stamp(NOW_US + 500_001, node=2, epoch=3))


def test_advance_epoch_is_the_way_back(manual_source: ManualSource) -> None:
    """The operator's step up beats everything issued before and takes wall time as the source shows it."""
    clock = Clock(node=1, source=manual_source, last=stamp(NOW_US + 10**15, 0, node=1))
    before = clock.now()
    after = clock.advance_epoch("back from 2057", force=True)
    assert before < after
    assert (after.epoch, after.physical_us) == (1, NOW_US)
    assert clock.now() > after
    stats = clock.stats()
    assert (stats.epochs_advanced, stats.last_advance, stats.epochs_adopted) == (1, "back from 2057", 0)


def test_advance_epoch_needs_force(clock: Clock) -> None:
    """Nobody moves the epoch by a slip: without ``force=True`` it is refused, and nothing is counted or recorded."""
    before = snapshot(clock)
    calls: list[Callable[[], object]] = [
        lambda: clock.advance_epoch("why"),
        lambda: clock.advance_epoch("why", force=False),
    ]
    for call in calls:
        with pytest.raises(EpochError) as caught:
            call()
        assert str(caught.value) == "moving from epoch 0 to 1 without a quorum needs force=True"
        assert (caught.value.remote, caught.value.epoch, caught.value.proposed) == (None, 0, 1)
    assert snapshot(clock) == before


@pytest.mark.parametrize("force", [True, False])
def test_advance_epoch_stops_at_the_top(force: bool, manual_source: ManualSource) -> None:
    """There is no epoch above 65535 and no wrap-around to zero."""
    clock = Clock(node=1, source=manual_source, epoch=MAX_EPOCH)
    clock.now()
    before = snapshot(clock)
    with pytest.raises(EpochError, match="^epoch 65535 is the last one$"):
        clock.advance_epoch("once more", force=force)
    assert snapshot(clock) == before


def test_advance_epoch_is_not_bound_to_the_minute(clock: Clock) -> None:
    """The operator may step as often as it takes, and does not spend the minute that strangers share."""
    for epoch in range(1, 5):
        assert clock.advance_epoch("again", force=True).epoch == epoch
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=5)).epoch == 5


@pytest.mark.parametrize("reason", [None, 5, b"why"])
def test_a_reason_is_text(reason: Any, clock: Clock) -> None:
    """``advance_epoch`` and ``reset`` want to know why, in words; without them nothing happens."""
    before = snapshot(clock)
    with pytest.raises(TypeError, match="^reason must be a str, not"):
        clock.advance_epoch(reason, force=True)
    with pytest.raises(TypeError, match="^reason must be a str, not"):
        clock.reset(reason)
    with pytest.raises(TypeError):
        clock.reset()  # type: ignore[call-arg]
    assert snapshot(clock) == before


def test_a_reason_has_a_limit(clock: Clock) -> None:
    """A reason is kept for people: 200 characters of it, counted as characters."""
    clock.advance_epoch("é" * 500, force=True)
    clock.reset("🕒" * 200 + "x")
    stats = clock.stats()
    assert (stats.last_advance, stats.last_reset) == ("é" * 200, "🕒" * 200)
