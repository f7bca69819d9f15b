"""Processes that come and go, one after another, on one page: what the next one finds, and where it goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, PageError, Timestamp
from flocktime.testing import ManualSource
from tests.processes.children import forked
from tests.support import NOW_US

HOUR_US = 3_600_000_000
#: Where what is shared in memory begins, with the identity of the machine's start in front.
LIVE_AT, START = 12288, 16


def _run(
    tmp_path: Path, page: Path, wall_us: int, what: Callable[[Clock], Any] = Clock.now
) -> tuple[Timestamp, str, int]:
    """A process opens the page under this wall clock, does that, and is gone: its last stamp, how it found the page, its node."""

    def child() -> tuple[bytes, str, int]:
        clock = Clock.open(page, source=ManualSource(wall_us))
        what(clock)
        assert clock.page is not None
        assert clock.last is not None
        return clock.last.to_bytes(), clock.page.found, clock.node

    folder = tmp_path / f"child-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    ((stamp, found, node),) = forked([child], folder)
    return Timestamp.from_bytes(stamp), found, node


def test_the_next_one_goes_on(page: Path, tmp_path: Path) -> None:
    """The first one makes the page. The next ones go on from its last stamp, though the OS clock was set back by an hour."""
    first, found, node = _run(tmp_path, page, NOW_US)
    assert (first.physical_us, found) == (NOW_US, "made")
    for _ in range(3):
        last, found, same = _run(tmp_path, page, NOW_US - HOUR_US)
        assert first < last
        assert last.physical_us == NOW_US, "no lead: the machine has run on"
        assert (found, same) == ("attached", node)
        first = last


def test_after_a_restart_of_the_machine(page: Path, tmp_path: Path) -> None:
    """The next one goes on from the bound: above the last stamp, by a lease at most."""
    first, _, node = _run(tmp_path, page, NOW_US)
    with page.open("r+b") as file:
        file.seek(LIVE_AT)
        file.write(bytes(START))
    last, found, same = _run(tmp_path, page, NOW_US - HOUR_US)
    assert (found, same) == ("restarted", node)
    assert first < last
    assert last.physical_us <= NOW_US + 3_100_000


def test_an_epoch_is_everybodys(page: Path, tmp_path: Path) -> None:
    """Who advances the epoch takes all processes along, and those that come later."""
    clock = Clock.open(page, source=ManualSource(NOW_US))
    before = clock.now()
    raised, found, _ = _run(tmp_path, page, NOW_US, lambda other: other.advance_epoch("drill", force=True))
    assert (found, raised.epoch) == ("attached", 1)
    assert before < raised < clock.now()
    assert clock.epoch == 1


def test_a_reset_is_refused(page: Path) -> None:
    """An identity that many share is nobody's to give up: the error says what to do instead, and nothing has changed."""
    clock = Clock.open(page)
    last, node = clock.now(), clock.node
    with pytest.raises(PageError, match="belongs to all processes of the page") as caught:
        clock.reset("drill")
    assert (caught.value.reason, caught.value.path) == ("shared", str(page))
    assert (clock.last, clock.node) == (last, node)


def test_a_removed_page(page: Path, tmp_path: Path) -> None:
    """Those that have it open go on; the next one makes another, of another node."""
    clock = Clock.open(page, lease=0.1)
    first = clock.now()
    page.unlink()
    _, found, node = _run(tmp_path, page, NOW_US)
    assert found == "made"
    assert node != clock.node
    last = clock.now()
    while (last - first).total_seconds() < 0.35:
        last = clock.now()
    assert clock.page is not None
    assert clock.page.failures == 0
