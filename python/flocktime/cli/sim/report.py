"""What ``flocktime sim`` says: verdicts and runs, as plain data for programs and as text for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flocktime.simulation import figure
from flocktime.simulation.judging import ENOUGH_FOR_A_MEDIAN
from flocktime.simulation.measures import JOINED, SAFETY

if TYPE_CHECKING:
    from rich.console import Console

    from flocktime.simulation import Bar, Outcome, Row, Run, Verdict

MOST_NAMED = 5
#: What every scenario is held against is not told with each.
_EVERYWHERE = {bar.what for bar in (*SAFETY, JOINED)}


def row_data(row: Row) -> dict[str, Any]:
    """A scenario with its bars."""
    return {
        "name": row.name,
        "group": row.group,
        "description": row.description,
        "needs_latencies": row.needs_latencies,
        "large": row.large,
        "scenario": dict(row.scenario),
        "bars": [_bar_data(bar) for bar in row.bars],
    }


def _bar_data(bar: Bar) -> dict[str, Any]:
    return {"what": bar.what, "unit": bar.unit, "most": bar.most, "by": bar.by, "equals": bar.equals}


def as_data(row: Row, runs: Sequence[Run], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Everything that is known."""
    return {
        **row_data(row),
        "passed": all(verdict.passed is not False for verdict in verdicts),  # of those that were judged
        "too_few_seeds": any(_waits(verdict) for verdict in verdicts),
        "bars": [
            {
                **_bar_data(verdict.bar),
                "values": list(verdict.values),
                "worst": verdict.worst,
                "median": verdict.median,
                "interval": verdict.interval,
                "passed": verdict.passed,
                "too_few_seeds": _waits(verdict),
            }
            for verdict in verdicts
        ],
        "runs": [run.outcome.as_dict() for run in runs],
    }


def print_json(data: object) -> None:
    """One document, on one line."""
    json.dump(data, sys.stdout, allow_nan=False)
    print()


def print_list(console: Console, rows: Iterable[Row]) -> None:
    """The catalogue as a table."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("scenario", "members", "seconds", "what it is", "bars"):
        table.add_column(title, justify="right" if title in ("members", "seconds") else "left")
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            table.add_section()
            table.add_row(f"[bold]{group}[/bold]")
        remark = ""
        if row.needs_latencies:
            remark = " (needs --latencies)"
        if row.large:
            remark = " (takes minutes)"
        table.add_row(
            row.name,
            str(row.scenario["nodes"]),
            f"{row.scenario['seconds']:g}",
            f"{row.description}{remark}",
            "; ".join(f"{bar.what} {bar.limit}" for bar in row.bars if bar.limit and bar.what not in _EVERYWHERE),
        )
    console.print(table)
    console.print(
        "Everywhere: no clock and no stamp goes back, no stamp is beyond the drift limit, no datagram over 256 bytes."
    )


def print_report(
    console: Console, row: Row, runs: Sequence[Run], verdicts: Sequence[Verdict], *, changed: bool
) -> None:
    """A few lines a run, and the bars."""

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    say(f"{row.name}: {row.description}")
    for run in runs:
        for line in lines(run.outcome, alone="synchronous" in row.scenario):
            say(line)
    console.print(_table(verdicts))
    if changed:
        say("The bars were set for the scenario as it is listed; here it is another one.")
    missed = [verdict.bar.what for verdict in verdicts if verdict.passed is False]
    if missed:
        say(f"MISSED: {', '.join(missed)}")
    else:
        say("passed, as far as so few seeds can tell" if any(map(_waits, verdicts)) else "passed")


def lines(outcome: Outcome, *, alone: bool = False) -> list[str]:
    """One run in words; of the step alone there is little to tell."""
    summary, totals = outcome.summary, outcome.totals
    title = f"seed {outcome.seed}: {outcome.nodes} members, {outcome.seconds:g} s, trace {outcome.trace}"
    if alone:
        return [title]
    late = "nobody is in step"
    if summary.skew_max_ns is not None:
        late = f"{_us(summary.skew_max_ns)} worst, {_us(summary.skew_median_ns)} median"
    return [
        title,
        f"  skew in the last quarter: {late}",
        f"  all within 1 ms: {_s(summary.below_1ms_s)}; within 100 µs: {_s(summary.below_100us_s)}",
        f"  backward ticks: {totals.backward_ticks}; jumps once in step: {totals.jumps_joined}",
        f"  named as wrong: {_named(outcome)}",
    ]


def _named(outcome: Outcome) -> str:
    said = [f"member {one.member} ({one.standing}) by up to {one.accusers_most}" for one in outcome.named]
    for member in outcome.members:
        if member.suspects_itself:
            said.append(f"member {member.member} by itself")
        elif member.state == "undecided" and member.apart_from:
            said.append(
                f"member {member.member} cannot tell, and is apart from {', '.join(map(str, member.apart_from))}"
            )
    more = f", and {len(said) - MOST_NAMED} more" if len(said) > MOST_NAMED else ""
    return "; ".join(said[:MOST_NAMED]) + more if said else "nobody"


def _us(value_ns: int | None) -> str:
    return "-" if value_ns is None else f"{value_ns / 1e3:.1f} µs"


def _s(value: float | None) -> str:
    return "never" if value is None else f"after {value:g} s"


def _table(verdicts: Sequence[Verdict]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "worst", "median", "bar", ""):
        table.add_column(title, justify="right" if title in ("worst", "median") else "left")
    for verdict in verdicts:
        table.add_row(
            verdict.bar.what,
            figure(verdict.bar, verdict.worst),
            figure(verdict.bar, verdict.median),
            verdict.bar.limit,
            _word(verdict),
        )
    return table


def _word(verdict: Verdict) -> str:
    if verdict.passed is None:
        return f"needs {ENOUGH_FOR_A_MEDIAN} seeds" if _waits(verdict) else ""
    return "[green]passed[/green]" if verdict.passed else "[bold red]MISSED[/bold red]"


def _waits(verdict: Verdict) -> bool:
    """There is a bar, and there are too few seeds to judge it."""
    return verdict.passed is None and verdict.too_few
