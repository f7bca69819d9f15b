"""Where readings come from: the operating system, a manual or skewed source, any callable of Python."""

from __future__ import annotations

import gc
import time
import weakref
from datetime import timedelta
from typing import Any

import pytest

from flocktime import Clock, ClockError, SourceError, Timestamp
from flocktime.testing import ManualSource, SkewedSource
from tests.support import HORIZON_US, NOW_US, snapshot, stamp

MOST_US = 9_223_372_036_854_775


def test_the_operating_system_is_the_default() -> None:
    """Without a source, timestamps are the system's wall time, within what reading it may round away."""
    clock = Clock()
    for _ in range(100):
        before_us = time.time_ns() // 1000
        ts = clock.now()
        after_us = time.time_ns() // 1000
        assert before_us - 100 <= ts.physical_us <= after_us + 100


def test_a_callable_of_nanoseconds() -> None:
    """Any callable that returns an int of nanoseconds is a source; ``time.time_ns`` itself for one."""
    assert Clock(node=1, source=lambda: 1_500).now() == stamp(1, 0, node=1)
    assert abs(Clock(source=time.time_ns).now() - Clock().now()) < timedelta(seconds=10)


def test_it_is_called_once_for_each_timestamp() -> None:
    """One reading for each call, a batch included, and none behind one's back: a scripted source would notice."""
    calls = 0

    def source() -> int:
        nonlocal calls
        calls += 1
        return NOW_US * 1000 + calls * 10**12

    clock = Clock(node=1, source=source)
    assert calls == 0
    operations: list[Any] = [
        clock.now,
        lambda: clock.now_many(1000),
        lambda: clock.update(stamp(NOW_US, node=2)),
        lambda: clock.update_many([stamp(NOW_US, node=2)] * 10),
        lambda: clock.observe(stamp(NOW_US)),
        lambda: clock.ahead_by,
        lambda: clock.advance_epoch("why", force=True),
        lambda: clock.reset("why"),
    ]
    for count, operation in enumerate(operations, 1):
        operation()
        assert calls == count
    for look in (clock.stats, lambda: clock.last, lambda: clock.node, lambda: repr(clock)):
        look()
    assert calls == len(operations)


@pytest.mark.parametrize("garbage", [None, 1.5, "1", b"1", True, [1], object(), 1j, float("nan")])
def test_garbage_from_a_source_is_named(garbage: Any) -> None:
    """What is no int of nanoseconds is a ``SourceError`` that shows it, from every call that reads; nothing changes."""
    answer: Any = NOW_US * 1000
    clock = Clock(node=1, source=lambda: answer)
    clock.now()
    before = snapshot(clock)
    answer = garbage
    calls: list[Any] = [
        clock.now,
        lambda: clock.now_many(3),
        lambda: clock.now_many(0),
        lambda: clock.update(stamp(NOW_US, node=2)),
        lambda: clock.update_many([]),
        lambda: clock.observe(stamp(NOW_US)),
        lambda: clock.ahead_by,
        lambda: clock.advance_epoch("why", force=True),
        lambda: clock.reset("why"),
    ]
    for call in calls:
        with pytest.raises(SourceError, match=r"^a time source must return int nanoseconds, got ") as caught:
            call()
        assert isinstance(caught.value, ClockError)
        assert len(str(caught.value)) < 200
    assert snapshot(clock) == before


class _Odd(BaseException):
    """An exception that no ``except Exception`` catches."""


@pytest.mark.parametrize("error", [ZeroDivisionError("broken"), KeyboardInterrupt(), _Odd("odd"), StopIteration(5)])
def test_what_a_source_raises_passes_through(error: BaseException) -> None:
    """The very exception comes out, of whatever kind; the clock is as it was and goes on afterwards."""
    broken = False

    def source() -> int:
        if broken:
            raise error
        return NOW_US * 1000

    clock = Clock(node=1, source=source)
    clock.now()
    before = snapshot(clock)
    broken = True
    for call in (
        clock.now,
        lambda: clock.now_many(2),
        lambda: clock.update(stamp(NOW_US, node=2)),
        lambda: clock.ahead_by,
    ):
        with pytest.raises(type(error)) as caught:
            call()
        assert caught.value is error
    broken = False
    assert snapshot(clock) == before
    assert clock.now() == stamp(NOW_US, 1, node=1)


