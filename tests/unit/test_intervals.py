"""Where true time lies: whose word counts, what has passed and what is still to come, and where nobody knows."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from flocktime import Clock, EpochError, Interval, SourceError, TimeUnknown, WaitTimeout
from flocktime.testing import ManualSource, SkewedSource
from tests.support import MAX_PHYSICAL, NOW_US, stamp


def _vouched(error_s: float | timedelta | None, start_us: int = NOW_US) -> tuple[Clock, ManualSource]:
    source = ManualSource(start_us)
    source.vouch(error_s)
    return Clock(source=source), source


def _ends(clock: Clock) -> tuple[int, int]:
    interval = clock.interval()
    assert interval.earliest is not None
    assert interval.latest is not None
    return interval.earliest.physical_us, interval.latest.physical_us


def test_an_interval() -> None:
    """Reading and error give the ends; they are timestamps of the clock's epoch, below all others of their microsecond."""
    source = ManualSource(NOW_US)
    source.vouch(0.002)
    interval = Clock(source=source, epoch=3).interval()
    assert interval.earliest == stamp(NOW_US - 2_000, epoch=3)
    assert interval.latest == stamp(NOW_US + 2_000, epoch=3)
    assert (interval.status, interval.vouched_by) == ("synchronised", "source")
    assert interval.width == timedelta(milliseconds=4)
    assert interval == Interval(interval.earliest, interval.latest, "synchronised", "source")
    assert hash(interval) == hash(copy.copy(interval))
    assert pickle.loads(pickle.dumps(interval)) == interval
    assert "synchronised" in repr(interval)


def test_nobody_knows() -> None:
    """A source that vouches for nothing gives no ends; nothing has passed, nothing is still to come, and a wait says so."""
    for source in (ManualSource(NOW_US), SkewedSource(0.1), time.time_ns, SkewedSource(source=_vouched(0.0)[1])):
        clock = Clock(source=source)
        assert clock.interval() == Interval(None, None, "unknown", None)
        assert clock.interval().width is None
        assert not clock.after(stamp(0))
        assert not clock.before(stamp(MAX_PHYSICAL))
        with pytest.raises(TimeUnknown, match="nobody vouches") as refused:
            clock.wait_until(stamp(0), 60)
        assert refused.value.stamp == stamp(0)


def test_after_and_before() -> None:
    """Past is what lies below the earliest, to come what lies above the latest, to the microsecond; between them neither."""
    clock, _ = _vouched(0.000_005)
    assert [clock.after(stamp(NOW_US - 5 + off, 4095)) for off in (-1, 0, 1)] == [True, False, False]
    assert [clock.before(stamp(NOW_US + 5 + off)) for off in (-1, 0, 1)] == [False, False, True]


def test_ends_stay_within_what_a_timestamp_can_hold() -> None:
    """Errors of any size: the ends are cut to the first and the last microsecond there is."""
    for error in (timedelta(days=36_500), 3_155_760_000):
        assert _ends(_vouched(error)[0]) == (0, MAX_PHYSICAL)
    assert _ends(_vouched(0.001, start_us=-5_000_000)[0]) == (0, 0)


def test_epochs_do_not_compare() -> None:
    """A timestamp of another epoch has no time before or after it."""
    clock, _ = _vouched(0.001)
    other = stamp(NOW_US, epoch=1)
    for call in (clock.after, clock.before, clock.wait_until):
        with pytest.raises(EpochError, match="epochs 0 and 1"):
            call(other)


def test_stamps_that_lead_are_waited_for() -> None:
    """A timestamp that was adopted leads physical time: it is held against the interval as it is."""
    clock, source = _vouched(0.0)
    ts = clock.update(stamp(NOW_US + 400_000, node=2))
    source.advance(400_000)
    assert not clock.after(ts)
    source.advance(1)
    assert clock.after(ts)
    assert clock.wait_until(ts, 0).earliest == stamp(NOW_US + 400_001)


