"""Whose word on the operating system's clock counts: the kernel's, or that of a ClockBound daemon."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, ClockBoundError, Timestamp, TimeUnknown
from flocktime._fallback.kernel_clock import kernel_clock
from flocktime.flock import Flock
from flocktime.testing import ManualSource, SkewedSource
from tests.clockbound_pages import page, record


def _holds(clock: Clock) -> None:
    """The operating system's time is inside, and the interval as wide as it should be about it."""
    before_us = time.time_ns() // 1000
    interval = clock.interval()
    after_us = time.time_ns() // 1000 + 1
    assert interval.earliest is not None
    assert interval.latest is not None
    assert interval.earliest.physical_us <= after_us
    assert interval.latest.physical_us >= before_us


def test_the_kernel() -> None:
    """Without anything else it is what ``adjtimex`` says: a bound where the kernel's clock is synchronised, else none."""
    said = kernel_clock()
    interval = Clock().interval()
    if said is None or said.bound is None:
        assert (interval.status, interval.vouched_by, interval.earliest) == ("unknown", None, None)
        with pytest.raises(TimeUnknown):
            Clock().wait_until(Timestamp.MIN)
    else:
        assert (interval.status, interval.vouched_by) == ("synchronised", "system")
        _holds(Clock())


def test_clockbound(tmp_path: Path) -> None:
    """A daemon's bound is taken for the operating system's clock, grown by the drift that it names, and as it is at each call."""
    path = page(tmp_path)
    clock = Clock(clockbound=path)
    interval = clock.interval()
    assert (interval.status, interval.vouched_by) == ("synchronised", "clockbound")
    assert interval.width is not None
    assert 0.004 <= interval.width.total_seconds() < 0.005
    _holds(clock)
    path.write_bytes(record(bound_ns=50_000_000, status=2))
    interval = clock.interval()
    assert interval.status == "free_running"
    assert interval.width is not None
    assert 0.1 <= interval.width.total_seconds() < 0.101
    ts = clock.now()
    earliest = clock.wait_until(ts, 60).earliest
    assert earliest is not None
    assert earliest > ts


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"as_of_s": -4.0}, "synchronised"),
        ({"as_of_s": -6.0}, "free_running"),
        ({"as_of_s": -60.0, "void_s": -0.001}, "unknown"),
        ({"as_of_s": 60.0}, "unknown"),  # of another start of the machine
        ({"status": 0}, "unknown"),
        ({"status": 3}, "unknown"),
        ({"status": 77}, "unknown"),
    ],
)
def test_what_a_record_is_worth(tmp_path: Path, changed: dict[str, Any], status: str) -> None:
    """A record ages: after five seconds it is free running, void when it says so; disrupted and unknown are unknown."""
    interval = Clock(clockbound=page(tmp_path, **changed)).interval()
    assert interval.status == status
    assert (interval.earliest is None) == (status == "unknown")


@pytest.mark.parametrize(
    ("changed", "reason", "says"),
    [
        ({"magic": (1, 2)}, "foreign", "not ClockBound's"),
        ({"version": 1}, "version", "version 1"),
        ({"version": 3}, "version", "version 3"),
        ({"size": 72}, "size", "72 bytes"),
        ({"generation": 0}, "unwritten", "no daemon"),
        ({"generation": 5}, "unsettled", "in the middle"),
        ({"bound_ns": -1}, "damaged", "cannot be"),
        ({"drift_ppb": 10**9}, "damaged", "cannot be"),
    ],
)
def test_what_is_no_record(tmp_path: Path, changed: dict[str, Any], reason: str, says: str) -> None:
    """A file that is none of this version is refused by what is wrong with it; found so later, nobody vouches."""
    path = page(tmp_path, **changed)
    with pytest.raises(ClockBoundError, match=says) as refused:
        Clock(clockbound=path)
    assert (refused.value.reason, refused.value.path) == (reason, str(path))
    assert isinstance(refused.value, OSError)
    clock = Clock(clockbound=page(tmp_path))
    page(tmp_path, **changed)
    assert clock.interval().status == "unknown"


def test_what_is_no_file(tmp_path: Path) -> None:
    """A file that is not there, cut short or a folder; one that goes away later."""
    path = tmp_path / "shm0"
    with pytest.raises(ClockBoundError, match="No such file") as refused:
        Clock(clockbound=path)
    assert (refused.value.reason, refused.value.errno) == ("os", 2)
    path.write_bytes(record()[:79])
    with pytest.raises(ClockBoundError, match="79 bytes"):
        Clock(clockbound=str(path))
    clock = Clock(clockbound=page(tmp_path))
    path.unlink()
    assert clock.interval().status == "unknown"
    for wrong in (3, b"shm0", object()):
        with pytest.raises(TypeError, match="clockbound must be a path"):
            Clock(clockbound=wrong)  # type: ignore[arg-type]


def test_it_is_for_the_operating_systems_clock(tmp_path: Path) -> None:
    """A source that is not the operating system's clock has nothing to do with the daemon's word."""
    for source in (ManualSource(), SkewedSource(), time.time_ns):
        with pytest.raises(TypeError, match="clockbound is for clocks on the operating system's clock"):
            Clock(source=source, clockbound=page(tmp_path))


def test_a_flock_that_does_not_vouch(tmp_path: Path) -> None:
    """A flock without UTC leaves it to the keeper of the operating system's clock; on another clock, to that."""
    with Flock(anchor=False) as flock:
        clock = Clock(source=flock._member.source, clockbound=page(tmp_path))
        assert clock.interval().vouched_by == "clockbound"
        _holds(clock)
    source = SkewedSource()
    source.vouch(0.25)
    with Flock(anchor=False, source=source) as flock:
        assert flock.clock.interval().vouched_by == "source"
