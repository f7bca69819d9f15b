"""The outcome in a person's terminal, and the same as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flocktime import __version__
from flocktime.cli.demo.plan import RUNAWAY_YEAR
from flocktime.cli.demo.words import counted, lasting, wrongness
from flocktime.clock import BACKEND

if TYPE_CHECKING:
    from flocktime.cli.demo.flocking import FlockJudgement
    from flocktime.cli.demo.plan import Plan
    from flocktime.cli.demo.verdict import Judgement, ServiceResult
    from flocktime.cli.judgement import Verdict

#: Where nobody says how wide the output is, tables need this much.
PIPED_WIDTH = 120
#: Of a member's states, the latest so many are shown.
MOST_STATES = 6


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
    out.print(Text(network_line(plan)))
    out.print(_services_table(judgement))
    if judgement.flock is not None:
        out.print(_flock_table(plan, judgement.flock))
    out.print(_refused_table(judgement))
    out.print(_distance_table(judgement))
    out.print()
    for line in verdict_lines(judgement):
        out.print(Text(line))
    for failure in judgement.failures:
        out.print(Text(f"FAILED: {failure}", "bold red"))
    if not judgement.failures:
        out.print(Text("flocktime contradicted causality nowhere.", "bold green"))


def network_line(plan: Plan) -> str:
    """What lies between the members."""
    network = plan.network
    return (
        f"network of the flock: {network.delay_ms:g} ms +- {network.jitter_ms:g} ms each way, "
        f"{network.asymmetry_ms:g} ms asymmetry, {network.loss:.1%} lost; a round every {plan.round_s:.2g} s"
    )


def verdict_lines(judgement: Judgement) -> list[str]:
    """The verdict in sentences, shared with the report."""
    wall, stamps, refused = judgement.wall, judgement.stamps, judgement.wall_of_refused
    lines = [
        f"by wall clock: {_share(wall)} effects sorted before their causes (worst {lasting(wall.largest_us)}); "
        f"by flocktime: {_share(stamps)}",
        f"within the services, event after event: {_share(judgement.wall_within)} by wall clock, "
        f"{_share(judgement.stamps_within)} by flocktime",
        f"judged apart: {counted(stamps.exempt, 'message')} refused by drift policy, answered and not adopted "
        f"({refused.inverted:,} backwards by wall clock, worst {lasting(refused.largest_us)})",
        f"event logs: {sum(service.lines for service in judgement.services):,} lines through event buffers, none lost; "
        f"at most {max(service.lines_waiting for service in judgement.services):,} waited for the disk",
    ]
    return [*lines, *([] if judgement.flock is None else _flock_lines(judgement.plan, judgement.flock))]


def _flock_lines(plan: Plan, flock: FlockJudgement) -> list[str]:
    runaway = plan.of_role("runaway")
    lines = [
        f"true skew: {_time(flock.first_skew_us)} at first, all synchronised after {flock.joined_s:.1f} s; then of all pairs "
        f"50 % within {_time(flock.p50_us)}, 99 % within {_time(flock.p99_us)} (wall clocks: {_time(flock.wall_us)})"
    ]
    if runaway is not None and flock.timeline.jumped_ns:
        named = flock.naming(runaway)
        who = f"by {len(named)} of {len(plan.services) - 1}" if named else "by nobody yet"
        when = f", the first after {min(named.values()):.1f} s" if named else ""
        lines.append(f"{runaway}, whose clock jumped to {RUNAWAY_YEAR}, was called wrong {who}{when}")
    timeline = flock.timeline
    if plan.restarted is not None and timeline.back_ns:
        away_s = (timeline.back_ns - timeline.stopped_ns) / 1e9
        lines.append(f"{plan.restarted} was stopped, and was synchronised again {away_s:.1f} s later")
    return lines


def _time(us: float | None) -> str:
    return "-" if us is None else lasting(round(us))


def _share(verdict: Verdict) -> str:
    return f"{verdict.inverted:,} of {verdict.judged:,}"


def _services_table(judgement: Judgement) -> Table:
    table = _table("Services", ("service", "wall clock"), ("rate, ppm", "events", "refused", "was refused"), ())
    for service in judgement.services:
        style = "" if service.plan.role == "honest" else "yellow"
        table.add_row(
            Text(service.plan.name, style),
            Text(wrongness(service.plan), style),
            f"{service.plan.ppm:+.1f}",
            f"{service.events:,}",
            _tally(sum(service.refused.values())),
            _tally(sum(service.refused_by.values())),
        )
    return table


def _tally(count: int) -> Text:
    return Text(f"{count:,}", "dim" if count == 0 else "")


def _flock_table(plan: Plan, flock: FlockJudgement) -> Table:
    table = _table(
        "The flock", ("service", "how it stood, one after the other", "called wrong by"), (), ("wall clock",)
    )
    for member, service in zip(flock.members, plan.services, strict=True):
        table.add_row(
            Text(member.name, "" if service.role == "honest" else "yellow"),
            Text(" > ".join(member.states[-MOST_STATES:])),
            Text(", ".join(member.named_by) or "nobody", "yellow" if member.named_by else "dim"),
            Text("is off, it says itself", "yellow") if member.suspects_itself else Text("", "dim"),
        )
    return table


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
        "network": {**asdict(plan.network), "round_s": plan.round_s},
        "flock": None if judgement.flock is None else _flock(plan, judgement.flock),
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
        "nodes": [f"{node:012x}" for node in service.nodes],
        "events": service.events,
        "refused": dict(service.refused),
        "refused_by": dict(service.refused_by),
        "suspects": list(service.suspects),
        "largest_wall_us": service.largest_wall_us,
        "largest_stamp_us": service.largest_stamp_us,
        "headers": service.headers,
        "log_lines": service.lines,
        "log_lines_waiting": service.lines_waiting,
    }


def _flock(plan: Plan, flock: FlockJudgement) -> dict[str, Any]:
    timeline = flock.timeline
    return {
        "first_skew_us": flock.first_skew_us,
        "joined_s": flock.joined_s,
        "skew_us": {"p50": flock.p50_us, "p99": flock.p99_us, "largest": flock.largest_us, "allowed": flock.allowed_us},
        "wall_skew_us": flock.wall_us,
        "restarted": plan.restarted,
        "away_s": (timeline.back_ns - timeline.stopped_ns) / 1e9 if timeline.back_ns else None,
        "members": [
            {
                "name": member.name,
                "states": member.states,
                "named_by_after_s": member.named_by,
                "suspects_itself": member.suspects_itself,
            }
            for member in flock.members
        ],
        "moments": [
            {
                "true_s": (moment.true_ns - (timeline.together_ns or flock.moments[0].true_ns)) / 1e9,
                "skew_us": moment.skew_us,
                "synchronised": len(moment.together),
            }
            for moment in flock.moments
        ],
    }
