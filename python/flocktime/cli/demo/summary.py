"""The outcome in a person's terminal, and the same as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flocktime import __version__
from flocktime.cli.demo.words import counted, lasting, wrongness
from flocktime.clock import BACKEND

if TYPE_CHECKING:
    from flocktime.cli.demo.verdict import Judgement, ServiceResult
    from flocktime.cli.judgement import Verdict

#: Where nobody says how wide the output is, tables need this much.
PIPED_WIDTH = 112


def console() -> Console:
    """Standard output, wide enough for the tables where it is no terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def show(judgement: Judgement, out: Console) -> None:
    """Print everything a person wants to know, the verdict last."""
    plan = judgement.plan
    out.print()
    out.print(Text(f"flocktime demo: {len(plan.services)} services, each with its own wrong clock", "bold"))
    out.print(
        f"seed {plan.seed}, {plan.seconds:g} s, {BACKEND} backend: {counted(judgement.requests, 'request')}, "
        f"{counted(len(judgement.events), 'event')}, {counted(len(judgement.messages), 'message')} between services"
    )
    out.print(_services_table(judgement))
    out.print(_refused_table(judgement))
    out.print(_distance_table(judgement))
    out.print()
    for line in verdict_lines(judgement):
        out.print(Text(line))
    for failure in judgement.failures:
        out.print(Text(f"FAILED: {failure}", "bold red"))
    if not judgement.failures:
        out.print(Text("flocktime contradicted causality nowhere.", "bold green"))


def verdict_lines(judgement: Judgement) -> list[str]:
    """The verdict in sentences, shared with the report."""
    wall, stamps, refused = judgement.wall, judgement.stamps, judgement.wall_of_refused
    return [
        f"by wall clock: {_share(wall)} effects sorted before their causes (worst {lasting(wall.largest_us)}); "
        f"by flocktime: {_share(stamps)}",
        f"within the services, event after event: {_share(judgement.wall_within)} by wall clock, "
        f"{_share(judgement.stamps_within)} by flocktime",
        f"judged apart: {counted(stamps.exempt, 'message')} refused by drift policy, answered and not adopted "
        f"({refused.inverted:,} backwards by wall clock, worst {lasting(refused.largest_us)})",
    ]


def _share(verdict: Verdict) -> str:
    return f"{verdict.inverted:,} of {verdict.judged:,}"


def _services_table(judgement: Judgement) -> Table:
    numbers = ("rate, ppm", "events", "refused", "was refused")
    table = _table("Services", ("service", "wall clock"), numbers, ("suspects itself",))
    for service in judgement.services:
        style = "" if service.plan.role == "honest" else "yellow"
        table.add_row(
            Text(service.plan.name, style),
            Text(wrongness(service.plan), style),
            f"{service.plan.ppm:+.1f}",
            f"{service.events:,}",
            _tally(sum(service.refused.values())),
            _tally(sum(service.refused_by.values())),
            _suspicion(service),
        )
    return table


def _tally(count: int) -> Text:
    return Text(f"{count:,}", "dim" if count == 0 else "")


def _suspicion(service: ServiceResult) -> Text:
    if not service.suspects_self:
        return Text("no", "dim")
    return Text(f"yes, refused {len(service.suspects)}", "yellow")


def _refused_table(judgement: Judgement) -> Table:
    table = _table(
        "Refused, and why", ("sent by", "refused by"), ("messages",), ("because the timestamp was ahead by", "allowed")
    )
    for entry in judgement.refused:
        why = lasting(entry.most_ahead_us) if entry.error == "DriftError" else entry.error
        table.add_row(entry.sender, entry.receiver, f"{entry.count:,}", why, lasting(entry.limit_us))
    return table


def _distance_table(judgement: Judgement) -> Table:
    table = _table("Largest distance from true time", ("services",), ("wall clocks", "flocktime's stamps"), ())
    for label, honest in (("honest", True), ("the two wrong ones", False)):
        table.add_row(label, *(lasting(us) for us in judgement.largest(honest=honest)))
    return table


def _table(title: str, left: tuple[str, ...], right: tuple[str, ...], last: tuple[str, ...]) -> Table:
    table = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for heading in left:
        table.add_column(heading)
    for heading in right:
        table.add_column(heading, justify="right")
    for heading in last:
        table.add_column(heading)
    return table


def as_dict(judgement: Judgement, took_s: float) -> dict[str, Any]:
    """Everything the tables show, for programs. ``docs/demo.md`` explains each field."""
    plan = judgement.plan
    return {
        "flocktime": __version__,
        "backend": BACKEND,
        "seed": plan.seed,
        "seconds": plan.seconds,
        "took_s": round(took_s, 3),
        "requests": judgement.requests,
        "events": len(judgement.events),
        "messages": len(judgement.messages),
        "by_wall_clock": {
            "messages": _numbers(judgement.wall),
            "within_services": _numbers(judgement.wall_within),
            "refused_messages": _numbers(judgement.wall_of_refused),
        },
        "by_flocktime": {"messages": _numbers(judgement.stamps), "within_services": _numbers(judgement.stamps_within)},
        "exempt": judgement.stamps.exempt,
        "contradictions": judgement.contradictions,
        "refused": [
            {
                "sender": entry.sender,
                "receiver": entry.receiver,
                "messages": entry.count,
                "error": entry.error,
                "least_ahead_us": entry.least_ahead_us,
                "most_ahead_us": entry.most_ahead_us,
                "limit_us": entry.limit_us,
            }
            for entry in judgement.refused
        ],
        "largest_distance_us": {
            label: dict(zip(("wall", "stamps"), judgement.largest(honest=honest), strict=True))
            for label, honest in (("honest", True), ("wrong", False))
        },
        "services": [_service(service) for service in judgement.services],
        "failures": judgement.failures,
    }


def _numbers(verdict: Verdict) -> dict[str, int]:
    return {"judged": verdict.judged, "inverted": verdict.inverted, "largest_us": verdict.largest_us}


def _service(service: ServiceResult) -> dict[str, Any]:
    return {
        "name": service.plan.name,
        "role": service.plan.role,
        "offset_us": service.plan.offset_us,
        "ppm": service.plan.ppm,
        "node": f"{service.node:012x}",
        "events": service.events,
        "refused": dict(service.refused),
        "refused_by": dict(service.refused_by),
        "suspects": list(service.suspects),
        "suspects_self": service.suspects_self,
        "largest_wall_us": service.largest_wall_us,
        "largest_stamp_us": service.largest_stamp_us,
        "headers": service.headers,
    }
