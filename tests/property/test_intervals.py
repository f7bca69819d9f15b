"""Laws of intervals, over any reading, error and timestamp."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flocktime import Clock
from flocktime.testing import ManualSource
from tests.support import MAX_PHYSICAL, NOW_US, stamp

errors_us = st.integers(0, 10**9)
readings_us = st.integers(0, MAX_PHYSICAL)


def _clock(reading_us: int, error_us: int) -> tuple[Clock, ManualSource]:
    source = ManualSource(reading_us)
    source.vouch(error_us / 1e6)
    return Clock(source=source), source


@given(reading_us=readings_us, error_us=errors_us, at=st.floats(-1, 1), off=st.integers(-5, 5))
def test_true_time_is_inside(reading_us: int, error_us: int, at: float, off: int) -> None:
    """Wherever true time is within the error it is inside; what is called past lies before it, what is called to come after."""
    truth_us = reading_us + round(at * error_us)
    if not 0 <= truth_us <= MAX_PHYSICAL:
        return
    clock, _ = _clock(reading_us, error_us)
    interval = clock.interval()
    assert interval.earliest is not None
    assert interval.latest is not None
    assert interval.earliest.physical_us <= truth_us <= interval.latest.physical_us
    for edge_us in (interval.earliest.physical_us, interval.latest.physical_us, truth_us):
        ts = stamp(max(0, min(edge_us + off, MAX_PHYSICAL)))
        assert not clock.after(ts) or ts.physical_us < truth_us
        assert not clock.before(ts) or ts.physical_us > truth_us
        assert clock.after(ts) == (ts.physical_us < interval.earliest.physical_us)
        assert clock.before(ts) == (ts.physical_us > interval.latest.physical_us)
        assert not (clock.after(ts) and clock.before(ts))


@given(error_us=errors_us, steps_us=st.lists(st.integers(0, 10**6), max_size=20), ahead_us=st.integers(0, 10**6))
def test_what_has_passed_stays_so(error_us: int, steps_us: list[int], ahead_us: int) -> None:
    """While time goes on and the error is the same, what has passed stays past, and what has come does not go away again."""
    clock, source = _clock(NOW_US, error_us)
    ts = stamp(NOW_US + ahead_us)
    passed, came = clock.after(ts), not clock.before(ts)
    for step_us in steps_us:
        source.advance(step_us)
        assert clock.after(ts) >= passed
        assert (not clock.before(ts)) >= came
        passed, came = clock.after(ts), not clock.before(ts)


@given(error_us=errors_us, ahead_us=st.integers(-(10**9), 10**6), moved_us=st.integers(0, 10**9))
def test_a_wait_is_never_early(error_us: int, ahead_us: int, moved_us: int) -> None:
    """A wait that ends without an error has an interval above the timestamp, and one that may not end says how much was left."""
    clock, source = _clock(NOW_US, error_us)
    source.advance(moved_us)
    ts = stamp(NOW_US + ahead_us)
    try:
        interval = clock.wait_until(ts, 0)
    except TimeoutError as over:
        assert NOW_US + moved_us - error_us <= ts.physical_us
        assert f"{(ts.physical_us + 1 - (NOW_US + moved_us - error_us)) / 1e6:.6f} s" in str(over)
    else:
        assert interval.earliest is not None
        assert ts.physical_us < interval.earliest.physical_us == max(0, NOW_US + moved_us - error_us)
