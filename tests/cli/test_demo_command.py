"""``flocktime demo`` as a user types it: real processes, real sockets, and an outcome that says what it must."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from flocktime.cli import demo
from flocktime.cli.demo.log import read_log
from flocktime.cli.demo.plan import WORKERS, Plan, make_plan
from flocktime.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.processes

SEED = 11


def flocktime(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flocktime", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def outcome(files: Path) -> dict[str, Any]:
    """One demonstration of a second and a half, with everything that can be asked for."""
    ran = flocktime(
        *("demo", "--json", "--seconds", "1.5", "--seed", str(SEED)),
        *("--report", str(files / "report.html"), "--keep-logs", str(files / "logs")),
    )
    assert ran.returncode == 0, f"seed {SEED}: {ran.stderr}"
    value: dict[str, Any] = json.loads(ran.stdout)
    return value


class TestOutcome:
    def test_flocktime_contradicts_nothing_and_wall_clocks_do(self, outcome: dict[str, Any]) -> None:
        """The main claim, on real messages: none by flocktime, many by wall clock, over the same messages."""
        wall, stamps = outcome["by_wall_clock"], outcome["by_flocktime"]
        assert (outcome["contradictions"], outcome["failures"]) == (0, [])
        assert (stamps["messages"]["inverted"], stamps["within_services"]["inverted"]) == (0, 0)
        assert wall["messages"]["judged"] == stamps["messages"]["judged"] > 0, "how many is the machine's business"
        assert wall["messages"]["inverted"] > wall["messages"]["judged"] / 10, (
            "a third and more where nobody else works"
        )
        assert wall["messages"]["largest_us"] > 50_000

    def test_every_message_is_judged_or_exempt(self, outcome: dict[str, Any]) -> None:
        """Judged and exempt messages together are all there are, and the exempt ones are the refused ones."""
        judged = outcome["by_flocktime"]["messages"]["judged"]
        assert judged + outcome["exempt"] == outcome["messages"]
        assert outcome["exempt"] == sum(entry["messages"] for entry in outcome["refused"])
        assert {entry["error"] for entry in outcome["refused"]} == {"DriftError"}

    def test_only_the_runaway_is_refused(self, outcome: dict[str, Any]) -> None:
        """Since it jumped, for being decades ahead. It refused nobody; nor did the one an hour behind: it follows the flock."""
        (runaway,) = (s for s in outcome["services"] if s["role"] == "runaway")
        assert runaway["refused"] == {}
        assert {entry["sender"] for entry in outcome["refused"]} == {runaway["name"]}
        assert min(entry["least_ahead_us"] for entry in outcome["refused"]) > 20 * 365 * 86_400 * 1_000_000
        for service in outcome["services"]:
            if service["role"] != "runaway":
                assert set(service["suspects"]) <= {runaway["name"]}
                assert service["refused_by"] == {}

    def test_the_clocks_came_together(self, outcome: dict[str, Any]) -> None:
        """From an hour apart to well below a millisecond, while the wall clocks stayed where they were."""
        flock = outcome["flock"]
        assert flock["first_skew_us"] > 3_500_000_000
        assert flock["skew_us"]["p50"] <= flock["skew_us"]["p99"] <= flock["skew_us"]["allowed"]
        assert flock["wall_skew_us"] > 50_000
        assert all("synchronised" in member["states"] for member in flock["members"])
        assert len(flock["moments"]) > 10

    def test_the_runaway_and_nobody_else_is_called_wrong(self, outcome: dict[str, Any]) -> None:
        """By name; a run as short as this one demands it of nobody in particular."""
        (runaway,) = (s for s in outcome["services"] if s["role"] == "runaway")
        for member in outcome["flock"]["members"]:
            assert member["name"] not in member["named_by_after_s"]
            assert not member["named_by_after_s"] or member["name"] == runaway["name"]

    def test_no_header_was_malformed(self, outcome: dict[str, Any]) -> None:
        """Every timestamp arrived as it was sent: received ones were adopted, refused, or not there (from outside)."""
        total = {key: sum(s["headers"][key] for s in outcome["services"]) for key in outcome["services"][0]["headers"]}
        assert total["malformed"] == 0
        assert total["adopted"] + total["refused"] == outcome["messages"]
        assert total["absent"] == outcome["requests"]

    def test_honest_stamps_stay_with_the_honest_clocks(self, outcome: dict[str, Any]) -> None:
        """Neither wrong clock drags an honest timestamp away: not the one an hour behind, nor the one in 2051."""
        assert outcome["largest_distance_us"]["honest"]["stamps"] < 500_000
        assert outcome["largest_distance_us"]["wrong"]["wall"] > 20 * 365 * 86_400 * 1_000_000

    def test_the_kept_logs_are_complete(self, outcome: dict[str, Any], files: Path) -> None:
        """One readable log a process, with as many events as were judged; every worker of a service had its share."""
        logs = {path.stem: read_log(path) for path in (files / "logs").iterdir()}
        assert len(logs) == WORKERS * len(outcome["services"])
        for service in outcome["services"]:
            own = [log for log in logs.values() if log.name == service["name"]]
            assert sum(len(log.records) for log in own) == service["events"]
            assert all(log.records for log in own)
            assert {f"{log.node:012x}" for log in own} == set(service["nodes"])

    def test_the_report_needs_nothing_else(self, outcome: dict[str, Any], files: Path) -> None:
        """One HTML file with its pictures inside: no script, no address outside, every service named."""
        html = (files / "report.html").read_text(encoding="utf-8")
        seen = _Seen()
        seen.feed(html)
        assert "script" not in seen.tags
        assert len(seen.addresses) >= 4
        assert all(address.startswith("data:image/svg+xml;base64,") for address in seen.addresses)
        for service in outcome["services"]:
            assert f"<td>{service['name']}</td>" in html
        assert f"by flocktime: 0 of {outcome['by_flocktime']['messages']['judged']:,}" in html
        assert "contradicted causality nowhere" in html


class _Seen(HTMLParser):
    """The tags of a page, and everything it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_a_service_is_stopped_and_comes_back(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Under load, with nothing lost: new processes at other addresses, in logs of their own, synchronised again. They go on with
    the clock of their host; without a page they have a new one."""
    assert main(["demo", "--json", "--seconds", "6", "--seed", str(SEED), "--keep-logs", str(tmp_path)]) == 0
    outcome = json.loads(capsys.readouterr().out)
    flock = outcome["flock"]
    (restarted,) = (s for s in outcome["services"] if s["name"] == flock["restarted"])
    (member,) = (m for m in flock["members"] if m["name"] == flock["restarted"])
    assert restarted["role"] == "honest"
    assert len(restarted["nodes"]) == 2 * WORKERS
    assert len(set(restarted["nodes"])) == (2 if WORKERS == 1 else 1)
    assert 0 < flock["away_s"] < 60
    assert member["states"].count("synchronised") >= 2
    assert outcome["contradictions"] == 0
    logs = {path.stem: read_log(path) for path in tmp_path.iterdir()}
    own = {name: log for name, log in logs.items() if log.name == restarted["name"]}
    assert sum(len(log.records) for log in own.values()) == restarted["events"]
    assert own[f"{restarted['name']}.2"].records
    (runaway,) = (s["name"] for s in outcome["services"] if s["role"] == "runaway")
    named = next(m["named_by_after_s"] for m in flock["members"] if m["name"] == runaway)
    assert set(named) >= {s["name"] for s in outcome["services"]} - {runaway, restarted["name"]}


def test_what_a_person_reads() -> None:
    """Title, tables, verdict line, and a last line that says how it went; progress goes to standard error."""
    ran = flocktime("demo", "--seconds", "0.5", "--seed", "2")
    assert ran.returncode == 0, ran.stderr
    assert "5 services, each with its own wrong clock" in ran.stdout
    assert "Refused, and why" in ran.stdout
    assert "effects sorted before their causes (worst" in ran.stdout
    assert "; by flocktime: 0 of" in ran.stdout
    assert ran.stdout.rstrip().endswith("flocktime contradicted causality nowhere.")
    assert "year 2051" in ran.stdout
    assert "The flock" in ran.stdout
    assert "true skew: " in ran.stdout
    assert "starting 5 services" in ran.stderr
    assert "joining: " in ran.stderr
    assert "\x1b" not in ran.stdout + ran.stderr


def test_clocks_that_do_not_merge_fail_the_demonstration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Real services whose clocks pass over what they should refuse: contradictions, named, and exit code 1."""

    def mutant(*arguments: Any) -> Plan:
        plan = make_plan(*arguments)
        return replace(plan, services=tuple(replace(service, on_drift="ignore") for service in plan.services))

    monkeypatch.setattr(demo, "make_plan", mutant)
    report = tmp_path / "report.html"
    assert main(["demo", "--json", "--seconds", "0.5", "--report", str(report)]) == 1
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["contradictions"] > 0
    assert outcome["exempt"] == 0
    assert f"{outcome['contradictions']} effects are not stamped after their causes" in outcome["failures"]
    html = report.read_text(encoding="utf-8")
    assert f"Failed: {outcome['failures'][0]}" in html
    assert "contradicted causality nowhere" not in html


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--services", "4"], "--services: must lie in 5 to 16, got '4'"),
        (["--services", "17"], "--services: must lie in 5 to 16, got '17'"),
        (["--services", "five"], "--services: must lie in 5 to 16, got 'five'"),
        (["--seconds", "0.4"], "--seconds: must lie in 0.5 to 120, got '0.4'"),
        (["--seconds", "121"], "--seconds: must lie in 0.5 to 120, got '121'"),
        (["--seconds", "nan"], "--seconds: must lie in 0.5 to 120, got 'nan'"),
        (["--seconds", "inf"], "--seconds: must lie in 0.5 to 120, got 'inf'"),
        (["--delay", "21"], "--delay: must lie in 0 to 20, got '21'"),
        (["--jitter", "-1"], "--jitter: must lie in 0 to 20, got '-1'"),
        (["--asymmetry", "nan"], "--asymmetry: must lie in 0 to 2, got 'nan'"),
        (["--loss", "0.51"], "--loss: must lie in 0 to 0.5, got '0.51'"),
        (["--seed", "x"], "--seed: invalid int value: 'x'"),
        (["extra"], "unrecognized arguments: extra"),
    ],
)
def test_wrong_usage(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 with the option, the range and what was given."""
    with pytest.raises(SystemExit) as stopped:
        main(["demo", *arguments])
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_jitter_is_part_of_the_delay(capsys: pytest.CaptureFixture[str]) -> None:
    """No datagram arrives before it was sent: exit code 2 with both numbers."""
    assert main(["demo", "--delay", "1", "--jitter", "1.5"]) == 2
    assert "--jitter 1.5: more than --delay 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (lambda here: ["--report", str(here / "missing" / "report.html")], "no file can be written there"),
        (lambda here: ["--report", str(here)], "no file can be written there"),
        (lambda here: ["--keep-logs", str(here)], "the directory is not empty"),
        (lambda here: ["--keep-logs", str(here / "file")], "File exists"),
    ],
)
def test_places_that_cannot_be_written_to(
    place: Callable[[Path], list[str]], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found out before anything runs, exit code 2, and what was there is untouched."""
    (tmp_path / "file").write_text("mine")
    started = time.monotonic()
    assert main(["demo", "--seconds", "120", *place(tmp_path)]) == 2
    assert time.monotonic() - started < 60
    assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("module", ["httpx", "rich", "uvicorn"])
def test_a_missing_extra_says_what_to_install(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and the command to type."""
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["demo"]) == 2
    assert f"needs {module}, which is not installed: pip install 'flocktime[demo]'" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_what_only_the_report_needs_is_asked_for_only_then(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Plots and templates are missed only with ``--report``, and before anything runs."""
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["demo", "--report", str(tmp_path / "report.html")]) == 2
    assert f"needs {module}" in capsys.readouterr().err


def test_nothing_is_inherited_from_proxies(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A proxy in the environment is for the outside world; the services are on the loopback device."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert main(["demo", "--json", "--seconds", "0.5"]) == 0
    assert json.loads(capsys.readouterr().out)["contradictions"] == 0
    assert os.environ["HTTP_PROXY"]
