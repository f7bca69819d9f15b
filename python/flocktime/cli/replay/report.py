"""What a person or a program gets to see of a replay."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Any

from flocktime.cli.replay.engine import Replayed
from flocktime.cli.replay.recording import Malformed, printable
from flocktime.cli.replay.suspect import in_words, milliseconds, suspicion

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

TITLE = "Effects sorted before their causes"
CAPTION = "before: by recorded wall time, or by line where a log has no times; after: by timestamp of flocktime"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Result:
    """One file: either replayed, or refused."""

    path: Path
    outcome: Replayed | Malformed


def messages(replayed: Replayed) -> int:
    """How many messages carried a timestamp."""
    return sum(link.carried for link in replayed.recording.links)


def complaint(result: Result) -> str:
    """``file:line: reason`` of a refused file."""
    assert isinstance(result.outcome, Malformed)
    line = "" if result.outcome.line is None else f":{result.outcome.line}"
    return f"{printable(str(result.path))}{line}: {printable(result.outcome.reason)}"


# For people.


def table(results: list[Result]) -> Table:
    """A row for each file."""
    from rich.table import Table
    from rich.text import Text

    made = Table()
    made.add_column("file", overflow="fold")
    for heading in ("processes", "events", "messages", "before", "largest", "after"):
        made.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        name = Text(printable(result.path.name))
        if isinstance(result.outcome, Malformed):
            made.add_row(name, *[""] * 3, Text("refused", "yellow"))
            continue
        made.add_row(name, *_cells(result.outcome), Text(str(result.outcome.contradictions), _colour(result.outcome)))
    return made


def _cells(replayed: Replayed) -> list[str]:
    recording, before = replayed.recording, replayed.before
    counts = [len(recording.processes), len(recording.events), messages(replayed), before.inverted]
    largest = milliseconds(before.largest_us) if before.inverted else "-"
    return [*map(str, counts), largest if recording.timed else "no times"]


def _colour(replayed: Replayed) -> str:
    return "bold red" if replayed.contradictions else "green"


def remarks(result: Result) -> list[str]:
    """What a row has no room for: the wrong clock, contradictions, and what was passed over."""
    if isinstance(result.outcome, Malformed):
        return []
    replayed = result.outcome
    said = [in_words(suspicion(replayed))]
    if replayed.after.inverted:
        edge = replayed.after.examples[0]
        cause, effect = replayed.recording.events[edge.cause], replayed.recording.events[edge.effect]
        said.append(
            f"CONTRADICTED: {replayed.after.inverted} effects are not stamped after their causes, the first on line "
            f"{effect.line}, caused on line {cause.line}"
        )
    if replayed.repeated:
        said.append(f"CONTRADICTED: {replayed.repeated} timestamps were issued more than once")
    if replayed.strayed:
        said.append(f"CONTRADICTED: {replayed.strayed} timestamps name a time that no clock in their past has shown")
    return [f"{printable(result.path.name)}: {printable(text)}" for text in said + replayed.recording.notes]


# For programs.


def as_json(results: list[Result], exit_code: int) -> str:
    """All of it as one JSON document."""
    replayed = [_result(result.path, result.outcome) for result in results if isinstance(result.outcome, Replayed)]
    refused = [
        {"file": str(result.path), "line": result.outcome.line, "reason": result.outcome.reason}
        for result in results
        if isinstance(result.outcome, Malformed)
    ]
    return json.dumps({"files": replayed, "malformed": refused, "exit_code": exit_code}, indent=2)


def _result(path: Path, replayed: Replayed) -> dict[str, Any]:
    recording = replayed.recording
    found = suspicion(replayed)
    return {
        "file": str(path),
        "format": recording.form,
        "processes": len(recording.processes),
        "events": len(recording.events),
        "messages": messages(replayed),
        "edges": len(recording.links),
        "before": {
            "by": "wall clock" if recording.timed else "file order",
            "judged": replayed.before.judged,
            "inverted": replayed.before.inverted,
            "largest_us": replayed.before.largest_us if recording.timed else None,
            "inverted_by_kind": _by_kind(replayed),
        },
        "after": {
            "judged": replayed.after.judged,
            "inverted": replayed.after.inverted,
            "repeated": replayed.repeated,
            "strayed": replayed.strayed,
            "examples": [_example(replayed, edge.cause, edge.effect) for edge in replayed.after.examples],
        },
        "wrong_clock": {
            "named": [
                {"side": "ahead" if suspect.ahead else "behind"} | _without(asdict(suspect), "ahead")
                for suspect in found.named
            ],
            "inverted_between_processes": found.between,
            "inverted_within_a_process": found.within,
            "in_words": in_words(found),
        },
        "notes": recording.notes,
    }


def _by_kind(replayed: Replayed) -> dict[str, int]:
    def inverted(cause: int | None, effect: int | None) -> bool:
        return cause is not None and effect is not None and effect < cause

    events = replayed.events
    return dict(
        Counter(
            link.why.value
            for link in replayed.recording.links
            if inverted(events[link.cause].wall_us, events[link.effect].wall_us)
        )
    )


def _example(replayed: Replayed, cause: int, effect: int) -> dict[str, Any]:
    return {
        side: {
            "line": replayed.recording.events[position].line,
            "process": replayed.events[position].process,
            "stamp": str(replayed.events[position].stamp),
        }
        for side, position in (("cause", cause), ("effect", effect))
    }


def _without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


def write_merged(results: list[Result], file: IO[str]) -> int:
    """The events of all files in the order of their timestamps, one JSON object a line. Returns how many."""
    merged = [
        (event.stamp, result.path, recorded)
        for result in results
        if isinstance(result.outcome, Replayed)
        for event, recorded in zip(result.outcome.events, result.outcome.recording.events, strict=True)
    ]
    merged.sort(key=lambda row: row[0])
    for stamp, path, recorded in merged:
        row = {
            "stamp": str(stamp),
            "process": recorded.process,
            "label": recorded.label,
            "wall": None if recorded.wall_us is None else _iso(recorded.wall_us),
            "file": str(path),
            "line": recorded.line,
        }
        file.write(json.dumps(row) + "\n")
    return len(merged)


def _iso(wall_us: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=wall_us):%Y-%m-%dT%H:%M:%S.%fZ}"
