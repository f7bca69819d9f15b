"""A flock whose clock is the page of its host: one member there, whom all clocks of the page follow."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import flocktime
from flocktime import Clock, PageError
from flocktime.clock import SkewedSource
from flocktime.flock import Flock
from flocktime.testing import ManualSource
from tests.unit.flocks import until

ROUND_S = 0.02
#: A member that a busy machine lets wait for five rounds has said nothing new; its line is followed all the same.
FOLLOWING = ("synchronised", "stale")
#: What a look at two clocks may be apart, with another process in between.
CLOSE_US = 2_000

needs_pages = pytest.mark.skipif(flocktime.BACKEND == "pure", reason="this backend has no pages")


def _flock(count: int, page: Path, **first: Any) -> list[Flock]:
    """Members that know each other; the first has the page. Their clocks begin a quarter of a second apart."""
    members = [
        Flock(
            "127.0.0.1:0",
            name=f"member {at}",
            anchor=False,
            round=ROUND_S,
            **({"page": page, **first} if at == 0 else {"source": SkewedSource(0.25 * at, 10.0 * at)}),
        )
        for at in range(count)
    ]
    for member in members:
        member.set_peers([other.address or "" for other in members])
    return members


def _close(members: list[Flock]) -> None:
    for member in members:
        member.close()


def _discipline(clock: Clock) -> str | None:
    return clock.page.discipline if clock.page else None


def _shown_us(clock: Clock) -> int:
    """What the clock follows. Its stamps may be ahead of that, from before they met."""
    return clock.now().physical_us - clock.ahead_by // timedelta(microseconds=1)


@needs_pages
def test_all_clocks_of_the_page_follow_its_member(tmp_path: Path) -> None:
    """The flock's clock is the page's; so is every other one that is opened there, before or after, and its node; they follow
    the flock, which is elsewhere than the OS clock, and no longer once the member has left."""
    page = tmp_path / "page"
    before = Clock.open(page)
    members = _flock(4, page)
    try:
        members[0].ready(30)
        members[1].ready(30)
        clocks = [before, Clock.open(page), members[0].clock]
        assert {clock.node for clock in clocks} == {before.node}
        for clock in clocks:
            until(lambda clock=clock: _discipline(clock) == "synchronised")
        stamps = [clock.now() for _ in range(100) for clock in clocks]
        assert stamps == sorted(set(stamps))
        away_us = stamps[-1].physical_us - Clock().now().physical_us
        assert away_us > 50_000, "the flock's mean, not the OS clock"
        status = before.page
        assert status is not None
        assert status.discipline_writer == os.getpid()
        assert status.discipline_age is not None
        first_us, time_us, last_us = _shown_us(before), members[1].status().time_us, _shown_us(before)
        assert time_us is not None
        assert first_us - CLOSE_US < time_us < last_us + CLOSE_US
        members[0].close()
        assert status != before.page
        assert before.page is not None
        assert (before.page.discipline, before.page.discipline_age) == ("detached", None)
        assert before.now() > stamps[-1]
    finally:
        _close(members)


@needs_pages
def test_the_flock_vouches_on_the_page(tmp_path: Path) -> None:
    """What the flock's time may be wrong by is known to all processes of the host: true time lies in their intervals."""
    page = tmp_path / "page"
    members = [
        Flock("127.0.0.1:0", name=f"{at}", anchor=0.02, round=ROUND_S, page=None if at else page) for at in range(4)
    ]
    other = Clock.open(page)
    try:
        for member in members:
            member.set_peers([each.address or "" for each in members])
        members[0].ready(30)
        until(lambda: other.interval().vouched_by == "flock")
        for _ in range(100):
            before_us = time.time_ns() // 1000
            interval = other.interval()
            after_us = time.time_ns() // 1000
            assert interval.earliest is not None
            assert interval.latest is not None
            assert interval.earliest.physical_us <= before_us
            assert after_us <= interval.latest.physical_us
        status = other.page
        assert status is not None
        assert status.error_bound is not None
        assert timedelta(milliseconds=1) < status.error_bound < timedelta(seconds=1)
    finally:
        _close(members)
    assert other.page is not None
    assert other.page.error_bound is None
    assert other.interval().vouched_by != "flock"


