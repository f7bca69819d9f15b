"""What services write down is read back as it was, or not at all."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from flocktime.cli.demo import log as module
from flocktime.cli.demo.log import Journal, LogError, Refusal, read_log
from flocktime.clock import Clock, ManualSource, SkewedSource, Timestamp
from flocktime.flock import Flock
from flocktime.integrations.headers import HEADER, extract

if TYPE_CHECKING:
    from pathlib import Path

START_US = 1_800_000_000_000_000


def write(path: Path, events: int = 3) -> Clock:
    """A complete log: local events, then one refused receipt."""
    source = ManualSource(START_US)
    clock = Clock(node=7, source=source)
    journal = Journal(path, "orders", clock, source)
    for _ in range(events - 1):
        journal.event("work", "request-1", clock.now())
    far = Timestamp(START_US + 2_000_000, node=9)
    journal.receipt("request-received", "request-1", extract(clock, {HEADER: far.to_hex()}), "stock-1")
    journal.close()
    return clock


def change(path: Path, number: int, **values: Any) -> None:
    """Change fields of one line; a field set to ``...`` is removed."""
    lines = path.read_text().splitlines()
    value = {**json.loads(lines[number]), **values}
    lines[number] = json.dumps({name: kept for name, kept in value.items() if kept is not ...})
    path.write_text("\n".join(lines) + "\n")


def test_a_log_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Order, stamps, wall times, refusals and the totals survive."""
    path = tmp_path / "orders.jsonl"
    clock = write(path)
    log = read_log(path)
    assert (log.name, log.node) == ("orders", 7)
    assert [record.kind for record in log.records] == ["work", "work", "request-received"]
    assert [record.stamp for record in log.records] == [Timestamp(START_US, i, node=7) for i in range(3)]
    assert {record.wall_us for record in log.records} == {START_US}
    assert log.records[0].true_ns <= log.records[1].true_ns <= log.records[2].true_ns
    assert log.records[0].refusal is None
    assert log.records[2].refusal == Refusal("DriftError", 9, 2_000_000, 500_000)
    assert log.records[2].message == "stock-1"
    assert log.stats["refused_drift"] == clock.stats().refused_drift == 1
    assert log.headers["refused"] == 1


def test_receipts_that_are_no_refusals_say_nothing(tmp_path: Path) -> None:
    """Adopted and absent headers leave no refusal, a malformed one names its error, an ignored one its outcome."""
    source = ManualSource(START_US)
    clock = Clock(source=source, on_drift="ignore")
    journal = Journal(tmp_path / "a.jsonl", "a", clock, source)
    for value in ({}, {HEADER: Timestamp(1).to_hex()}, {HEADER: "x"}, {HEADER: Timestamp(START_US * 2).to_hex()}):
        journal.receipt("request-received", "r", extract(clock, value))
    journal.close()
    refusals = [record.refusal for record in read_log(tmp_path / "a.jsonl").records]
    assert refusals == [None, None, Refusal("InvalidTimestamp"), Refusal("refused")]


def test_the_wall_time_is_the_services_own(tmp_path: Path) -> None:
    """The log holds what the skewed source says, and the host's monotonic time beside it."""
    host = ManualSource(START_US)
    source = SkewedSource(-3600.0, source=host)
    clock = Clock(source=source)
    journal = Journal(tmp_path / "a.jsonl", "a", clock, source)
    journal.event("work", "r", clock.now())
    journal.close()
    (record,) = read_log(tmp_path / "a.jsonl").records
    assert record.wall_us == START_US - 3_600_000_000


def test_a_look_at_the_flock_is_read_back(tmp_path: Path) -> None:
    """Between events, in its own line: the flock's time and the wall clock's beside the host's, and how it stands."""
    source = SkewedSource(-3600.0)
    path = tmp_path / "a.jsonl"
    with Flock(name="a", source=source) as flock:
        journal = Journal(path, "a", flock.clock, source)
        journal.event("work", "r", flock.clock.now())
        look = journal.look(flock)
        journal.event("work", "r", flock.clock.now())
        journal.close()
    log = read_log(path)
    assert (len(log.records), log.looks) == (2, [look])
    assert look.state in ("joining", "alone")
    assert (look.wrong, look.suspects_itself) == ((), False)
    # A flock that has heard nobody begins at its OS clock; the host's wall clock is an hour ahead of this one.
    assert abs(look.ahead_ns - look.wall_ahead_ns) < 1_000_000_000
    assert abs(time.time_ns() - time.monotonic_ns() - look.wall_ahead_ns - 3_600_000_000_000) < 60_000_000_000


def test_looks_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As events are."""
    monkeypatch.setattr(module, "MOST_LOOKS", 1)
    source = SkewedSource()
    with Flock(name="a", source=source) as flock:
        journal = Journal(tmp_path / "a.jsonl", "a", flock.clock, source)
        journal.look(flock)
        with pytest.raises(LogError, match="the log is full: 1 looks"):
            journal.look(flock)


def test_a_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit the service fails loudly instead of leaving events out."""
    monkeypatch.setattr(module, "MOST_EVENTS", 2)
    with pytest.raises(LogError, match="the log is full: 2 events"):
        write(tmp_path / "orders.jsonl")


def test_a_log_is_never_overwritten(tmp_path: Path) -> None:
    """A file that is already there belongs to somebody."""
    path = tmp_path / "orders.jsonl"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("number", "values", "says"),
    [
        (0, {"service": ...}, "service"),
        (0, {"node": "xyz"}, "xyz"),
        (2, {"seq": 5}, "event 1 is missing, found 5"),
        (2, {"stamp": "0"}, "32 characters"),
        (2, {"kind": ...}, "kind"),
        (3, {"refusal": {"what": 1}}, "what"),
        (3, {"seq": ..., "look": {"true_ns": 1}}, "wrong"),
        (4, {"events": 2}, "3 events, the service counted 2"),
        (4, {"stats": ...}, "stats"),
    ],
)
def test_a_damaged_log_is_an_error(tmp_path: Path, number: int, values: dict[str, Any], says: str) -> None:
    """Whatever is missing or wrong, the file and the reason are named."""
    path = tmp_path / "orders.jsonl"
    write(path)
    change(path, number, **values)
    with pytest.raises(LogError, match=r"orders\.jsonl.*" + says):
        read_log(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a complete log"),
        ("[]\n", "line 1: not an object"),
        ('{"service": "a", "node": "1"}\n', "incomplete"),
        ('{"service": "a", "node": "1"}\n{"seq": 0, "ki', "line 2"),
    ],
)
def test_a_log_that_was_cut_off_is_an_error(tmp_path: Path, text: str, says: str) -> None:
    """A service that died half-way never counts as a smaller one."""
    path = tmp_path / "orders.jsonl"
    path.write_text(text)
    with pytest.raises(LogError, match=says):
        read_log(path)
