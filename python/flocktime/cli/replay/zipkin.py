"""Zipkin spans as a recording: which events they hold, and in which process each happened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from flocktime.cli.replay import spans
from flocktime.cli.replay.recording import MOST_PROCESSES, Limits, Link, Malformed, Recorded, Recording, Why
from flocktime.cli.replay.span_links import Operation, Operations, links

if TYPE_CHECKING:
    from flocktime.cli.replay.spans import Span

#: What the start and the end of a span are called, by its kind.
_WORDS = {
    "CLIENT": ("sends request", "receives response"),
    "SERVER": ("receives request", "sends response"),
    "PRODUCER": ("sends message", "has sent"),
    "CONSUMER": ("receives message", "has received"),
    None: ("starts", "ends"),
}


def read(text: str, limits: Limits) -> Recording:
    """A file of Zipkin v2 JSON.

    Raises:
        Malformed: it is none, or its spans descend from each other in a circle.
    """
    reports = spans.read(text, limits)
    told = _once(reports)
    names = _process_names(told)
    operations = Operations()
    events: list[Recorded] = []
    within: list[Link] = []
    for span in told:
        process = names[span.service, span.address]
        if span.start_us is not None:
            operations.add(Operation(span, process, len(events), None if span.end_us is None else len(events) + 1))
        else:
            operations.add_fragment(span)
        if span.end_us is not None:
            within.append(Link(len(events), len(events) + 1, Why.DURATION))
        events += _events(span, process)
    if not events:
        raise Malformed("no span in it says when it happened", reports[0].line)
    recording = Recording("Zipkin v2", events, within + links(operations))
    recording.notes += _notes(len(reports) - len(told), sum(span.start_us is None for span in told), operations)
    return recording


def _once(reports: list[Span]) -> list[Span]:
    """The reports without those that repeat another: senders that retry say a thing twice.

    One of them may add that no answer came. Then none did: an error is learned late and is not taken back.
    """
    told: dict[tuple[object, ...], Span] = {}
    for report in reports:
        first = told.setdefault(_said(report), report)
        if first.answered and not report.answered:
            told[_said(report)] = replace(first, answered=False)
    return list(told.values())


def _said(span: Span) -> tuple[object, ...]:
    """What a report says of what happened, whether it was answered aside."""
    return (
        span.trace, span.id, span.parent, span.kind, span.name, span.service, span.address, span.start_us, span.end_us,
        span.annotations,
    )  # fmt: skip


def _process_names(reports: list[Span]) -> dict[tuple[str, str], str]:
    """A process is a service at an address: that is what has a wall clock. Ports vary with the connection.

    The address is part of the name only where a service has several.
    """
    addresses: dict[str, set[str]] = defaultdict(set)
    for span in reports:
        addresses[span.service].add(span.address)
    names = {
        (service, address): f"{service}@{address}" if address and (len(known) > 1 or not service) else service
        for service, known in addresses.items()
        for address in known
    }
    if len(names) > MOST_PROCESSES:
        raise Malformed(f"more than {MOST_PROCESSES} processes")
    return {key: name or "(unnamed)" for key, name in names.items()}


def _events(span: Span, process: str) -> list[Recorded]:
    starts, ends = _WORDS[span.kind]
    times = [(span.start_us, f"{span.name}: {starts}"), (span.end_us, f"{span.name}: {ends}")]
    times += [(at_us, f"{span.name}: {value}") for at_us, value in span.annotations]
    return [Recorded(process, label, at_us, span.line, at_us) for at_us, label in times if at_us is not None]


def _notes(repeated: int, fragments: int, operations: Operations) -> list[str]:
    counts = {
        "report(s) that repeat another passed over": repeated,
        "span(s) without a start: only their annotations are events": fragments,
        "span(s) whose parent is not in the file": operations.orphans,
        "span(s) whose parent id belongs to several spans, none of them evidently meant: no edge": operations.ambiguous,
    }
    return [f"{count} {what}" for what, count in counts.items() if count]
