"""``flocktime replay``: options, exit codes, and what is printed and written."""

from __future__ import annotations

import argparse
import json
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from flocktime import Timestamp
from flocktime.cli import replay as command
from flocktime.cli.extras import MissingExtra

if TYPE_CHECKING:
    from pathlib import Path

GOOD = 'a {"a":1}\nsends\nb {"b":1, "a":1}\nreceives\n'
TIMED = '2026-01-01 00:00:01.5 sends\na {"a":1}\n2026-01-01 00:00:01.25 receives\nb {"b":1, "a":1}\n'
BAD = 'a {"a":1}\nx\na {"a":1}\ny\n'


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    options = parser.parse_args(["replay", *map(str, arguments)])
    return int(options.run(options))


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.log"
    path.write_text(GOOD)
    return path


@pytest.fixture
def timed(tmp_path: Path) -> Path:
    path = tmp_path / "timed.log"
    path.write_text(TIMED)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.log"
    path.write_text(BAD)
    return path


def test_a_good_log(timed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sound log exits with 0; the table shows inversions before and after, and the wrong clock has its line."""
    assert run(timed) == 0
    out, err = capsys.readouterr()
    row = next(line for line in out.splitlines() if "timed.log" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == ["timed.log", "2", "2", "1", "1", "250.000 ms", "0"]
    assert "timed.log: b is behind a, or a ahead of b, by at least 250.000 ms: that explains 1 of 1 inversion" in out
    assert err == ""


def test_a_malformed_log_does_not_stop_the_others(good: Path, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File, line and reason go to standard error and the exit code is 2; the other files are judged all the same."""
    assert run(bad, good, good.parent / "missing") == 2
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        f"flocktime replay: {bad}:3: event 1 of 'a' stands in the log twice: also on line 1",
        f"flocktime replay: {good.parent / 'missing'}: No such file or directory",
    ]
    assert "refused" in next(line for line in out.splitlines() if "bad.log" in line)
    assert any("good.log" in line and "no times" in line for line in out.splitlines())


