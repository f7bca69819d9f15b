"""``flocktime sim``: options, exit codes, what is printed and drawn."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import pytest

from flocktime import BACKEND
from flocktime.cli import sim as command
from flocktime.simulation import CATALOGUE
from tests.simulation.worlds import AVERAGING, needs_simulator, small

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    return command.run(parser.parse_args(["sim", *map(str, arguments)]))


def test_the_list_has_every_scenario(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, for people and for programs, on any backend."""
    monkeypatch.setenv("COLUMNS", "200")
    assert run("--list") == 0
    words = set(capsys.readouterr().out.split())
    assert set(CATALOGUE) <= words
    assert run("--list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)["scenarios"]
    assert [row["name"] for row in listed] == list(CATALOGUE)
    assert all(row["bars"] and row["description"] for row in listed)


@pytest.mark.parametrize("place", ["nowhere/picture.svg", "folder.svg"])
def test_a_picture_without_a_place_is_refused_at_once(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is simulated, not after it."""
    pytest.importorskip("matplotlib")
    (tmp_path / "folder.svg").mkdir()
    monkeypatch.setattr("flocktime.simulation.perform", None)  # calling it would be an error
    assert run("--scenario", "lan", "--json", "--plot", tmp_path / place) == 2
    assert f"--plot {tmp_path / place}: no file can be written there" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--list", "--scenario", "lan"],
        ["--scenario", "lan", "--nodes", "0"],
        ["--scenario", "lan", "--nodes", "20001"],
        ["--scenario", "lan", "--seeds", "0"],
        ["--scenario", "lan", "--seed", "-1"],
        ["--scenario", "lan", "--seed", str(2**64)],
        ["--scenario", "lan", "--seconds", "nan"],
        ["--scenario", "lan", "--seconds", "0.5"],
        ["--scenario", "lan", "--plot", "picture.pdf"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exits with 2, says what is wrong and runs nothing."""
    with pytest.raises(SystemExit) as left:
        run(*arguments)
    assert left.value.code == 2
    assert "error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scenario", "lam"], "no scenario is called 'lam'; did you mean lan"),
        (["--scenario", "gcp"], "gcp: needs measured round trips: give their folder with --latencies"),
        (["--scenario", "gcp", "--latencies", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_wrong_input(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exits with 2 and one line."""
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"flocktime sim: {sentence}")
    assert err.count("\n") == 1


@pytest.mark.skipif(BACKEND != "pure", reason="the compiled backend has a simulator")
def test_the_pure_backend(capsys: pytest.CaptureFixture[str]) -> None:
    """Says that it cannot."""
    assert run("--scenario", "lan") == 2
    assert "needs the compiled core" in capsys.readouterr().err


@needs_simulator
class TestRuns:
    def test_a_scenario_that_passes(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Skew, times, who was named, ticks back, the trace and the verdict are told; the exit code is 0."""
        assert run("--scenario", "cut-off", "--seed", 5) == 0
        out = capsys.readouterr().out
        for part in ("seed 5: 16 members, 300 s, trace ", "skew in the last quarter: ", "all within 1 ms: after "):
            assert part in out
        assert "backward ticks: 0" in out
        assert "named as wrong: nobody" in out
        assert out.splitlines()[-1] == "passed"
        assert "other one" not in out

    def test_who_was_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A runaway by its number, an undecided pair by both."""
        assert run("--scenario", "runaway-4") == 0
        assert "member 3 (faulty) by up to 3" in capsys.readouterr().out
        assert run("--scenario", "two-2051") == 0
        assert "member 0 cannot tell, and is apart from 1" in capsys.readouterr().out

    def test_one_seed_one_trace(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Two runs of one seed print the same, to the letter; of others not the same trace."""
        texts = []
        for seed in (1, 1, 2):
            assert run("--scenario", "restart", "--seed", seed, "--json") == 0
            texts.append(capsys.readouterr().out)
        assert texts[0] == texts[1]
        first, other = (json.loads(text)["runs"][0]["trace"] for text in texts[1:])
        assert first != other

    def test_json_has_everything(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Scenario, bars with the value of each seed, and the runs themselves."""
        assert run("--scenario", "restart", "--seeds", 2, "--json") == 0
        data = json.loads(capsys.readouterr().out)
        assert data["passed"] is True
        assert data["too_few_seeds"] is False
        assert [each["seed"] for each in data["runs"]] == [1, 2]
        assert len(data["runs"][0]["series"]) == 300
        assert all(len(bar["values"]) == 2 for bar in data["bars"])
        assert data["scenario"] == CATALOGUE["restart"].scenario

    def test_too_few_seeds_are_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A bar of a median that so few seeds do not judge: in the JSON as a whole and with the bar, and in words."""
        assert run("--scenario", "set-2051-4", "--json") == 0
        data = json.loads(capsys.readouterr().out)
        assert (data["passed"], data["too_few_seeds"]) == (True, True)
        waiting = [bar for bar in data["bars"] if bar["too_few_seeds"]]
        assert [(bar["passed"], bar["by"]) for bar in waiting] == [(None, "median")]
        assert all(bar["passed"] is not None for bar in data["bars"] if bar not in waiting and bar["most"] is not None)
        assert run("--scenario", "set-2051-4") == 0
        assert capsys.readouterr().out.splitlines()[-1] == "passed, as far as so few seeds can tell"

    def test_a_bar_that_is_missed(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Exits with 1 and names it; and that the world was another one than the bar's."""
        assert run("--scenario", "lan-16", "--seconds", 5) == 1
        out = capsys.readouterr().out
        assert out.splitlines()[-1].startswith("MISSED: ")
        assert "here it is another one" in out

    def test_a_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A scenario of one's own is held against what holds everywhere; what is none is refused with the field."""
        path = tmp_path / "own.json"
        path.write_text(json.dumps(small(name="mine")))
        assert run("--file", path, "--seconds", 30) == 0
        assert "mine: a scenario of your own" in capsys.readouterr().out
        path.write_text(json.dumps(small(gossip=AVERAGING, faults=[{"members": {"last": 1}, "kind": {"rnaway": {}}}])))
        assert run("--file", path) == 2
        assert "unknown variant `rnaway`" in capsys.readouterr().err

    def test_latencies(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Any scenario can be put between measured places."""
        (tmp_path / "a.dat").write_text("8/8.2/9/0.1:a\n")
        assert run("--scenario", "gcp", "--latencies", tmp_path) in (0, 1)
        assert "another one" not in capsys.readouterr().out  # it is the very one that is listed
        for changed in (["gcp", "--nodes", 8], ["three"]):
            run("--scenario", *changed, "--latencies", tmp_path, "--seconds", 60)
            assert "here it is another one" in capsys.readouterr().out
        assert run("--scenario", "gcp", "--latencies", tmp_path, "--nodes", 8, "--seconds", 60, "--json") == 0
        data: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert data["scenario"]["network"]["delay"]["matrix"]["regions"] == ["a"]
        assert data["runs"][0]["summary"]["skew_max_ns"] > 20_000

    @pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
    def test_pictures(self, tmp_path: Path, suffix: str, magic: bytes) -> None:
        """Written as they are called; the same seed gives the same picture."""
        pytest.importorskip("matplotlib")
        pictures = []
        for name in ("one", "other"):
            path = tmp_path / f"{name}.{suffix}"
            assert run("--scenario", "three", "--seeds", 2, "--plot", path) == 0
            pictures.append(path.read_bytes())
        assert pictures[0].startswith(magic)
        assert pictures[0] == pictures[1]

    @pytest.mark.parametrize("name", ["two-2051", "overlay-4"])
    def test_pictures_of_nobody_in_step(self, tmp_path: Path, name: str) -> None:
        """Where nothing is to be drawn there is a picture all the same."""
        pytest.importorskip("matplotlib")
        run("--scenario", name, "--plot", tmp_path / "picture.svg")
        assert (tmp_path / "picture.svg").stat().st_size > 1000