def test_a_source_may_use_its_own_clock() -> None:
    """A source that stamps on the clock it feeds, say because it logs, neither blocks nor breaks the order."""
    stamps: list[Timestamp] = []
    depth = 0

    def source() -> int:
        nonlocal depth
        depth += 1
        if depth == 1:
            stamps.append(clock.now())
        depth -= 1
        return NOW_US * 1000

    clock = Clock(node=1, source=source)
    for _ in range(5):
        stamps.append(clock.now())
    assert stamps == sorted(set(stamps))


@pytest.mark.parametrize("reading", [2**63, 2**64, 10**100, 2**63 - 1])
def test_readings_of_any_size(reading: int) -> None:
    """An int beyond 64 bits is out of range like any other beyond the horizon, either way; no overflow."""
    for answer, taken in ((reading, HORIZON_US), (-reading, 0)):
        clock = Clock(node=1, source=lambda answer=answer: answer)  # type: ignore[misc]
        assert clock.now().physical_us == taken
        assert clock.stats().readings_out_of_range == 1


def test_a_manual_source_brings_its_own_monotonic_time(manual_source: ManualSource) -> None:
    """Minutes pass in tests without waiting, through a skewed source as well."""
    for source in (manual_source, SkewedSource(0.1, source=manual_source)):
        clock = Clock(node=1, source=source)
        clock.now()
        clock.update(stamp(NOW_US, node=2, epoch=1))
        with pytest.raises(ClockError):
            clock.update(stamp(NOW_US, node=2, epoch=2))
        manual_source.advance(60_000_000)
        assert clock.update(stamp(NOW_US, node=2, epoch=2)).epoch == 2


def test_a_callable_is_only_called() -> None:
    """Whatever else an object of the user's can do, a clock calls it and touches nothing more."""

    class Source:
        def __call__(self) -> int:
            return NOW_US * 1000

        def monotonic_ns(self) -> int:
            raise AssertionError("nobody asked for this")

    clock = Clock(node=1, source=Source())
    clock.now()
    clock.update(stamp(NOW_US, node=2, epoch=1))
    clock.stats()


def test_a_clock_and_its_source_may_refer_to_each_other() -> None:
    """A cycle of both is collected like any other."""

    class Source:
        clock: Clock

        def __call__(self) -> int:
            return NOW_US * 1000

    source = Source()
    source.clock = Clock(source=source)
    source.clock.now()
    reference = weakref.ref(source.clock)
    del source
    gc.collect()
    assert reference() is None


def test_manual_moves_only_when_told(manual_source: ManualSource) -> None:
    """It stands where it was set; ``advance`` and ``step_back`` move it by exactly so much."""
    assert manual_source() == manual_source() == NOW_US * 1000
    manual_source.advance(5)
    assert manual_source() == (NOW_US + 5) * 1000
    manual_source.step_back(7)
    assert manual_source() == (NOW_US - 2) * 1000
    manual_source.set(42)
    assert manual_source() == 42_000
    assert ManualSource()() == 0


def test_manual_monotonic_time_never_goes_back(manual_source: ManualSource) -> None:
    """Monotonic time passes with ``advance`` alone: setting and stepping back are what an operator does to a wall clock."""
    assert manual_source.monotonic_ns() == 0
    manual_source.set(0)
    manual_source.step_back(10)
    assert manual_source.monotonic_ns() == 0
    manual_source.advance(3)
    assert manual_source.monotonic_ns() == 3_000


