"""The bars of ``benches/host_page`` on real processes. Short, with limits that a busy machine keeps. ``--campaign``: the rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from benches.host_page import __main__ as command
from benches.host_page import power
from benches.host_page.journal import Journal
from benches.host_page.judging import Verdict
from benches.host_page.options import Options
from benches.host_page.records import (
    BOUND_AT,
    CONFIRMED_AT,
    LIVE_AT,
    RECORDS_AT,
    SEQUENCE_AT,
    SIZE,
    blocks,
    confirmed_bound,
    latest,
    mapped,
)
from benches.host_page.rows.kills import kills, reboots
from benches.host_page.rows.prefork import prefork
from benches.host_page.rows.speed import speed
from benches.host_page.rows.takeover import takeover
from benches.host_page.rows.throughput import throughput

from flocktime import Clock
from flocktime.testing import ManualSource
from tests.processes.flock.bars import STRICT, hold
from tests.support import NOW_US

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what the kernel says of waits is read as on Linux")

#: What a machine that is busy with other things does to a start, to a pause and to a ratio.
BUSY = {
    "start": 40.0,
    "  less the time": 40.0,
    "  longest pause": 40.0,
    "    that was a wait": 20.0,
    "now": 1.6,
    "update": 1.6,
}


def _options(campaign: bool, seed: int) -> Options:
    short = Options(kills=30, stamps=50_000, trials=2, requests=2_000, blocks=10, seed=seed)
    return Options(seed=seed) if campaign else short


def test_killed_at_random_points(campaign: bool, seed: int) -> None:
    """However processes are killed, and whatever the OS clock shows then: no stamp twice, and none below an earlier one."""
    hold(kills(_options(campaign, seed)), STRICT if campaign else BUSY)


def test_killed_with_the_machine(campaign: bool, seed: int) -> None:
    """The same where the memory is lost as well, and the last write with it."""
    hold(reboots(_options(campaign, seed)), STRICT if campaign else BUSY)


def test_all_at_full_rate(campaign: bool, seed: int) -> None:
    """Four processes at once: nothing twice, nothing back."""
    hold(throughput(_options(campaign, seed)))


def test_the_writer_is_killed(campaign: bool, seed: int) -> None:
    """Another one takes the lease over before anybody notices, and nobody passes the bound meanwhile."""
    hold(takeover(_options(campaign, seed)), STRICT if campaign else BUSY)


def test_behind_a_server(campaign: bool, seed: int) -> None:
    """Workers that inherit the clock of their master answer no stamp twice, and none below what was answered before."""
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    hold(prefork(_options(campaign, seed)))


def test_as_fast_as_in_memory(campaign: bool, seed: int) -> None:
    """A clock on a page costs little more than one of its own."""
    hold(speed(_options(campaign, seed)), STRICT if campaign else BUSY)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Path]:
    """A page that was used, and that nobody has open."""
    path = tmp_path / "page"
    Clock.open(path).now_many(10)
    yield path


def test_this_very_judge_can_fail() -> None:
    """A stamp twice, one back and one below the floor are each noticed, and counted once."""
    low, middle, high = (bytes(15) + bytes([number]) for number in (1, 2, 3))
    for sequences, floors, found in [
        ([[low, high], [middle]], [bytes(16), low], (0, 0, 0)),
        ([[low, high], [middle, high]], [], (1, 0, 0)),
        ([[high, middle], [low]], [], (0, 1, 0)),
        ([[low, middle, high]], [middle], (0, 0, 2)),
        ([[low, low]], [low], (1, 1, 2)),
    ]:
        verdict = Verdict()
        verdict.judge(sequences, floors)
        assert (verdict.duplicates, verdict.regressions, verdict.below) == found


def test_a_journal_keeps_everything(tmp_path: Path) -> None:
    """Whoever opens it sees all that was noted, in order, and nothing else; what has no room is refused."""
    ours = Journal(tmp_path / "journal", 100)
    assert (ours.stamps(), ours.latest()) == ([], bytes(16))
    note, clock = ours.noting(), Clock()
    noted = []
    for _ in range(100):
        noted.append(clock.now().to_bytes())
        note(noted[-1])
        theirs = Journal(tmp_path / "journal", 100)
        assert (theirs.stamps(), theirs.latest()) == (noted, noted[-1])
    with pytest.raises(IndexError):
        note(noted[-1])


def test_the_reader_is_no_copy_of_the_writer(page: Path, seed: int) -> None:
    """The bench's own reader of records agrees with what the library says of the page, and finds what a power failure leaves."""
    clock = Clock.open(page)
    status, record = clock.page, latest(page)
    assert status is not None and record is not None
    assert (record.sequence, record.process) == (status.sequence, status.writer)
    assert record.bound == status.leased_until.to_bytes()[:8] == confirmed_bound(mapped(page))()
    data = bytearray(page.read_bytes())
    data[record.at + 45] ^= 1
    damaged = page.with_name("damaged")
    damaged.write_bytes(data)
    other = latest(damaged)
    assert other is not None
    assert {record.at, other.at} == set(RECORDS_AT)
    assert other.sequence == record.sequence - 1


