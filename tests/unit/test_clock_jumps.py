"""Jumps of the source are absorbed and counted; readings that no timestamp can hold are bent and counted."""

from __future__ import annotations

from itertools import pairwise

import pytest

from flocktime import Clock
from flocktime.testing import ManualSource
from tests.support import HORIZON_US, NOW_US, stamp

WINDOW_US = 100_000
JUMP_US = 10_000


def _jumps(clock: Clock) -> tuple[int, int]:
    stats = clock.stats()
    return stats.backward_jumps, stats.forward_jumps


@pytest.mark.parametrize(
    ("set_to", "expected"), [(NOW_US + 3_600_000_000, (0, 1)), (NOW_US - 3_600_000_000, (1, 0)), (0, (1, 0))]
)
def test_a_set_clock_is_counted_once(
    set_to: int, expected: tuple[int, int], manual_clock: Clock, manual_source: ManualSource
) -> None:
    """One change of the wall clock is one jump, in its direction, however often the clock is read afterwards."""
    before = manual_clock.now()
    manual_source.set(set_to)
    stamps = [before, *manual_clock.now_many(5), manual_clock.now()]
    assert all(a < b for a, b in pairwise(stamps))
    assert _jumps(manual_clock) == expected
    manual_source.advance(10_000_000)
    manual_clock.now()
    assert _jumps(manual_clock) == expected


def test_time_that_passes_is_no_jump(manual_clock: Clock, manual_source: ManualSource) -> None:
    """Monotonic time passes along with wall time, in small steps or in long ones: nothing to count."""
    for step in (1, 99_999, 100_000, 3_600_000_000, 5, 86_400_000_000):
        manual_source.advance(step)
        manual_clock.now()
    assert _jumps(manual_clock) == (0, 0)


@pytest.mark.parametrize("passed_us", [0, 1_000_000, 100_000_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_threshold(passed_us: int, sign: int, manual_clock: Clock, manual_source: ManualSource) -> None:
    """10 ms and the 500 ppm at which daemons slew are allowed, inclusively; a microsecond more is a jump."""
    allowed = JUMP_US + passed_us // 2_000
    manual_clock.now()
    manual_source.advance(passed_us)
    manual_source.set(NOW_US + passed_us + sign * allowed)
    assert _jumps(manual_clock) == (0, 0)
    now = manual_source() // 1000
    manual_source.set(now + sign * (JUMP_US + 1))
    assert _jumps(manual_clock) == ((0, 1) if sign > 0 else (1, 0))


def test_a_step_back_within_the_window_is_found_later(manual_clock: Clock, manual_source: ManualSource) -> None:
    """Within 100 ms of the last comparison nothing is compared; ``stats`` compares, so that no jump is missing."""
    manual_clock.now()
    manual_source.advance(WINDOW_US - 1)
    manual_source.step_back(50_000)
    manual_clock.now()
    assert manual_clock.stats().backward_jumps == 1


def test_a_skewed_but_steady_source_has_no_jumps(manual_source: ManualSource) -> None:
    """Being wrong is no jump, nor is running at another rate within what daemons slew."""
    from flocktime.testing import SkewedSource

    clock = Clock(node=1, source=SkewedSource(3600.0, 400.0, source=manual_source))
    for _ in range(100):
        manual_source.advance(1_000_000)
        clock.now()
    assert _jumps(clock) == (0, 0)


@pytest.mark.parametrize(
    ("reading_us", "taken"),
    [
        (-1, 0),
        (-9_223_372_036_854_775, 0),
        (HORIZON_US + 1, HORIZON_US),
        (9_223_372_036_854_775, HORIZON_US),
    ],
)
def test_readings_out_of_range_are_bent_and_counted(reading_us: int, taken: int) -> None:
    """Before 1970 is 1970, beyond the horizon is the horizon: never an error, and counted for each reading."""
    clock = Clock(node=1, source=ManualSource(reading_us))
    for count in range(1, 4):
        assert clock.now().physical_us == taken
        assert clock.stats().readings_out_of_range == count


@pytest.mark.parametrize("reading_us", [0, HORIZON_US])
def test_the_ends_of_the_range_are_within(reading_us: int) -> None:
    """The first and the last usable instant are ordinary readings."""
    clock = Clock(node=1, source=ManualSource(reading_us))
    clock.now()
    assert clock.stats().readings_out_of_range == 0


def test_what_the_bent_reading_judges(manual_source: ManualSource) -> None:
    """A clock that reads a time before 1970 believes in 1970 when it judges others."""
    clock = Clock(node=1, source=ManualSource(-5_000_000))
    assert clock.update(stamp(500_000, node=2)) == stamp(500_000, 1, node=1)
    with pytest.raises(ValueError, match="ahead of this clock's time"):
        clock.update(stamp(500_001, node=2))


def test_a_clock_stuck_in_1970_still_counts() -> None:
    """A device without a battery starts in 1970 and jumps when it learns the time: absorbed, counted, ordered."""
    source = ManualSource(0)
    clock = Clock(node=1, source=source)
    stamps = [clock.now(), clock.now()]
    source.set(NOW_US)
    stamps.append(clock.now())
    assert stamps == [stamp(0, 1, node=1), stamp(0, 2, node=1), stamp(NOW_US, 0, node=1)]
    assert _jumps(clock) == (0, 1)
