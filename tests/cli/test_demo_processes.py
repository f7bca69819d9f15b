"""The services' processes end when they should, however that comes about, and never quietly when they should not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flocktime.cli.demo import acts, processes
from flocktime.cli.demo.log import read_log
from flocktime.cli.demo.perform import perform
from flocktime.cli.demo.plan import WORKERS, Network, Plan, make_plan
from flocktime.cli.demo.processes import ServiceFailed
from flocktime.cli.demo.services import running

from .demo_processes import MARK, marked, needs_proc, new_mark, read_until, start_demo, wait_until_gone

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [needs_proc, pytest.mark.processes]


class Watcher:
    """Does something once, as soon as the services run."""

    def __init__(self, act: Any = None) -> None:
        self._act = act

    def starting(self, plan: Plan) -> None: ...
    def joining(self, looking: Any) -> None: ...

    def running(self, *_: Any, **__: Any) -> None:
        if self._act is not None:
            act, self._act = self._act, None
            act()

    def judging(self) -> None: ...


def small_plan(seconds: float = 30.0) -> Plan:
    """Longer than any test waits: what ends it early is what is tested."""
    return make_plan(5, 5, seconds, time.time_ns() // 1000)


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """A mark that all processes started by the test inherit."""
    value = new_mark()
    monkeypatch.setenv(MARK, value)
    return value


class TestOneService:
    """A single service, spoken to as its parent does."""

    def start(self, log: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "flocktime.cli.demo.service", "orders"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        plan = {"name": "orders", "role": "honest", "offset_us": 5, "ppm": 0.0, "on_drift": "reject"}
        self.tell(process, plan=plan, log=str(log), seed=1, round_s=0.05, start=1)
        return process

    def tell(self, process: subprocess.Popen[str], **value: Any) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(value) + "\n")
        process.stdin.flush()

    @pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "end of input"])
    def test_it_stops_cleanly(self, tmp_path: Path, how: str) -> None:
        """By either signal or by the end of standard input: exit code 0, not a word of complaint, a complete log."""
        process = self.start(tmp_path / "orders.jsonl")
        assert process.stdout is not None
        assert process.stdin is not None
        assert json.loads(process.stdout.readline())["port"] > 0
        self.tell(process, peers={}, flock=[])
        assert json.loads(process.stdout.readline()) == {"serving": True}
        if how == "end of input":
            process.stdin.close()
        else:
            process.send_signal(getattr(signal, how))
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert read_log(tmp_path / "orders.jsonl").name == "orders"
        process.stdout.close()
        process.stderr.close()

    @pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "end of input"])
    def test_it_stops_before_it_serves(self, tmp_path: Path, how: str) -> None:
        """The same while it still waits for the others' addresses; the log is incomplete then."""
        process = self.start(tmp_path / "orders.jsonl")
        assert process.stdout is not None
        process.stdout.readline()
        if how != "end of input":
            process.send_signal(getattr(signal, how))
            assert process.wait(30) == 0
        _, said = process.communicate(timeout=30)
        assert said.strip() == ("the parent process is gone" if how == "end of input" else "")


def test_a_relay_stops_cleanly() -> None:
    """By either signal or by the end of standard input: exit code 0, not a word of complaint."""
    for how in ("SIGTERM", "SIGINT", "end of input"):
        process = subprocess.Popen(
            [sys.executable, "-m", "flocktime.cli.demo.relay", "relay"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"names": ["a", "b"], "network": {}, "seed": 1}) + "\n")
        process.stdin.flush()
        assert set(json.loads(process.stdout.readline())["members"]) == {"a", "b"}
        if how != "end of input":
            process.send_signal(getattr(signal, how))
            assert process.wait(30) == 0, how
        _, said = process.communicate(timeout=30)
        assert (process.returncode, said) == (0, ""), how


