"""Rows that have run, as Markdown and as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benches.simulation.work import Result

from flocktime.simulation import Bar, Row, Verdict, figure
from flocktime.simulation.measures import JOINED, SAFETY

_HEAD = "| scenario | | worst | median | bar | |\n|---|---|---:|---:|---|---|"
_QUIET = {bar.what for bar in (*SAFETY, JOINED)}


@dataclass(frozen=True)
class Finished:
    """A row and its runs, one a seed."""

    row: Row
    results: tuple[Result, ...]

    @property
    def verdicts(self) -> list[Verdict]:
        """All bars over all seeds."""
        by_bar = zip(*(result.values for result in self.results), strict=True)
        return [Verdict(bar, values) for bar, values in zip(self.row.bars, by_bar, strict=True)]

    @property
    def missed(self) -> bool:
        """A bar is not met."""
        return any(verdict.passed is False for verdict in self.verdicts)

    @property
    def processor_s(self) -> float:
        """What a seed costs, typically."""
        return median(result.processor_s for result in self.results)

    def as_data(self) -> dict[str, Any]:
        """Every number."""
        return {
            "scenario": self.row.name,
            "seeds": [result.seed for result in self.results],
            "traces": [result.trace for result in self.results],
            "processor_s": [round(result.processor_s, 3) for result in self.results],
            "bars": [
                {
                    "what": verdict.bar.what,
                    "unit": verdict.bar.unit,
                    "bar": verdict.bar.limit,
                    "values": verdict.values,
                    "interval": verdict.interval,
                    "passed": verdict.passed,
                }
                for verdict in self.verdicts
            ],
        }


def markdown(finished: Finished, *, first: bool) -> str:
    """The lines of one row: each bar of its own, and of those that hold everywhere only what was missed."""
    lines = [_HEAD] if first else []
    name = f"**{finished.row.name}** ({finished.processor_s:.1f} s a seed)"
    for verdict in finished.verdicts:
        if verdict.bar.what in _QUIET and verdict.passed:
            continue
        lines.append(
            f"| {name} | {verdict.bar.what} | {figure(verdict.bar, verdict.worst)} | {_median(verdict)} "
            f"| {verdict.bar.limit} | {_word(verdict)} |"
        )
        name = ""
    return "\n".join(lines)


def _median(verdict: Verdict) -> str:
    said = figure(verdict.bar, verdict.median)
    judged_by_it = verdict.bar.by == "median" or verdict.bar.equals is not None
    if verdict.interval is None or not judged_by_it:
        return said
    low, high = (figure(verdict.bar, end) for end in verdict.interval)
    return f"{said} ({low} to {high})"


def _word(verdict: Verdict) -> str:
    if verdict.passed is None:
        return "too few seeds" if verdict.too_few else ""
    if verdict.passed:
        return "passed"
    seeds = [str(seed) for seed, value in enumerate(verdict.values, 1) if _misses(verdict.bar, value)]
    return f"**MISSED** by seeds {', '.join(seeds)}" if seeds else "**MISSED**"


def _misses(bar: Bar, value: float | None) -> bool:
    return bar.equals is None and (value is None or (bar.most is not None and value > bar.most))


def everywhere(finished: Sequence[Finished]) -> str:
    """What holds in every run, once for all of them."""
    lines = ["", "| in every run | runs | greatest | bar | |", "|---|---:|---:|---|---|"]
    for what in dict.fromkeys(bar.what for bar in (*SAFETY, JOINED)):
        verdicts = [verdict for each in finished for verdict in each.verdicts if verdict.bar.what == what]
        if not verdicts:
            continue
        runs = sum(len(verdict.values) for verdict in verdicts)
        greatest = max((verdict.worst for verdict in verdicts if verdict.worst is not None), default=None)
        word = "passed" if all(verdict.passed for verdict in verdicts) else "**MISSED**"
        lines.append(f"| {what} | {runs} | {figure(verdicts[0].bar, greatest)} | {verdicts[0].bar.limit} | {word} |")
    return "\n".join(lines)