def test_json(timed: Path, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` prints one document with the numbers of every file, the refusals, and the exit code."""
    assert run("--json", timed, bad) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 2
    assert document["malformed"] == [
        {"file": str(bad), "line": 3, "reason": "event 1 of 'a' stands in the log twice: also on line 1"}
    ]
    (result,) = document["files"]
    assert result["format"] == "vector clocks, text first"
    assert [result[key] for key in ("processes", "events", "messages", "edges")] == [2, 2, 1, 1]
    assert result["before"] == {
        "by": "wall clock",
        "judged": 1,
        "inverted": 1,
        "largest_us": 250_000,
        "inverted_by_kind": {"clock entry": 1},
    }
    assert result["after"] == {"judged": 1, "inverted": 0, "repeated": 0, "strayed": 0, "examples": []}
    assert [(who["process"], who["side"]) for who in result["wrong_clock"]["named"]] == [
        ("b", "behind"),
        ("a", "ahead"),
    ]


def test_json_of_a_log_without_times(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log without times is judged by the order of its lines, and says so."""
    assert run("--json", good) == 0
    before = json.loads(capsys.readouterr().out)["files"][0]["before"]
    assert (before["by"], before["inverted"], before["largest_us"]) == ("file order", 0, None)


def test_output_is_the_merged_log_in_causal_order(good: Path, timed: Path, bad: Path, tmp_path: Path) -> None:
    """``--output`` holds the events of all sound files, one JSON object a line, in the order of their timestamps."""
    output = tmp_path / "merged.jsonl"
    assert run("--json", good, timed, bad, "--output", output) == 2
    rows: list[dict[str, Any]] = [json.loads(line) for line in output.read_text().splitlines()]
    stamps = [Timestamp.from_str(row.pop("stamp")) for row in rows]
    assert stamps == sorted(set(stamps))
    assert rows == [
        {"process": "a", "label": "sends", "wall": None, "file": str(good), "line": 1},
        {"process": "b", "label": "receives", "wall": None, "file": str(good), "line": 3},
        {
            "process": "a",
            "label": "2026-01-01 00:00:01.5 sends",
            "wall": "2026-01-01T00:00:01.500000Z",
            "file": str(timed),
            "line": 2,
        },
        {
            "process": "b",
            "label": "2026-01-01 00:00:01.25 receives",
            "wall": "2026-01-01T00:00:01.250000Z",
            "file": str(timed),
            "line": 4,
        },
    ]


def test_output_never_overwrites_an_input(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Writing over one of the logs is refused, under any of its names, before anything is read or written."""
    link = tmp_path / "link"
    link.symlink_to(good)
    for output in (good, link):
        assert run(good, "--output", output) == 2
        assert "would overwrite the input" in capsys.readouterr().err
    assert good.read_text() == GOOD


def test_an_output_that_cannot_be_written(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The judgement is printed all the same; the exit code is 2 and standard error names the file."""
    assert run("--json", good, "--output", tmp_path) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["exit_code"] == 2
    assert str(tmp_path) in err


def test_limits_can_be_raised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log above a limit is refused with the option that raises it."""
    path = tmp_path / "log"
    path.write_text(GOOD)
    assert run("--json", "--max-events", 1, path) == 2
    assert "more than 1 events (see --max-events)" in capsys.readouterr().err
    assert run("--json", "--max-events", 2, path) == 0
    path.write_text(GOOD + " " * (1 << 20))
    assert run("--json", "--max-mib", 1, path) == 2
    assert "larger than 1 MiB (see --max-mib)" in capsys.readouterr().err
    assert run("--json", "--max-mib", 2, path) == 0


@pytest.mark.parametrize(
    "arguments",
    [[], ["--max-events", "0", "x"], ["--max-mib", "-1", "x"], ["--max-mib", "1e3", "x"], ["--max-mib", "1025", "x"],
     ["--max-mib", "100000", "x"], ["--max-mib", "999999999", "x"], ["--pattern", "(", "x"]],
)  # fmt: skip
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Options that make no sense exit with 2 and say which."""
    with pytest.raises(SystemExit) as exit_:
        run(*arguments)
    assert exit_.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_the_size_limit_costs_nothing_by_itself(good: Path) -> None:
    """A small file under the largest limit is read in a few megabytes, not in as many as the limit allows."""
    tracemalloc.start()
    try:
        assert run("--json", "--max-mib", 1024, good) == 0
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_a_pattern(tmp_path: Path) -> None:
    """``--pattern`` reads a layout that is not recognised by itself."""
    path = tmp_path / "log"
    path.write_text('{"a":1} a says hello\n')
    assert run("--json", path) == 2
    assert run("--json", "--pattern", r"(?<clock>\{.*\}) (?<host>\S+) (?<event>.*)", path) == 0


def test_names_that_a_terminal_would_obey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escapes, markup and halves of characters in a log reach neither the terminal nor the encoder as such."""
    path = tmp_path / "[red]log"
    rows = [{"traceId": "1", "id": f"{at}", "timestamp": 9 - at, "localEndpoint": {"serviceName": name}, **more}
            for at, name, more in ((1, "\x1b[31m[bold]\ud800", {}), (2, "b", {"parentId": "1"}))]  # fmt: skip
    path.write_text(json.dumps(rows))
    assert run(path, "--output", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "[red]log" in out
    assert "\\x1b[31m[bold]\\ud800" in out
    assert "\x1b[31m" not in out
    assert json.loads((tmp_path / "out").read_text().splitlines()[0])["process"] == "\x1b[31m[bold]\ud800"


def test_without_rich(good: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The table needs the extra ``cli`` and says so before any work; ``--json`` needs nothing."""
    monkeypatch.setitem(sys.modules, "rich", None)
    assert run("--json", good) == 0
    capsys.readouterr()
    with pytest.raises(MissingExtra, match=r"flocktime\[cli\]"):
        run(good)
    assert capsys.readouterr().out == ""