class _Page(bytearray):
    """A page of two records, of which memory names one, or none of them. ``meanwhile``: done at the first look at a record."""

    def __init__(self, named: int, *records: tuple[int, int], meanwhile: Callable[[_Page], None] | None = None) -> None:
        super().__init__(SIZE)
        self.name(named)
        for slot, (number, bound) in enumerate(records):
            self.write(slot, number, bound)
        self.meanwhile = meanwhile

    def name(self, number: int) -> None:
        self[CONFIRMED_AT : CONFIRMED_AT + 8] = number.to_bytes(8, sys.byteorder)

    def write(self, slot: int, number: int, bound: int) -> None:
        for at, value in ((SEQUENCE_AT, number), (BOUND_AT, bound)):
            self[RECORDS_AT[slot] + at : RECORDS_AT[slot] + at + 8] = value.to_bytes(8, "big")

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile(self)
        return found


@pytest.mark.parametrize("records", [[(7, 100), (8, 200)], [(8, 200), (7, 100)]])
def test_a_bound_that_is_not_confirmed_allows_nothing(records: list[tuple[int, int]]) -> None:
    """What each stamp is held against: the bound that memory names, not a larger one that is only in the file."""
    page = _Page(7, *records)
    bound = confirmed_bound(page)

    def beyond(upper: int) -> bool:
        return upper.to_bytes(8, "big") >= bound()

    assert [beyond(upper) for upper in (99, 100, 150, 199, 200)] == [False, True, True, True, True]
    page.name(8)
    assert [beyond(upper) for upper in (150, 199, 200)] == [False, False, True]
    page.name(9)
    assert beyond(0), "named before it was written"
    page.write(0, 9, 300)
    assert not beyond(299)


def test_a_bound_is_not_read_in_the_middle_of_a_renewal() -> None:
    """A record that is written over while it is looked for is not taken: the next one holds by then."""

    def renewed(page: _Page) -> None:
        page.write(1, 8, 200)
        page.name(8)
        page.write(0, 9, 300)

    assert confirmed_bound(_Page(7, (7, 100), (6, 50), meanwhile=renewed))() == (200).to_bytes(8, "big")


def test_a_power_failure_leaves_what_is_durable(tmp_path: Path, rng: Random) -> None:
    """Whatever lies in memory afterwards, what was confirmed is as it was, and the page opens above all stamps."""
    path = tmp_path / "page"
    for _ in range(20):
        clock = Clock.open(path)
        stamp, record = clock.now(), latest(path)
        del clock
        before = path.read_bytes()
        power.fail(path, before, blocks(path), rng)
        assert path.read_bytes()[:LIVE_AT] == before[:LIVE_AT]
        assert latest(path) == record
        reopened = Clock.open(path)
        assert reopened.page is not None
        assert reopened.page.found == "restarted"
        assert reopened.now() > stamp


def test_a_power_failure_takes_what_is_not(tmp_path: Path, rng: Random) -> None:
    """The last record, where nobody has confirmed it, is lost, torn or there; the one before it stays."""
    page, source = tmp_path / "page", ManualSource(NOW_US)
    clock = Clock.open(page, source=source, lease=1.0, on_expiry="extend")
    before, earlier = latest(page), blocks(page)
    source.advance(1_000_000)
    clock.now()
    last = latest(page)
    assert before is not None and last is not None
    assert last.sequence == before.sequence + 1
    del clock
    whole = bytearray(page.read_bytes())
    whole[LIVE_AT + 24 : LIVE_AT + 32] = before.sequence.to_bytes(8, sys.byteorder)
    found = set()
    for _ in range(50):
        with page.open("r+b") as file:  # not cut: a keeper may still look at its memory
            file.write(whole)
        _, what = power.fail(page, bytes(whole), earlier, rng)
        assert latest(page) == (last if what == "whole" else before)
        assert blocks(page)[before.at] == earlier[before.at]
        assert (blocks(page) == earlier) == (what == "lost")
        found.add(what)
    assert found == set(power.TORN)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a row it lists them; an unknown one is refused by name; a short row prints its seed and its table."""
    assert command.main([]) == 0
    assert "takeover" in capsys.readouterr().out
    assert command.main(["no-such-row"]) == 2
    assert "no row no-such-row; the rows are kills" in capsys.readouterr().err
    assert command.main(["throughput", "--stamps", "1000", "--seed", "7", "--check"]) == 0
    assert "seed 7" in capsys.readouterr().out