@needs_pages
def test_a_child_goes_on_with_the_page(tmp_path: Path) -> None:
    """In a forked child the flock is detached, and its clock, like any on the page, follows the parent's member."""
    members = _flock(4, tmp_path / "page")
    try:
        members[0].ready(30)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            clock = members[0].clock
            stamps = [clock.now() for _ in range(1000)]
            fine = stamps == sorted(set(stamps)) and _discipline(clock) in FOLLOWING
            words = f"{members[0].state} {fine} {stamps[-1].physical_us}"
            os.write(write, words.encode())
            os._exit(0)
        os.waitpid(child, 0)
        state, fine, physical_us = os.read(read, 1000).decode().split()
        assert (state, fine) == ("detached", "True")
        passed_us = members[0].clock.now().physical_us - int(physical_us)
        assert 0 <= passed_us < 10_000_000
        # The child has not taken the role with it: the parent's member goes on to say what to follow.
        until(lambda: (members[0].state, _discipline(members[0].clock)) == ("synchronised", "synchronised"))
    finally:
        _close(members)


@needs_pages
def test_a_host_has_one_member(tmp_path: Path) -> None:
    """A second member is refused and named, and nothing of it is left; once the first has left, there is room."""
    page = tmp_path / "page"
    with Flock("127.0.0.1:0", page=page, round=ROUND_S):
        with pytest.raises(PageError, match=f"the flock member of process {os.getpid()} says") as refused:
            Flock("127.0.0.1:0", page=page, round=ROUND_S)
        assert (refused.value.reason, refused.value.path) == ("taken", str(page))
    with Flock("127.0.0.1:0", page=page, round=ROUND_S) as flock:
        assert flock.state == "alone"


@needs_pages
def test_a_flock_that_refuses_refuses_for_the_whole_page(tmp_path: Path) -> None:
    """``until_ready="raise"`` holds for all clocks that follow the member, as long as it is there."""
    other = Clock.open(tmp_path / "page")
    with Flock("127.0.0.1:0", page=tmp_path / "page", round=ROUND_S, until_ready="raise") as flock:
        for clock in (flock.clock, other):
            with pytest.raises(flocktime.NotReady):
                Clock.now(clock)
    assert other.now() < other.now()


@needs_pages
def test_what_a_page_has_already_is_refused(tmp_path: Path) -> None:
    """Node, epoch and beginning are the page's; a source of one's own is not for the page to follow."""
    for name, value in {"node": 7, "epoch": 2, "last": Clock().now()}.items():
        with pytest.raises(ValueError, match=f"{name} cannot be given with a page"):
            Flock("127.0.0.1:0", page=tmp_path / "page", **{name: value})  # type: ignore[arg-type]
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"source": ManualSource()}, TypeError),
        ({"round": 0}, ValueError),
        ({"fanout": 257}, ValueError),
        ({"anchor": 2.0}, ValueError),
        ({"steer": False}, ValueError),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_mistake_leaves_no_page(given: dict[str, Any], error: type[Exception], tmp_path: Path) -> None:
    """Whatever else is wrong is said, by its name, before the file is made."""
    with pytest.raises(error, match=next(iter(given))):
        Flock("127.0.0.1:0", page=tmp_path / "page", **given)
    assert not (tmp_path / "page").exists()


def test_no_page_without_the_compiled_core(tmp_path: Path) -> None:
    """The pure backend refuses, by the error of ``Clock.open``; the compiled one makes the page."""
    if flocktime.BACKEND == "pure":
        with pytest.raises(PageError, match="it needs the compiled core"):
            Flock("127.0.0.1:0", page=tmp_path / "page")
        return
    Flock("127.0.0.1:0", page=tmp_path / "page").close()
    assert (tmp_path / "page").stat().st_size == 16384
