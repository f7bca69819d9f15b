"""The table of all rows: what ``python -m benches.simulation`` prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from benches.simulation.__main__ import main
from benches.simulation.table import Finished, everywhere, markdown
from benches.simulation.work import Result

from flocktime.testing.simulation import Bar, Row
from tests.simulation.worlds import needs_simulator

if TYPE_CHECKING:
    from pathlib import Path


def finished(*values: float | None) -> Finished:
    """A row of one bar, and what each seed came to."""
    row = Row("row", "", {"nodes": 1, "seconds": 1}, (Bar("skew", "µs", lambda run: None, 5),))
    results = tuple(Result(seed, "trace", (value,), 0.25) for seed, value in enumerate(values, 1))
    return Finished(row, results)


def test_who_missed_is_said() -> None:
    """By seed, also those whose run had no such number; what all of them meet is passed."""
    assert markdown(finished(1.0, 5.0), first=False) == (
        "| **row** (0.2 s a seed) | skew | 5.0 µs | 3.0 µs | ≤ 5 µs | passed |"
    )
    missed = finished(6.0, 1.0, None)
    assert missed.missed
    assert "**MISSED** by seeds 1, 3" in markdown(missed, first=True)
    assert markdown(missed, first=True).startswith("| scenario |")


@needs_simulator
def test_rows_are_run_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every seed's value and trace is in the file, and what holds everywhere is told once."""
    path = tmp_path / "rows.json"
    assert main(["--seeds", "2", "--processes", "1", "--json", str(path), "two", "two-2051"]) == 0
    out = capsys.readouterr().out
    assert "**two** (" in out
    assert "| L went back | 4 | 0 | ≤ 0 | passed |" in out
    kept = json.loads(path.read_text())
    assert [row["scenario"] for row in kept] == ["two", "two-2051"]
    assert all(len(set(row["traces"])) == 2 for row in kept)


@needs_simulator
def test_wrong_input_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown row, a row that lacks its files, and too many seeds end with 2."""
    assert main(["nosuch"]) == 2
    assert main(["--seeds", "1", "gcp"]) == 2
    assert "needs measured round trips" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["--seeds", "0"])
    assert left.value.code == 2


def test_nothing_to_tell_is_no_table() -> None:
    """Rows that have none of the bars that hold everywhere leave it empty."""
    assert everywhere([finished(1.0)]).count("\n") == 2
