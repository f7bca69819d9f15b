"""``now``: the next event of this process."""

from __future__ import annotations

from itertools import pairwise

from flocktime import Clock
from flocktime.testing import ManualSource
from tests.support import HORIZON_US, MAX_LOGICAL, NOW_US, stamp


def test_a_new_reading_is_taken_as_it_is(manual_clock: Clock, manual_source: ManualSource) -> None:
    """When the source has moved on, the timestamp is its reading with the counter at zero."""
    for _ in range(3):
        assert manual_clock.now() == stamp(manual_source() // 1000, 0, node=1)
        manual_source.advance(1)


def test_an_equal_reading_counts(manual_clock: Clock) -> None:
    """While the source stands still the counter tells events apart; an equal reading is not a later one."""
    assert [manual_clock.now().logical for _ in range(5)] == [0, 1, 2, 3, 4]
    assert manual_clock.now().physical_us == NOW_US


def test_an_earlier_reading_counts(manual_clock: Clock, manual_source: ManualSource) -> None:
    """A source that falls back is not followed: time stands, the counter goes on."""
    manual_clock.now()
    manual_source.step_back(3_600_000_000)
    assert manual_clock.now() == stamp(NOW_US, 1, node=1)
    manual_source.advance(3_600_000_000)
    assert manual_clock.now() == stamp(NOW_US, 2, node=1)
    manual_source.advance(1)
    assert manual_clock.now() == stamp(NOW_US + 1, 0, node=1)


def test_nanoseconds_are_rounded_down() -> None:
    """The reading counts whole microseconds that have passed, before 1970 as well."""
    readings = iter([1_999, 2_000, 2_999, 3_000])
    clock = Clock(node=1, source=lambda: next(readings))
    assert [clock.now() for _ in range(4)] == [stamp(1, 0, 1), stamp(2, 0, 1), stamp(2, 1, 1), stamp(3, 0, 1)]


def test_a_full_counter_carries(manual_clock: Clock) -> None:
    """After 4,096 timestamps in one microsecond the next ones borrow from the future, and that is counted."""
    stamps = [manual_clock.now() for _ in range(2 * (MAX_LOGICAL + 1) + 1)]
    assert stamps[MAX_LOGICAL] == stamp(NOW_US, MAX_LOGICAL, node=1)
    assert stamps[MAX_LOGICAL + 1] == stamp(NOW_US + 1, 0, node=1)
    assert stamps[-1] == stamp(NOW_US + 2, 0, node=1)
    assert all(a < b for a, b in pairwise(stamps))
    assert manual_clock.stats().carries == 2


def test_a_carry_is_caught_up(manual_clock: Clock, manual_source: ManualSource) -> None:
    """Once the source has passed what was borrowed, timestamps are its readings again."""
    for _ in range(MAX_LOGICAL + 2):
        manual_clock.now()
    assert manual_clock.ahead_by.microseconds == 1
    manual_source.advance(2)
    assert manual_clock.now() == stamp(NOW_US + 2, 0, node=1)
    assert manual_clock.stats().carries == 1


def test_from_nothing_at_the_first_instant() -> None:
    """A clock that has issued nothing and reads zero still issues something above nothing."""
    clock = Clock(node=1, source=ManualSource(0))
    assert clock.last is None
    assert clock.now() == stamp(0, 1, node=1)
    assert clock.last == stamp(0, 1, node=1)


def test_the_epoch_is_kept(manual_source: ManualSource) -> None:
    """Ticking never touches the epoch, even when the counter carries at the last instant."""
    clock = Clock(node=1, source=ManualSource(HORIZON_US), epoch=3)
    stamps = [clock.now() for _ in range(MAX_LOGICAL + 3)]
    assert {ts.epoch for ts in stamps} == {3}
    assert stamps[-1].physical_us == HORIZON_US + 1


def test_one_clock_ticks_through_a_busy_day(manual_clock: Clock, manual_source: ManualSource) -> None:
    """Whatever the source does, each timestamp lies above the one before."""
    stamps = []
    for step in range(2_000):
        if step % 7 == 3:
            manual_source.step_back(step)
        elif step % 3 == 0:
            manual_source.advance(step)
        stamps.append(manual_clock.now())
    assert all(a < b for a, b in pairwise(stamps))
