"""The simulator from Python: scenarios in, typed outcomes out."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from flocktime import BACKEND
from flocktime.errors import FlockError
from flocktime.simulation import running
from flocktime.testing.simulation import Outcome, ScenarioError, read_scenario, simulate
from tests.simulation.worlds import needs_simulator, small
from tests.support import ROOT


@pytest.mark.skipif(BACKEND != "pure", reason="the compiled backend has a simulator")
def test_the_pure_backend_says_that_it_has_none() -> None:
    """A clear error instead of hours."""
    with pytest.raises(FlockError, match="needs the compiled core"):
        simulate(small())


@needs_simulator
class TestRuns:
    def test_one_seed_is_one_run(self) -> None:
        """The same scenario and seed give the same outcome to the bit, another seed another one."""
        first = simulate(small(), 7)
        assert simulate(small(), 7) == first
        assert simulate(small(), 8).trace != first.trace

    def test_a_shorter_run_is_the_beginning_of_a_longer_one(self) -> None:
        """How long a run is going to last changes nothing in it."""
        wrong = {"faults": [{"members": {"last": 1}, "from_s": 15, "kind": {"runaway": {}}}]}
        long, short = simulate(small(**wrong), 3), simulate(small(**wrong, **{"seconds": 25}), 3)
        assert long.series[: len(short.series)] == short.series

    def test_the_types_hold_all_that_the_simulator_says(self) -> None:
        """Written and read again an outcome is the same, and a field too many or too few is noticed."""
        outcome = simulate(small(faults=[{"members": {"last": 1}, "kind": {"runaway": {}}}]), 1)
        data = json.loads(json.dumps(outcome.as_dict()))
        assert Outcome.from_dict(data) == outcome
        assert outcome.named
        assert outcome.members[-1].standing == "faulty"
        for broken in ({**data, "more": 1}, {key: value for key, value in data.items() if key != "trace"}):
            with pytest.raises(TypeError):
                Outcome.from_dict(broken)

    def test_members_get_into_step(self) -> None:
        """Clocks that start 100 ms apart are in step before the end, and no clock goes back."""
        outcome = simulate(small(), 1)
        assert outcome.series[0].all_skew_ns is not None
        assert outcome.series[0].all_skew_ns > 10_000_000
        assert outcome.series[-1].synchronised == 8
        assert outcome.summary.skew_max_ns is not None
        assert outcome.summary.skew_max_ns < 1_000_000
        assert outcome.totals.backward_ticks == 0

    def test_progress_is_told(self) -> None:
        """Shares rise to one."""
        heard: list[float] = []
        simulate(small(), 1, heard.append)
        assert heard == sorted(heard)
        assert heard[-1] == pytest.approx(1)
        assert len(heard) == 40

    @pytest.mark.parametrize("error", [ValueError, RuntimeError, KeyboardInterrupt])
    def test_what_progress_raises_stops_the_run(self, error: type[BaseException]) -> None:
        """It arrives as it is, also where it is of the kind that refusals are."""

        def stop(_: float) -> None:
            raise error("enough")

        with pytest.raises(error, match="enough") as raised:
            simulate(small(), 1, stop)
        assert not isinstance(raised.value, ScenarioError)


@needs_simulator
@pytest.mark.parametrize(
    ("scenario", "sentence"),
    [
        ({"nodes": 0, "seconds": 9}, "nodes is 0, must lie in 1..=20000"),
        ({"nodes": 4, "seconds": 9, "nodez": 1}, "unknown field `nodez`"),
        ({"nodes": 4}, "missing field `seconds`"),
        ({"nodes": 4, "seconds": float("nan")}, "not a scenario"),
        ({"nodes": 4, "seconds": {1, 2}}, "not a scenario"),
        ({"nodes": 4, "seconds": 9, "synchronous": {"random_peers": 4}}, "synchronous.random_peers is 4"),
    ],
)
def test_what_is_no_scenario_is_refused(scenario: dict[str, Any], sentence: str) -> None:
    """The error names the field and the numbers."""
    with pytest.raises(ScenarioError, match=sentence.replace(".", r"\.")):
        simulate(scenario)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_has_64_bits(seed: int) -> None:
    """Others are refused before anything runs."""
    with pytest.raises(ScenarioError, match="seed"):
        simulate(small(), seed)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"{", "not JSON"), (b"\xff\xfe{}", "not JSON"), (b"[1]", "must be an object, is list"), (b"[" * 100_000, "JSON")],
)
def test_files_that_hold_no_scenario(tmp_path: Path, content: bytes, sentence: str) -> None:
    """The error names the file."""
    path = tmp_path / "scenario.json"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match=sentence) as raised:
        read_scenario(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("name", ["/dev/zero", "."])
def test_what_is_no_file_is_not_read(name: str) -> None:
    """A device has no end, whatever size it shows; a folder has no scenario in it."""
    if not Path(name).exists():
        pytest.skip("this system has no such device")
    with pytest.raises(ScenarioError, match="neither a file nor a pipe"):
        read_scenario(Path(name))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no pipes with names")
@pytest.mark.parametrize("fits", [True, False])
def test_a_pipe_is_read_up_to_the_limit(fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing of how much will come."""
    content = json.dumps(small()).encode()
    monkeypatch.setattr(running, "_MOST_BYTES", len(content) - (not fits))
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(content,))
    writer.start()
    try:
        if fits:
            assert read_scenario(path) == small()
        else:
            with pytest.raises(ScenarioError, match="more than"):
                read_scenario(path)
    finally:
        writer.join()


def test_files_that_do(tmp_path: Path) -> None:
    """What is in it comes back as it is."""
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(small()))
    assert read_scenario(path) == small()


@needs_simulator
def test_the_scenario_of_the_guide_is_one() -> None:
    """What the documentation shows as a scenario is taken as it stands, and lasts as long as it says."""
    guide = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    outcome = simulate(json.loads(block), 1)
    assert (outcome.nodes, len(outcome.series)) == (32, 600)
    assert outcome.totals.backward_ticks == 0
