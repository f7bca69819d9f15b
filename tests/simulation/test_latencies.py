"""Delays from measured round trips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flocktime.testing.simulation import InvalidLatencies, find, perform, read_latencies
from tests.simulation.worlds import needs_simulator
from tests.support import ROOT

#: Round trips between regions of a cloud; no part of this repository.
MEASURED = Path(os.environ.get("FLOCKTIME_TRACES") or ROOT.parent / "shared" / "traces") / "latency" / "gcp"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.dat").write_text(text)
    return folder


def test_links_are_read_row_by_row(tmp_path: Path) -> None:
    """Files in the order of their names, lines in any order; the greatest value of a line is not needed."""
    write(tmp_path, b="3/4/9/1:a\n0.2/0.3/1/0.1:b\n", a="0.1/0.2/1/0.05:a\n\n2.5/4/9/1:b\n5/6/7/1:elsewhere\n")
    matrix = read_latencies(tmp_path)["matrix"]
    assert matrix["regions"] == ["a", "b"]
    assert [[link["min_ms"] for link in row] for row in matrix["links"]] == [[0.1, 2.5], [3, 0.2]]
    assert matrix["links"][0][1] == {"min_ms": 2.5, "avg_ms": 4, "mdev_ms": 1}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1/2/3:a", "line 1: must be min/avg/max/mdev:place"),
        ("1/2/3/1:a\n1/2/3/1:a", "line 2: a is there twice"),
        ("3/2/3/1:a", "line 1: 3.0 <= 2.0 <= 3.0 does not hold"),
        ("1/2.2.2/3/1:a", "line 1: could not convert"),
        ("1/2/3/1:b", "has no round trip to a"),
        ("", "has no round trip to a"),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    """The error names the file and the line."""
    with pytest.raises(InvalidLatencies, match=sentence.replace(".", r"\.")) as raised:
        read_latencies(write(tmp_path, a=text))
    assert "a.dat" in str(raised.value)


def test_there_must_be_a_folder_with_files(tmp_path: Path) -> None:
    """An empty folder and a missing one are told apart."""
    with pytest.raises(InvalidLatencies, match=r"has 0 files \*\.dat"):
        read_latencies(tmp_path)
    with pytest.raises(InvalidLatencies, match="no such folder"):
        read_latencies(tmp_path / "none")


@needs_simulator
@pytest.mark.skipif(not MEASURED.is_dir(), reason=f"no round trips at {MEASURED}: set FLOCKTIME_TRACES")
def test_a_flock_around_the_world() -> None:
    """Between measured regions, up to 150 ms apart one way, 20 members get into step."""
    row = find("gcp").with_changes(nodes=20, seconds=60, delay=read_latencies(MEASURED))
    outcome = perform(row, 1).outcome
    assert outcome.series[-1].synchronised == 20