class TestAll:
    def test_a_service_that_dies_under_load_is_an_error(self, mark: str) -> None:
        """The failure names the service and how it ended, and the others are gone."""

        def kill_one() -> None:
            pid = next(pid for pid, command in marked(mark).items() if command.endswith(" stock"))
            os.kill(pid, signal.SIGKILL)

        with pytest.raises(ServiceFailed, match=r"service stock ended while it was needed \(signal SIGKILL\)"):
            perform(small_plan(), Watcher(kill_one))
        assert marked(mark) == {}

    def test_a_relay_that_dies_is_an_error(self, mark: str) -> None:
        """The network is needed as the services are."""

        def kill_relay() -> None:
            pid = next(pid for pid, command in marked(mark).items() if command.endswith(" relay"))
            os.kill(pid, signal.SIGKILL)

        with pytest.raises(ServiceFailed, match=r"the relay ended while it was needed \(signal SIGKILL\)"):
            perform(small_plan(), Watcher(kill_relay))
        assert marked(mark) == {}

    def test_a_flock_that_never_forms_is_an_error(self, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Over a network that loses everything nobody synchronises: the failure says how they stand."""
        monkeypatch.setattr(acts, "PATIENCE_S", 0.5)
        monkeypatch.setattr(acts, "PATIENCE_ROUNDS", 0)
        deaf = replace(small_plan(), network=Network(loss=1.0))
        with pytest.raises(ServiceFailed, match=r"did not synchronise within 0\.5 s: .*stock is (alone|silent)"):
            perform(deaf, Watcher())
        assert marked(mark) == {}

    def test_a_service_that_cannot_start_is_an_error_with_its_last_words(self, mark: str, tmp_path: Path) -> None:
        """The end of its standard error is part of the message."""
        with pytest.raises(ServiceFailed, match=r"(?s)ended before it served \(exit code 1\).*FileNotFoundError"):
            perform(small_plan(), Watcher(), tmp_path / "missing")
        assert marked(mark) == {}

    def test_a_service_that_hangs_is_killed_and_reported(
        self, mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A stopped process ignores the word to stop; it is killed after a bounded time, and that is a failure."""
        monkeypatch.setattr(processes, "STOP_TIMEOUT_S", 5.0)

        async def hang() -> None:
            async with running(small_plan(), tmp_path):
                pid = next(pid for pid, command in marked(mark).items() if command.endswith(" orders"))
                os.kill(pid, signal.SIGSTOP)

        with pytest.raises(ServiceFailed, match=r"service orders did not stop within 5 s and was killed"):
            asyncio.run(hang())
        assert marked(mark) == {}

    def test_an_exception_in_the_middle_leaves_nobody_behind(self, mark: str) -> None:
        """Whatever goes wrong in the parent, it is what the caller sees, and the services are gone."""

        def fail() -> None:
            raise LookupError("the display's own")

        with pytest.raises(LookupError, match="the display's own"):
            perform(small_plan(), Watcher(fail))
        assert marked(mark) == {}


class TestTheCommand:
    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
    @pytest.mark.parametrize("when", ["starting", "running"])
    def test_a_signal_leaves_nothing_behind(self, tmp_path: Path, signum: signal.Signals, when: str) -> None:
        """No process, no temporary file, no half outcome, and the exit code says which signal it was."""
        mark = new_mark()
        with start_demo(mark, "--seconds", "60", "--json", temporary=tmp_path) as process:
            read_until(process, when)
            process.send_signal(signum)
            out, said = process.communicate(timeout=60)
        assert process.returncode == 128 + signum
        assert out == ""
        assert f"stopped by {signum.name}" in said
        assert "Traceback" not in said
        assert marked(mark) == {}
        assert list(tmp_path.iterdir()) == []

    def test_killing_the_parent_ends_the_services(self, tmp_path: Path) -> None:
        """A parent that dies without a word takes everybody with it."""
        mark = new_mark()
        with start_demo(mark, "--seconds", "60", temporary=tmp_path) as process:
            read_until(process, "running")
            assert len(marked(mark)) == 1 + 5 * WORKERS + 1  # itself, five services, the relay
            process.kill()
            process.communicate(timeout=60)
        wait_until_gone(mark)
