"""Bars and rows: what a scenario must show, and whether its runs have shown it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, Literal

from flocktime.simulation.outcome import Outcome
from flocktime.simulation.running import Progress, Scenario, ScenarioError, simulate

__all__ = ["Bar", "Row", "Run", "Verdict", "figure", "judge", "median_interval", "perform"]

#: Medians are not judged by fewer runs: chance alone would.
ENOUGH_FOR_A_MEDIAN: Final = 8
#: Of intervals. A table holds many at once: of twenty at 95 % one would miss by chance alone.
CONFIDENCE: Final = 0.99


@dataclass(frozen=True, slots=True)
class Run:
    """An outcome, and that of the run it is held against: the same seed without what the row is about."""

    outcome: Outcome
    baseline: Outcome | None = None


#: A number from a run; ``None`` where there is none, which misses every bar.
Measure = Callable[[Run], float | None]


@dataclass(frozen=True, slots=True)
class Bar:
    """One number of a run and its limit.

    ``most`` is held against the worst of all seeds or, with ``by="median"``, against their median: where two runs are compared,
    and a single pair differs by chance. With ``equals`` the interval of the median must hold that number, to ``within``.
    A bar with neither is reported and decides nothing.
    """

    what: str
    unit: str
    measure: Measure
    most: float | None = None
    by: Literal["worst", "median"] = "worst"
    equals: float | None = None
    within: float = 0.0

    @property
    def limit(self) -> str:
        """The limit in words; empty where there is none."""
        if self.equals is not None:
            return f"{self.equals:.4f}, inside"
        if self.most is None:
            return ""
        unit = f" {self.unit}" if self.unit else ""
        return f"≤ {self.most:g}{unit}" + (" (median)" if self.by == "median" else "")


@dataclass(frozen=True, slots=True)
class Row:
    """A scenario as data, with what it must show."""

    name: str
    description: str
    scenario: Scenario
    bars: tuple[Bar, ...]
    #: What it is held against, at the same seed; ``None`` where no bar compares.
    baseline: Scenario | None = None
    #: Its network's delays are measured ones, which come from files.
    needs_latencies: bool = False
    #: Takes minutes for a single seed.
    large: bool = False
    #: Which table it belongs to.
    group: str = "local network"

    def with_changes(
        self, nodes: int | None = None, seconds: float | None = None, delay: Mapping[str, Any] | None = None
    ) -> Row:
        """The same with another size or length, or with the delays that it needs."""
        if self.needs_latencies and delay is None:
            raise ScenarioError(f"{self.name}: needs measured round trips, from a folder of files")
        own_nodes = self.scenario.get("nodes")

        def changed(scenario: Scenario) -> Scenario:
            data = dict(scenario)
            if nodes is not None and data.get("nodes") == own_nodes:
                data["nodes"] = nodes
            if seconds is not None:
                data["seconds"] = seconds
                if "sample_every_s" in data:
                    data["sample_every_s"] = min(data["sample_every_s"], seconds)
            if delay is not None:
                data["network"] = {**data.get("network", {}), "delay": delay}
            return data

        return Row(
            name=self.name,
            description=self.description,
            scenario=changed(self.scenario),
            bars=self.bars,
            baseline=None if self.baseline is None else changed(self.baseline),
            large=self.large,
            group=self.group,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar and what all seeds came to."""

    bar: Bar
    values: tuple[float | None, ...]
    #: The greatest; ``None`` if a run had no such number.
    worst: float | None = field(init=False)
    median: float | None = field(init=False)
    #: The median lies in here with a confidence of 99 %, or as much of it as so few seeds give.
    interval: tuple[float, float] | None = field(init=False)

    def __post_init__(self) -> None:
        """Works out the rest."""
        known = [value for value in self.values if value is not None]
        whole = bool(known) and len(known) == len(self.values)
        object.__setattr__(self, "worst", max(known) if whole else None)
        object.__setattr__(self, "median", median(known) if whole else None)
        object.__setattr__(self, "interval", median_interval(known) if whole else None)

    @property
    def passed(self) -> bool | None:
        """Whether the bar is met; ``None`` where there is none, or too few seeds for one of a median."""
        if self.too_few and self.missing == 0:
            return None
        if self.bar.equals is not None:
            if self.interval is None:
                return False
            low, high = self.interval
            return low - self.bar.within <= self.bar.equals <= high + self.bar.within
        if self.bar.most is None:
            return None
        value = self.median if self.bar.by == "median" else self.worst
        return value is not None and value <= self.bar.most

    @property
    def too_few(self) -> bool:
        """It is a bar of a median, and there are too few seeds to tell."""
        return (self.bar.by == "median" or self.bar.equals is not None) and len(self.values) < ENOUGH_FOR_A_MEDIAN

    @property
    def missing(self) -> int:
        """Runs that had no such number."""
        return sum(value is None for value in self.values)


def perform(row: Row, seed: int, progress: Progress | None = None) -> Run:
    """Run a row with one seed, and what it is held against with the same one."""
    share_of_one = 1.0 if row.baseline is None else 0.5

    def part(done: float) -> Progress | None:
        return None if progress is None else lambda share: progress(done + share * share_of_one)

    outcome = simulate(row.scenario, seed, part(0.0))
    return Run(outcome, None if row.baseline is None else simulate(row.baseline, seed, part(0.5)))


def judge(row: Row, runs: Sequence[Run]) -> list[Verdict]:
    """Hold all bars of a row against its runs, one run a seed."""
    if not runs:
        raise ValueError("no run, no verdict")
    return [Verdict(bar, tuple(bar.measure(run) for run in runs)) for bar in row.bars]


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Between which two of the values the median of what they are drawn from lies, whatever its distribution.

    Each value is above the median with probability 1/2, so ranks follow from the binomial distribution alone: of 20 the
    4th and the 17th. Fewer than eight cannot give 99 %: then it is the least and the greatest.
    """
    ordered = sorted(values)
    count = len(ordered)
    tail, rank = 0.0, 0
    while rank < (count - 1) // 2:
        tail += math.comb(count, rank) / 2**count
        if 2 * tail > 1 - confidence:
            break
        rank += 1
    lowest = max(rank - 1, 0)
    return ordered[lowest], ordered[count - 1 - lowest]


_DIGITS = {"µs": 1, "ms": 2, "s": 1, "x": 2, "ppm": 1}


def figure(bar: Bar, value: float | None) -> str:
    """A value of a bar as it is printed; a dash for one that there is not."""
    if value is None:
        return "-"
    # A share has four digits; half of a count comes from a median of two.
    share = bar.unit == "" and abs(value) < 1 and value != int(value)
    digits = 4 if share else _DIGITS.get(bar.unit, int(value != int(value)))
    return f"{value:.{digits}f}" + (f" {bar.unit}" if bar.unit else "")