def test_sources_say_what_they_may_be_wrong_by() -> None:
    """Any callable may offer ``error_ns``; what it vouched for can be changed, and taken back."""

    class Source:
        error: object = 3_000

        def __call__(self) -> int:
            return NOW_US * 1000

        def error_ns(self) -> object:
            return self.error

    source = Source()
    clock = Clock(source=source)
    assert _ends(clock) == (NOW_US - 3, NOW_US + 3)
    source.error = None
    assert clock.interval().status == "unknown"
    for wrong in (-1, 1.5, "much", True):
        source.error = wrong
        with pytest.raises(SourceError, match="error_ns of a time source must return int nanoseconds or None"):
            clock.interval()
    source.error = 10**30
    assert _ends(clock) == (0, MAX_PHYSICAL)
    skewed = SkewedSource(source=ManualSource(NOW_US))
    skewed.vouch(timedelta(microseconds=7))
    assert _ends(Clock(source=skewed)) == (NOW_US - 7, NOW_US + 7)
    skewed.vouch(None)
    assert Clock(source=skewed).interval().status == "unknown"


@pytest.mark.parametrize("source", [ManualSource(), SkewedSource()])
@pytest.mark.parametrize("wrong", [-1, 1e12, float("nan"), "1", True])
def test_what_nobody_can_vouch_for(source: Any, wrong: Any) -> None:
    """An error is seconds, not negative, at most 100 years."""
    with pytest.raises((ValueError, TypeError), match="error must"):
        source.vouch(wrong)


def test_wrong_arguments() -> None:
    """What is no timestamp, no timeout, or no path is named."""
    clock, _ = _vouched(0.001)
    for call in (clock.after, clock.before, clock.wait_until):
        with pytest.raises(TypeError, match="ts must be a Timestamp, not int"):
            call(NOW_US)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="timeout must not be negative"):
        clock.wait_until(stamp(0), -1)
    with pytest.raises(TypeError, match="timeout must be seconds"):
        clock.wait_until(stamp(0), "1")  # type: ignore[arg-type]


def test_a_wait_on_a_source_that_is_moved_by_hand() -> None:
    """It ends when somebody has moved the source far enough, however little real time that takes."""
    clock, source = _vouched(0.5)
    ts = stamp(NOW_US + 3_600_000_000)
    mover = threading.Thread(target=lambda: [source.advance(60_000_000) for _ in range(61)])
    mover.start()
    interval = clock.wait_until(ts, 60)
    mover.join()
    assert interval.earliest is not None
    assert interval.earliest > ts


def test_a_timeout() -> None:
    """When the time is over it says how much longer it would have taken; a timeout of zero looks once."""
    clock, _ = _vouched(0.5)
    for timeout in (0, 0.01, timedelta(milliseconds=1)):
        with pytest.raises(WaitTimeout, match=r"600\.500001 s were left") as over:
            clock.wait_until(stamp(NOW_US + 600_000_000), timeout)
        assert isinstance(over.value, TimeoutError)
        assert over.value.stamp == stamp(NOW_US + 600_000_000)
        assert over.value.left == timedelta(seconds=600.500001)
        assert str(pickle.loads(pickle.dumps(over.value))) == str(over.value)
    assert clock.wait_until(stamp(NOW_US - 500_001), 0).status == "synchronised"


def test_other_threads_run_meanwhile() -> None:
    """Eight threads wait for the same moment, which one of them would never let come if it kept the interpreter."""
    clock, source = _vouched(0.0)
    passed: list[Interval] = []
    ts = stamp(NOW_US + 1_000)
    threads = [threading.Thread(target=lambda: passed.append(clock.wait_until(ts, 60))) for _ in range(8)]
    for thread in threads:
        thread.start()
    source.advance(1_001)
    for thread in threads:
        thread.join()
    assert [interval.earliest for interval in passed] == [stamp(NOW_US + 1_001)] * 8