def test_manual_pause_shows_one_instant_while_time_passes(manual_source: ManualSource) -> None:
    """Inside ``pause`` the wall time stands while monotonic time goes on, as in a machine that was stopped."""
    with manual_source.pause():
        manual_source.advance(1_000)
        manual_source.set(NOW_US + 5_000)
        assert manual_source() == NOW_US * 1000
        assert manual_source.monotonic_ns() == 1_000_000
    assert manual_source() == (NOW_US + 5_000) * 1000


def test_manual_pause_without_a_block(manual_source: ManualSource) -> None:
    """``pause`` and ``resume`` work as two calls; resuming twice or without a pause does nothing."""
    manual_source.resume()
    manual_source.pause()
    manual_source.advance(10)
    manual_source.pause()
    assert manual_source() == NOW_US * 1000
    manual_source.resume()
    manual_source.resume()
    assert manual_source() == (NOW_US + 10) * 1000


def test_manual_pause_ends_with_an_error_too(manual_source: ManualSource) -> None:
    """The block resumes however it is left, and swallows nothing."""
    with pytest.raises(LookupError), manual_source.pause():
        manual_source.advance(10)
        raise LookupError
    assert manual_source() == (NOW_US + 10) * 1000


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s.advance(-1), ValueError, "us must not be negative, got -1"),
        (lambda s: s.step_back(-1), ValueError, "us must not be negative, got -1"),
        (lambda s: s.advance(1.0), TypeError, "us must be an int, not float"),
        (lambda s: s.set("5"), TypeError, "us must be an int, not str"),
        (lambda s: s.set(None), TypeError, "us must be an int, not NoneType"),
        (lambda s: s.set(MOST_US + 1), ValueError, "us must fit 64 bits in nanoseconds, got 9223372036854776"),
        (lambda s: s.set(-MOST_US - 1), ValueError, "us must fit 64 bits in nanoseconds, got -9223372036854776"),
        (lambda s: s.advance(10**5000), ValueError, "us must fit 64 bits in nanoseconds, got an int of 16610 bits"),
        (lambda s: s.advance(MOST_US), ValueError, "the source has left the range of 64 bits of nanoseconds"),
        (lambda s: s.advance(2**63), ValueError, "us must fit 64 bits in nanoseconds"),
        (lambda _: ManualSource(2**63), ValueError, "start_us must fit 64 bits in nanoseconds"),
        (
            lambda _: ManualSource("now"),  # type: ignore[arg-type]
            TypeError,
            "start_us must be an int, not str",
        ),
    ],
)
def test_manual_refuses_what_it_cannot_show(call: Any, error: type[Exception], message: str) -> None:
    """Out of range or of another type: refused with the number, and the source stands where it stood."""
    source = ManualSource(NOW_US)
    with pytest.raises(error) as caught:
        call(source)
    assert message in str(caught.value)
    assert (source(), source.monotonic_ns()) == (NOW_US * 1000, 0)


def test_manual_at_its_limit_moves_both_times_or_none() -> None:
    """When monotonic time has no room left, wall time stays as well."""
    source = ManualSource(0)
    source.advance(MOST_US)
    source.set(0)
    with pytest.raises(ValueError, match="has left the range"):
        source.advance(1)
    assert (source(), source.monotonic_ns()) == (0, MOST_US * 1000)
    source.set(-MOST_US)
    with pytest.raises(ValueError, match="has left the range"):
        source.step_back(1)
    assert source() == -MOST_US * 1000


@pytest.mark.parametrize("offset", [3600, 3600.0, timedelta(hours=1)])
def test_skewed_is_off_by_its_offset(offset: float | timedelta, manual_source: ManualSource) -> None:
    """Seconds or a ``timedelta``, either way; monotonic time is that of the base."""
    assert SkewedSource(offset, source=manual_source)() == (NOW_US + 3_600_000_000) * 1000
    assert SkewedSource(-offset, source=manual_source)() == (NOW_US - 3_600_000_000) * 1000
    manual_source.advance(7)
    assert SkewedSource(offset, source=manual_source).monotonic_ns() == 7_000


