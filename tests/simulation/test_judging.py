"""Bars: what passes, what does not, and what so few seeds cannot tell."""

from __future__ import annotations

import dataclasses
import math
from random import Random
from typing import Any

import pytest

from flocktime.simulation.judging import ENOUGH_FOR_A_MEDIAN, median_interval
from flocktime.testing.simulation import Bar, Row, ScenarioError, Verdict, figure


def bar(**fields: Any) -> Bar:
    return Bar("skew", "µs", lambda run: None, **fields)


def test_the_worst_seed_decides() -> None:
    """At the limit is fine, above it is not, for any single seed."""
    assert Verdict(bar(most=5), (1.0, 5.0)).passed
    assert Verdict(bar(most=5), (1.0, 5.1)).passed is False
    verdict = Verdict(bar(most=5), (3.0, 1.0, 2.0))
    assert (verdict.worst, verdict.median) == (3.0, 2.0)


def test_a_run_without_the_number_misses_the_bar() -> None:
    """Whatever the other seeds came to; where there is no bar nothing is missed."""
    assert Verdict(bar(most=5), (1.0, None)).passed is False
    assert Verdict(bar(most=5), (1.0, None)).missing == 1
    assert Verdict(bar(most=5, by="median"), (1.0, None)).passed is False
    assert Verdict(bar(equals=1.0), (None,)).passed is False
    assert Verdict(bar(), (None,)).passed is None


def test_medians_need_enough_seeds() -> None:
    """Of few seeds chance would decide; of enough the median does, whatever the worst one is."""
    few = (1.0,) * (ENOUGH_FOR_A_MEDIAN - 1)
    assert Verdict(bar(most=5, by="median"), few).passed is None
    assert Verdict(bar(most=5, by="median"), few).too_few
    assert Verdict(bar(most=5, by="median"), (*few, 99.0)).passed
    assert Verdict(bar(most=0.5, by="median"), (*few, 99.0)).passed is False


def test_a_formula_lies_inside_or_not() -> None:
    """It has to lie within the interval of the median, to what is allowed."""
    values = tuple(float(value) for value in range(20))
    assert Verdict(bar(equals=3.0), values).passed
    assert Verdict(bar(equals=2.9), values).passed is False
    assert Verdict(bar(equals=2.9, within=0.2), values).passed
    assert Verdict(bar(equals=16.1), values).passed is False


@pytest.mark.parametrize(("count", "rank"), [(1, 0), (2, 0), (7, 0), (8, 0), (10, 0), (11, 0), (20, 3), (100, 36)])
def test_the_interval_is_that_of_ranks(count: int, rank: int, rng: Random) -> None:
    """The outermost ranks that cannot be given up at 99 %, in whatever order the values come."""
    values = [float(value) for value in range(count)]
    rng.shuffle(values)
    assert median_interval(values) == (rank, count - 1 - rank)
    if count >= ENOUGH_FOR_A_MEDIAN:
        outside = 2 * sum(math.comb(count, below) for below in range(rank + 1)) / 2**count
        assert outside <= 0.01 < outside + 2 * math.comb(count, rank + 1) / 2**count


def test_figures_are_printed_with_their_unit() -> None:
    """Counts as counts, shares with four digits, what is missing as a dash."""
    assert figure(bar(), 12.34) == "12.3 µs"
    assert figure(dataclasses.replace(bar(), unit=""), 3.0) == "3"
    assert figure(dataclasses.replace(bar(), unit=""), 0.76942) == "0.7694"
    assert figure(bar(), None) == "-"


def test_rows_change_with_their_baseline() -> None:
    """Size and length reach what a row is held against, but for a baseline that has another size on purpose."""
    row = Row("row", "", {"nodes": 8, "seconds": 9}, (), baseline={"nodes": 8, "seconds": 9})
    changed = row.with_changes(nodes=5, seconds=3)
    assert changed.scenario == changed.baseline == {"nodes": 5, "seconds": 3}
    other = dataclasses.replace(row, baseline={"nodes": 64, "seconds": 9}).with_changes(nodes=5)
    assert other.baseline == {"nodes": 64, "seconds": 9}
    assert row.with_changes() == row


def test_rows_that_need_delays_say_so() -> None:
    """Without them there is no scenario to run; with them they are in the network, beside what else is there."""
    row = Row("far", "", {"nodes": 8, "seconds": 9, "network": {"asymmetry_us": 1}}, (), needs_latencies=True)
    with pytest.raises(ScenarioError, match="far: needs measured round trips"):
        row.with_changes()
    changed = row.with_changes(delay={"matrix": {}})
    assert changed.scenario["network"] == {"asymmetry_us": 1, "delay": {"matrix": {}}}
