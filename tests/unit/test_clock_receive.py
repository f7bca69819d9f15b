"""``update``: merging what others have stamped."""

from __future__ import annotations

from typing import Any

import pytest

from flocktime import Clock, ClockError, DriftError, EpochError, NodeCollision, Timestamp
from flocktime.testing import ManualSource
from tests.support import MAX_LOGICAL, NOW_US, snapshot, stamp, vectors

ROWS = vectors("merge.json")
ERRORS: dict[str, type[ClockError]] = {"drift": DriftError, "epoch": EpochError, "collision": NodeCollision}


def _prepared(row: dict[str, Any]) -> Clock:
    """A clock in the state of the row, made through its public door."""
    epoch, node = int(row["state_epoch"]), int(row["node"])
    physical_us, logical = int(row["state_physical_us"]), int(row["state_logical"])
    source = ManualSource()
    drift_us = row.get("max_drift_us")
    options: dict[str, Any] = {
        "node": node,
        "source": source,
        "max_drift": None if drift_us is None else int(drift_us) / 1_000_000,
        "on_drift": row.get("on_drift", "reject"),
        "on_collision": row.get("on_collision", "reject"),
    }
    if row.get("gate") == "shut":  # a gate is shut by a step: one that leads exactly to the state
        clock = Clock(**options, last=stamp(0, 0, epoch=epoch - 1))
        clock.update(stamp(physical_us, logical - 1, node ^ 1, epoch), on_drift="adopt")
    elif (physical_us, logical) == (0, 0):
        clock = Clock(**options, epoch=epoch)
    else:
        clock = Clock(**options, last=stamp(physical_us, logical, node, epoch))
    source.set(int(row["reading_us"]))
    return clock


def _step(clock: Clock, row: dict[str, Any]) -> Timestamp:
    if row["rule"] == "tick":
        return clock.now()
    if row["rule"] == "reset":
        return clock.reset("a row")
    if row["rule"] == "advance_epoch":
        return clock.advance_epoch("a row", force=True)
    remote = stamp(*(int(row[f"remote_{field}"]) for field in ("physical_us", "logical", "node", "epoch")))
    return clock.update(remote, trusted=row["gate"] == "open")


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_every_step_is_as_specified(row: dict[str, Any]) -> None:
    """Each row of ``merge.json``: the timestamp that comes of it, or the refusal that leaves everything as it was."""
    clock = _prepared(row)
    before, counted_before = snapshot(clock), clock.stats().as_dict()
    if row["error"] is None:
        issued = _step(clock, row)
        assert (issued.epoch, issued.physical_us, issued.logical) == tuple(
            int(row[field]) for field in ("epoch", "physical_us", "logical")
        )
        assert clock.last == issued
        counted = clock.stats().as_dict()
        for name in ("adopted_beyond_limit", "ignored", "clamped", "collisions_adopted"):
            grown = int(name == row["counted"])
            assert counted[name] == counted_before[name] + grown, name  # type: ignore[operator]
        return
    with pytest.raises(ERRORS[row["error"]]) as caught:
        _step(clock, row)
    assert snapshot(clock) == before
    error = caught.value
    if isinstance(error, DriftError):
        assert error.offset is not None and error.limit is not None
        assert error.offset.total_seconds() * 1e6 == pytest.approx(int(row["offset_us"]))
        assert error.limit.total_seconds() * 1e6 == pytest.approx(int(row["limit_us"]))
    if isinstance(error, EpochError):
        assert (error.epoch, error.proposed) == (int(row["state_epoch"]), int(row["proposed"]))
        words = {"jump": "one step at a time", "too soon": "the next step is allowed", "top": "is the last one"}
        assert words[row["why"]] in str(error)


def test_the_result_lies_above_both(manual_clock: Clock) -> None:
    """The maximum of both and one more: above what was received and above what this clock had issued."""
    before = manual_clock.now()
    remote = stamp(NOW_US + 1_000, 5, node=2)
    after = manual_clock.update(remote)
    assert before < remote < after == stamp(NOW_US + 1_000, 6, node=1)


def test_a_remote_of_the_same_instant_counts_on(manual_clock: Clock) -> None:
    """Equal times merge by the counter: the larger of both and one more, whichever side has it."""
    assert manual_clock.update(stamp(NOW_US, 7, node=2)) == stamp(NOW_US, 8, node=1)
    assert manual_clock.update(stamp(NOW_US, 3, node=2)) == stamp(NOW_US, 9, node=1)
    assert manual_clock.update(stamp(NOW_US, 9, node=2)) == stamp(NOW_US, 10, node=1)


def test_a_remote_with_a_full_counter_carries(manual_clock: Clock) -> None:
    """One more than a full counter is the next microsecond, and that is a carry like any other."""
    assert manual_clock.update(stamp(NOW_US + 5, MAX_LOGICAL, node=2)) == stamp(NOW_US + 6, 0, node=1)
    assert manual_clock.stats().carries == 1


def test_an_old_timestamp_is_always_fine(manual_clock: Clock) -> None:
    """Only the future is limited: a message from 1970 is a message."""
    for physical_us in (NOW_US - 10_000_000, 1, 0):
        before = manual_clock.last
        after = manual_clock.update(stamp(physical_us, MAX_LOGICAL, node=2))
        assert after.physical_us == NOW_US
        assert before is None or before < after


def test_what_is_received_never_moves_the_reference(manual_clock: Clock) -> None:
    """Remote times are held against the source, never against what was adopted before: the limit does not creep."""
    for _ in range(10):
        manual_clock.update(stamp(NOW_US + 500_000, 0, node=2))
    with pytest.raises(DriftError):
        manual_clock.update(stamp(NOW_US + 500_001, 0, node=2))


@pytest.mark.parametrize("value", [None, 5, b"\0" * 16, "00", (0, 0, 0, 0), object()])
def test_only_a_timestamp_is_merged(value: Any, manual_clock: Clock) -> None:
    """Anything else is a ``TypeError`` by name, from ``update`` and from ``observe``, and moves nothing."""
    before = snapshot(manual_clock)
    for method in (manual_clock.update, manual_clock.observe):
        with pytest.raises(TypeError, match=rf"^ts must be a Timestamp, not {type(value).__name__}$"):
            method(value)
    assert snapshot(manual_clock) == before


def test_policy_and_trust_are_keywords(manual_clock: Clock) -> None:
    """A bare ``True`` behind the timestamp would not say what it grants."""
    with pytest.raises(TypeError):
        manual_clock.update(stamp(NOW_US), "adopt")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        manual_clock.update(stamp(NOW_US), trust=True)  # type: ignore[call-arg]


def test_a_conversation_is_ordered(manual_source: ManualSource) -> None:
    """A message chain over three clocks, one an hour behind, is stamped in the order in which it happened."""
    slow = Clock(node=3, source=ManualSource(NOW_US - 3_600_000_000), max_drift=None)
    clocks = [Clock(node=1, source=manual_source), Clock(node=2, source=manual_source), slow]
    chain = [clocks[0].now()]
    for step in range(1, 60):
        chain.append(clocks[step % 3].update(chain[-1]))
    assert chain == sorted(chain)
    assert len(set(chain)) == 60