@pytest.mark.parametrize(
    ("ppm", "gained_ns"), [(0, 0), (1, 1_000), (200.0, 200_000), (-200.0, -200_000), (1_000_000, 10**9)]
)
def test_skewed_runs_at_its_own_rate(ppm: float, gained_ns: int, manual_source: ManualSource) -> None:
    """After a second it has gained as many microseconds as it has ppm, counted from when it was made."""
    manual_source.advance(5_000_000)
    source = SkewedSource(0.0, ppm, source=manual_source)
    start = source()
    assert start == manual_source()
    manual_source.advance(1_000_000)
    assert source() - start == 10**9 + gained_ns


def test_skewed_on_skewed_adds_up(manual_source: ManualSource) -> None:
    """A skewed source is itself a base for another one."""
    inner = SkewedSource(1.0, source=manual_source)
    assert SkewedSource(0.5, source=inner)() == (NOW_US + 1_500_000) * 1000


def test_skewed_on_the_operating_system() -> None:
    """Without a base it is the system's clock that is wrong."""
    clock = Clock(source=SkewedSource(timedelta(days=-365)))
    assert timedelta(days=364) < Clock().now() - clock.now() < timedelta(days=366)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"offset": "1"}, TypeError, "offset must be seconds or a timedelta, not str"),
        ({"offset": True}, TypeError, "offset must be seconds or a timedelta, not bool"),
        ({"offset": float("nan")}, ValueError, "offset must be a number of seconds, got nan"),
        ({"offset": 10**400}, ValueError, "offset must be at most 100 years, got an int of 1329 bits"),
        ({"offset": timedelta.min}, ValueError, "offset must be at most 100 years"),
        ({"ppm": "1"}, TypeError, "ppm must be a number, not str"),
        ({"ppm": True}, TypeError, "ppm must be a number, not bool"),
        ({"ppm": float("nan")}, ValueError, "ppm must lie within a million either way, got nan"),
        ({"ppm": 1_000_001}, ValueError, "ppm must lie within a million either way, got 1000001"),
        ({"ppm": -(10**400)}, ValueError, "ppm must lie within a million either way, got an int of 1329 bits"),
        ({"source": 5}, TypeError, "source must be callable, not int"),
        ({"source": time.time_ns}, TypeError, "source must be None, a ManualSource or a SkewedSource"),
    ],
    ids=str,
)
def test_skewed_refuses_what_makes_no_sense(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Each argument is checked when the source is made, by name and number."""
    with pytest.raises(error) as caught:
        SkewedSource(**arguments)
    assert message in str(caught.value)


def test_skewed_beyond_64_bits_saturates() -> None:
    """At the very end of what nanoseconds hold, it stays there: out of range, but no overflow."""
    century = timedelta(days=36_500)
    assert SkewedSource(century, source=ManualSource(MOST_US))() == 2**63 - 1
    assert SkewedSource(-century, source=ManualSource(-MOST_US))() == -(2**63)


@pytest.mark.parametrize("kind", [ManualSource, SkewedSource])
def test_sources_cannot_be_subclassed(kind: type) -> None:
    """Their time is read below Python, where an overridden method would not be seen."""
    with pytest.raises(TypeError, match="is not an acceptable base type"):
        type("Mine", (kind,), {})


def test_sources_say_what_they_show(manual_source: ManualSource) -> None:
    """``repr`` gives the instant, the pause, the offset and the rate."""
    assert repr(manual_source) == f"<flocktime.ManualSource at {NOW_US} us>"
    with manual_source.pause():
        assert repr(manual_source) == f"<flocktime.ManualSource at {NOW_US} us, paused>"
    assert repr(SkewedSource(-0.25, 20.0)) == "<flocktime.SkewedSource offset=-250000 us, ppm=20.0>"
