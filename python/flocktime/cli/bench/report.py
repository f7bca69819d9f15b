"""The results of ``flocktime bench``: as plain data for programs, as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flocktime.cli.bench.forms import TIMED_BY
from flocktime.cli.bench.peers import CLOCK, Found
from flocktime.cli.bench.subjects import FLOCKTIME, OPERATIONS, TIME_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flocktime.cli.bench.timer import Measurement, Spread, Subject

__all__ = ["as_data", "print_tables", "remarks", "spread"]

#: How an operation is written in a program.
SHOWN = {
    "now": "clock.now()",
    "update": "clock.update(ts)",
    "less": "a < b",
    "equal": "a == b",
    "hash": "hash(ts)",
    "to_bytes": "ts.to_bytes()",
    "now_many": "now_many(1000), a stamp",
}


def as_data(
    measured: Measurement, subjects: Sequence[Subject], found: Sequence[Found], machine: dict[str, str | int]
) -> dict[str, Any]:
    """Everything that the tables show, in the same order."""
    ours = {subject.operation: subject for subject in subjects if subject.who == FLOCKTIME}
    ordered = sorted(subjects, key=lambda subject: OPERATIONS.index(subject.operation))
    return {
        "machine": machine,
        "blocks": measured.blocks,
        "loop_ms": round(measured.loop_s * 1e3, 3),
        "timed_by": TIMED_BY,
        "seed": measured.seed,
        "results": [_row(measured, subject, ours.get(subject.operation)) for subject in ordered],
        "peers": [_peer(one) for one in found],
    }


def _row(measured: Measurement, subject: Subject, ours: Subject | None) -> dict[str, Any]:
    over_ours = None if ours is None else spread(measured.ratio(subject, ours))
    return {
        "operation": subject.operation,
        "who": subject.who,
        "ns": spread(measured.ns(subject)),
        "times_time_ns": spread(measured.ratio(subject, TIME_NS)),
        "times_flocktime": over_ours,
        "note": subject.note,
    }


def spread(value: Spread, digits: int = 4) -> dict[str, float]:
    """A median and its quartiles as JSON has them."""
    return {
        "median": round(value.median, digits),
        "lower": round(value.lower, digits),
        "upper": round(value.upper, digits),
    }


def _peer(one: Found) -> dict[str, Any]:
    return {
        "name": one.peer.distribution,
        "kind": one.peer.kind,
        "version": one.version,
        "timed": bool(one.subjects),
        "failure": one.failure,
    }


def print_tables(console: Console, data: dict[str, Any]) -> None:
    """The machine, one section for each operation, and what became of the peers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    machine = Table.grid(padding=(0, 2))
    for name, value in data["machine"].items():
        machine.add_row(name, str(value))
    console.print(machine)
    title = f"{data['blocks']} interleaved blocks: medians, quartiles in brackets"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("call", no_wrap=True)
    for heading in ("ns", "x time_ns", "", "x flocktime"):
        table.add_column(heading, justify="right", no_wrap=True)
    shown: str | None = None
    for row in data["results"]:
        if row["operation"] != shown:
            table.add_section()
            table.add_row(f"[bold]{SHOWN[row['operation']]}[/bold]")
            shown = row["operation"]
        table.add_row(*_cells(row))
    console.print(table)
    for line in remarks(data):
        console.print(line, highlight=False, markup=False)


def _cells(row: dict[str, Any]) -> list[str]:
    ns, to_time_ns, to_ours = row["ns"], row["times_time_ns"], row["times_flocktime"]
    return [
        f"  {row['who']}",
        short(ns["median"]),
        short(to_time_ns["median"]),
        f"[dim]({short(to_time_ns['lower'])}-{short(to_time_ns['upper'])})[/dim]",
        "" if to_ours is None else short(to_ours["median"]),
    ]


def short(value: float) -> str:
    """Three digits that count."""
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def remarks(data: dict[str, Any]) -> list[str]:
    """What a reader must know besides the figures: who is what, who is missing and why."""
    lines = [_peer_remark(peer, data["results"]) for peer in data["peers"]]
    if data["machine"]["backend"] == "pure":
        lines.append("flocktime here is the pure fallback: the compiled core is not in use, so there is no other.")
    return lines


def _peer_remark(peer: dict[str, Any], results: Sequence[dict[str, Any]]) -> str:
    kind = "a clock" if peer["kind"] == CLOCK else "a generator of identifiers, so nothing to update"
    if peer["version"] is None:
        return f"{peer['name']} ({kind}) is not installed, so not compared."
    who = f"{peer['name']} {peer['version']}"
    if peer["failure"] is not None:
        return f"{who} ({kind}) is installed but cannot be timed: {peer['failure']}"
    notes: dict[str, list[str]] = {}
    for row in results:
        if row["who"] == who and row["note"]:
            notes.setdefault(row["note"], []).append(row["operation"])
    told = "; ".join(f"{', '.join(operations)}: {note}" for note, operations in notes.items())
    return f"{who} is {kind}. {told}"
