"""``flocktime bench``: what is timed, what it says of peers, what it shows, and the command itself."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import invalidate_caches
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from flocktime import BACKEND, Clock
from flocktime._backend import pure_clock
from flocktime.cli import bench
from flocktime.cli.bench import forms, machine, peers, report, subjects
from flocktime.cli.bench.timer import EMPTY, Measurement, Subject
from flocktime.cli.extras import MissingExtra

if TYPE_CHECKING:
    from pathlib import Path


def command(*arguments: str) -> argparse.Namespace:
    """The options as the real parser reads them."""
    parser = argparse.ArgumentParser()
    bench.register(parser.add_subparsers())
    return parser.parse_args(["bench", *arguments])


class TestSubjects:
    def test_both_backends_offer_every_operation(self) -> None:
        """flocktime and its fallback are timed at the same operations, in the order that results are shown in."""
        for one in (subjects.flocktime(), subjects.fallback()):
            assert tuple(subject.operation for subject in one) == subjects.OPERATIONS
            for subject in one:
                assert subject.loop(range(2), *subject.values) >= 0

    @pytest.mark.skipif(BACKEND == "pure", reason="this backend has no pages")
    def test_a_page_is_timed_at_what_it_changes(self, tmp_path: Path) -> None:
        """Of a clock on a page: the calls that advance its state, and not what stamps do by themselves."""
        one = subjects.on_page(str(tmp_path))
        assert [subject.operation for subject in one] == ["now", "update", "now_many"]
        assert {subject.who for subject in one} == {"flocktime, host page"}
        assert all(subject.loop(range(2), *subject.values) >= 0 for subject in one)

    def test_the_fallback_is_at_hand_in_every_process(self) -> None:
        """Whichever backend is in use, the pure clock can be had beside it; only a pure backend is the same one."""
        assert (pure_clock() is Clock) == (BACKEND == "pure")
        assert type(pure_clock()().now()).__module__ == "flocktime"


class TestPeers:
    def install(self, path: Path, name: str, code: str) -> None:
        """A distribution as pip leaves one."""
        info = path / f"{name}-9.9.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")
        (path / f"{name}.py").write_text(code)
        invalidate_caches()

    def find(self, path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str) -> peers.Found:
        self.install(path, name, code)
        monkeypatch.syspath_prepend(str(path))
        (found,) = peers.find([peers.Peer(name, name, peers.GENERATOR, peers._uuid7)])
        sys.modules.pop(name, None)
        return found

    def test_an_absent_peer_is_said_to_be(self) -> None:
        """A peer that is not installed has no version, no subjects and no failure."""
        (found,) = peers.find([peers.Peer("no-such-distribution", "nosuch", peers.CLOCK, peers._hlcpy)])
        assert (found.version, found.subjects, found.failure) == (None, (), None)

    def test_an_installed_peer_is_timed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An installed one is named with its version, and each of its subjects can be called."""
        found = self.find(tmp_path, monkeypatch, "fakepeer", "import uuid\nuuid7 = uuid.uuid4\n")
        assert found.failure is None
        assert {subject.who for subject in found.subjects} == {"fakepeer 9.9"}
        assert all(subject.loop(range(1), *subject.values) >= 0 for subject in found.subjects)

    @pytest.mark.parametrize(
        ("name", "code", "failure"),
        [
            ("brokenpeer", "raise OSError('no such library')\n", "OSError: no such library"),
            ("otherpeer", "uuid8 = None\n", "AttributeError: module 'otherpeer' has no attribute 'uuid7'"),
            ("badpeer", "def uuid7():\n    return object()\n", "TypeError: '<' not supported"),
        ],
    )
    def test_a_failing_peer_says_why(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, failure: str
    ) -> None:
        """A peer that cannot be imported, or is not what we know, spoils nothing and keeps its reason."""
        found = self.find(tmp_path, monkeypatch, name, code)
        assert found.version == "9.9"
        assert found.subjects == ()
        assert found.failure is not None
        assert found.failure.startswith(failure)

    def test_generators_are_not_asked_to_update(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """No operation is made up: a generator is timed at what it does, and ``update`` is not among it."""
        found = self.find(tmp_path, monkeypatch, "generatorpeer", "import uuid\nuuid7 = uuid.uuid4\n")
        operations = [subject.operation for subject in found.subjects]
        assert operations == ["now", "less", "equal", "hash", "to_bytes"]


class TestReport:
    def data(self, found: list[peers.Found]) -> dict[str, Any]:
        ours = Subject("now", subjects.FLOCKTIME, forms.nothing)
        theirs = Subject("now", "fakepeer 9.9", forms.nothing, note="a note")
        samples = {EMPTY: [1.0] * 5, subjects.TIME_NS: [20.0] * 5, ours: [10.0] * 5, theirs: [40.0] * 5}
        result = Measurement(5, 0.001, 1, samples)
        return report.as_data(result, [subjects.TIME_NS, ours, theirs], found, machine.describe())

    def found(self, version: str | None, failure: str | None = None) -> peers.Found:
        return peers.Found(peers.Peer("fakepeer", "fakepeer", peers.CLOCK, peers._hlcpy), version, failure=failure)

    def test_ratios_are_the_right_way_round(self) -> None:
        """Twice time_ns's time is 2.0 of it, and four times ours is 4.0 of ours."""
        rows = {row["who"]: row for row in self.data([])["results"]}
        assert rows["flocktime"]["times_time_ns"]["median"] == 0.5
        assert rows["fakepeer 9.9"]["times_time_ns"]["median"] == 2.0
        assert rows["fakepeer 9.9"]["times_flocktime"]["median"] == 4.0
        assert rows["flocktime"]["times_flocktime"]["median"] == 1.0

    @pytest.mark.parametrize(
        ("version", "failure", "said"),
        [
            (None, None, "is not installed, so not compared"),
            ("9.9", "OSError: broken", "cannot be timed: OSError: broken"),
            ("9.9", None, "is a clock. now: a note"),
        ],
    )
    def test_every_peer_is_accounted_for(self, version: str | None, failure: str | None, said: str) -> None:
        """Timed, failed or absent: the reader is told of each peer."""
        lines = report.remarks(self.data([self.found(version, failure)]))
        assert said in lines[0]

    def test_table_shows_every_figure(self) -> None:
        """The table has a line for each result and fits eighty columns."""
        console = pytest.importorskip("rich.console").Console(file=StringIO(), width=80)
        report.print_tables(console, self.data([]))
        text = console.file.getvalue()
        for shown in ("clock.now()", "time.time_ns()", "flocktime", "fakepeer 9.9", "40.0", "4.00"):
            assert shown in text
        assert "…" not in text

    def test_the_machine_is_described_without_its_name(self) -> None:
        """Everything that a figure depends on is there; what names the machine is not."""
        described = machine.describe()
        assert described["backend"] == BACKEND
        assert set(described) == {
            "flocktime", "backend", "python", "compiler", "system", "architecture", "processor", "cores", "virtual",
            "load", "clock source",
        }  # fmt: skip


class TestCommand:
    def test_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """``--json`` prints one JSON document with every operation of flocktime in it, and the exit code is 0."""
        options = command("--json", "--blocks", "5", "--seconds", "0.5")
        assert options.run(options) == 0
        data = json.loads(capsys.readouterr().out)
        ours = [row["operation"] for row in data["results"] if row["who"] == "flocktime"]
        assert ours == list(subjects.OPERATIONS)
        assert all(row["ns"]["median"] > 0 for row in data["results"])
        assert data["blocks"] == 5
        fallbacks = [row for row in data["results"] if row["who"] == subjects.FALLBACK]
        assert len(fallbacks) == (0 if BACKEND == "pure" else len(subjects.OPERATIONS))

    def test_table(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without ``--json`` a table is printed, with the backend in front."""
        pytest.importorskip("rich")
        options = command("--blocks", "5", "--seconds", "0.5")
        assert options.run(options) == 0
        printed = capsys.readouterr().out
        assert f"backend       {BACKEND}" in printed
        for heading in report.SHOWN.values():
            assert heading in printed

    def test_missing_rich(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Without rich the table says what to install before anything is measured; JSON needs nothing."""
        monkeypatch.setitem(sys.modules, "rich", None)
        options = command("--blocks", "5", "--seconds", "0.5")
        with pytest.raises(MissingExtra, match=r"needs rich.*pip install 'flocktime\[cli\]'"):
            options.run(options)
        options = command("--json", "--blocks", "5", "--seconds", "0.5")
        assert options.run(options) == 0
        assert json.loads(capsys.readouterr().out)["blocks"] == 5

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--blocks", "4"], "must lie in 5..=10000, got 4"),
            (["--blocks", "10001"], "got 10001"),
            (["--blocks", "many"], "'many'"),
            (["--seconds", "0"], "must lie in 0.5..=600, got 0"),
            (["--seconds", "601"], "got 601"),
            (["--seconds", "nan"], "got nan"),
            (["--seconds", "soon"], "'soon'"),
            (["--seed", "x"], "'x'"),
        ],
    )
    def test_wrong_options(self, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
        """A value out of its range ends with exit code 2 and a message that names it."""
        with pytest.raises(SystemExit) as ended:
            command(*arguments)
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
