"""The catalogue: rows that can be run, bars that can be missed, and a few that are met."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from flocktime.simulation.catalogue.contraction import GAIN, of_random_peers, of_strides
from flocktime.simulation.measures import stamps_moved_us
from flocktime.testing.simulation import CATALOGUE, Row, Run, ScenarioError, find, judge, perform, simulate
from tests.simulation.worlds import AVERAGING, needs_simulator

#: One link, for rows that need measured ones.
NEAR = {"matrix": {"regions": ["here"], "links": [[{"min_ms": 0.2, "avg_ms": 0.3, "mdev_ms": 0.1}]]}}


def missed(row: Row, *runs: Run) -> list[str]:
    """The bars that these runs miss."""
    return [verdict.bar.what for verdict in judge(row, runs) if verdict.passed is False]


def test_every_row_is_whole() -> None:
    """It is called what its scenario is called, says what it is, has a bar and compares only if it has what to compare with."""
    for name, row in CATALOGUE.items():
        assert name == row.name == row.scenario["name"]
        assert row.description
        assert row.bars
        compares = any("without" in bar.what or "that of" in bar.what or "moved" in bar.what for bar in row.bars)
        assert compares == (row.baseline is not None), name


def test_unknown_names_are_refused_with_a_guess() -> None:
    """A slip of the finger is answered with what was meant."""
    with pytest.raises(ScenarioError, match="'partitoin'; did you mean partition"):
        find("partitoin")
    with pytest.raises(ScenarioError, match=r"no scenario is called '\?'$"):
        find("?")


@needs_simulator
@pytest.mark.parametrize("name", [name for name, row in CATALOGUE.items() if not row.large])
def test_the_simulator_takes_every_row(name: str) -> None:
    """No field is unknown, no number beyond its limits."""
    row = CATALOGUE[name].with_changes(seconds=1, delay=NEAR if CATALOGUE[name].needs_latencies else None)
    perform(row, 1)


@needs_simulator
@pytest.mark.parametrize(
    "name",
    ["lan-8", "loopback", "runaway-4", "crash-loop-4", "boot-2051-4", "set-2051-4", "two", "three"]
    + ["two-2051", "three-2051", "two-and-two", "frozen", "cut-off", "pause", "restart", "overlay-6"],
)
def test_small_rows_pass(name: str) -> None:
    """With the first two seeds every bar is met."""
    row = find(name)
    runs = [perform(row, seed) for seed in (1, 2)]
    assert missed(row, *runs) == [], f"flocktime sim --scenario {name} --seeds 2"


@needs_simulator
@pytest.mark.parametrize("peers", [1, 4, 16])
def test_the_formula_of_contraction_lies_inside(peers: int) -> None:
    """The step function in rounds, eight seeds: the median's interval holds the formula."""
    row = find(f"contraction-{peers}")
    verdicts = judge(row, [perform(row, seed) for seed in range(1, 9)])
    assert [verdict.passed for verdict in verdicts] == [True]


def run_of(row: Row, **changes: Any) -> Run:
    """A row's first seed, in another world than its own."""
    outcome = simulate({**row.scenario, **changes}, 1)
    return Run(outcome, None if row.baseline is None else simulate(row.baseline, 1))


@needs_simulator
class TestBarsCanBeMissed:
    """The same checks on members that are not the flock."""

    def test_by_members_that_average_whatever_is_said(self) -> None:
        """One runaway takes all of them along: nothing of it passes but what holds for any clock."""
        row = find("runaway-8")
        assert "skew of L" in missed(row, run_of(row, gossip=AVERAGING, seconds=200))

    def test_by_members_that_never_steer(self) -> None:
        """System clocks never get into step."""
        row = find("lan-8").with_changes(seconds=60)
        assert {"all within 1 ms", "stamps / skew of L"} <= set(missed(row, run_of(row, gossip={"steer": False})))

    def test_by_members_that_refuse_nothing(self) -> None:
        """The latest stamp wins: it moves the stamps of both where one of two is in 2051."""
        row = find("two-2051")
        assert "stamps moved from the OS clocks'" in missed(row, run_of(row, gossip={"max_drift_ms": 1e12}))

    def test_by_members_that_agree_where_they_should_not(self) -> None:
        """Two that are in step are not undecided, and their stamps are not those of their OS clocks."""
        row = find("two-2051")
        assert row.baseline is not None
        run = Run(simulate({**row.scenario, "faults": []}, 1), simulate({**row.baseline, "faults": []}, 1))
        assert "members not undecided, or not saying with whom" in missed(row, run)
        moved = stamps_moved_us(run)
        assert moved is not None
        assert moved > 1_000

    def test_by_a_run_that_ends_too_soon(self) -> None:
        """Who is not back by the end is not back within 30 s."""
        row = find("restart")
        assert "all 16 back in step, for good" in missed(row, run_of(row, seconds=115))

    def test_by_an_open_wound(self) -> None:
        """Halves that are still apart when the run ends have not healed."""
        row = find("partition")
        cut = [{"from_s": 5, "to_s": 60, "members": {"share": 0.5}}]
        run = run_of(row, nodes=8, seconds=60, partitions=cut)
        assert {"gap while cut", "gap below 100 µs again, for good"} <= set(missed(row, run))


def test_random_peers_contract_as_drawn(rng: Random) -> None:
    """The formula against the averaging that it is about, of plain numbers."""
    for peers in (1, 4, 16):
        values = [rng.gauss(0, 1) for _ in range(20_000)]
        after = [v + GAIN * sum(w - v for w in rng.sample(values, peers)) / (peers + 1) for v in values]
        left = math.dist(after, [0] * len(after)) / math.dist(values, [0] * len(values))
        assert left == pytest.approx(of_random_peers(peers), rel=0.02)


@pytest.mark.parametrize(("nodes", "strides"), [(24, (1, 5)), (64, (1, 15)), (64, (1, 3, 28))])
def test_a_ring_contracts_by_its_slowest_wave(nodes: int, strides: tuple[int, ...], rng: Random) -> None:
    """The closed form against the same averaging, repeated."""
    values = [rng.gauss(0, 1) for _ in range(nodes)]
    around = [offset for stride in strides for offset in (stride, -stride)]
    voices = len(around) + 1
    spreads = []
    for _ in range(240):
        values = [
            v + GAIN * sum(values[(place + offset) % nodes] - v for offset in around) / voices
            for place, v in enumerate(values)
        ]
        mean = sum(values) / nodes
        spreads.append(math.dist(values, [mean] * nodes))
    assert (spreads[239] / spreads[199]) ** (1 / 40) == pytest.approx(of_strides(nodes, strides), abs=1e-4)
