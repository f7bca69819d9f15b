"""Zipkin v2 JSON: the spans as the file states them, each checked, each with the line that it starts on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from flocktime.cli.replay.json_list import described, elements
from flocktime.cli.replay.recording import LAST_US, Limits, Malformed, TooLarge

KINDS: Final = frozenset({"CLIENT", "SERVER", "PRODUCER", "CONSUMER"})

_HEX: Final = re.compile(r"[0-9a-fA-F]+", re.ASCII)
_STATUS: Final = re.compile(r"[1-5]\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """One report about one operation. Two halves of one call may share an id.

    Attributes:
        start_us: when it started; ``None`` in a report that only adds to another one.
        end_us: when it ended; ``None`` where the file does not say.
        answered: false if the span tells of an error that left it without an answer.
    """

    line: int
    trace: str
    id: str
    parent: str | None
    kind: str | None
    name: str
    service: str
    address: str
    start_us: int | None
    end_us: int | None
    annotations: tuple[tuple[int, str], ...]
    answered: bool


def looks_like(text: str) -> bool:
    """Whether a text begins like a list of JSON objects, or of lists of them (a log line may begin with ``[`` too)."""
    return re.match(r"\s*(?:\[\s*){1,3}(?:\{|\]|\Z)", text) is not None


def read(text: str, limits: Limits) -> list[Span]:
    """Every span: from a list of spans, or a list of traces, each a list of spans.

    Raises:
        Malformed: no JSON, or a span that is none.
    """
    found: list[Span] = []
    events = 0
    for line, value in elements(text):
        span = _span(value, line)
        events += (span.start_us is not None) + (span.end_us is not None) + len(span.annotations)
        if events > limits.most_events:
            raise TooLarge(f"more than {limits.most_events} events (see --max-events)", line)
        found.append(span)
    if not found:
        raise Malformed("no span in it", 1)
    return found


# A span's fields.


def _span(value: Any, line: int) -> Span:
    if not isinstance(value, dict):
        raise Malformed(f"a span must be a JSON object, not {described(value)}", line)
    if "binaryAnnotations" in value:
        raise Malformed("a span of Zipkin v1 (binaryAnnotations): only v2 is read", line)
    kind = _text(value, "kind", line)
    if kind is not None and kind not in KINDS:
        raise Malformed(f"kind must be one of {', '.join(sorted(KINDS))}, not {described(kind)}", line)
    identity, parent = _id(value, "id", 16, line), _id(value, "parentId", 16, line, optional=True)
    if parent == identity:
        raise Malformed(f"span {identity} is its own parent", line)
    start_us = _microseconds(value, "timestamp", line) or None  # Zipkin writes 0 for "unknown", too
    duration = _microseconds(value, "duration", line) or None
    end_us = None if start_us is None or duration is None else start_us + duration
    if end_us is not None and end_us > LAST_US:
        raise Malformed(f"timestamp + duration lie beyond what a timestamp can carry: {end_us}", line)
    service, address = _endpoint(value, line)
    return Span(
        line=line,
        trace=_id(value, "traceId", 32, line) or "",
        id=identity or "",
        parent=parent,
        kind=kind,
        name=_text(value, "name", line) or "(unnamed)",
        service=service,
        address=address,
        start_us=start_us,
        end_us=end_us,
        annotations=_annotations(value, line),
        answered=_answered(value, line),
    )


def _text(value: dict[str, Any], field: str, line: int) -> str | None:
    text = value.get(field)
    if text is not None and not isinstance(text, str):
        raise Malformed(f"{field} must be a string, not {described(text)}", line)
    return text


def _id(value: dict[str, Any], field: str, most: int, line: int, *, optional: bool = False) -> str | None:
    text = _text(value, field, line)
    if text is None:
        if optional:
            return None
        raise Malformed(f"a span without {field}", line)
    if len(text) > most or not _HEX.fullmatch(text):
        raise Malformed(f"{field} must be 1 to {most} hexadecimal digits, not {described(text)}", line)
    return text.lower().rjust(16, "0")


def _microseconds(value: dict[str, Any], field: str, line: int) -> int | None:
    number = value.get(field)
    if number is None:
        return None
    if type(number) is not int:
        raise Malformed(f"{field} must be a whole number of microseconds, not {described(number)}", line)
    if not 0 <= number <= LAST_US:
        raise Malformed(f"{field} must lie in 0..={LAST_US} microseconds, not {described(number)}", line)
    return number


def _endpoint(value: dict[str, Any], line: int) -> tuple[str, str]:
    endpoint = value.get("localEndpoint")
    if endpoint is None:
        return "", ""
    if not isinstance(endpoint, dict):
        raise Malformed(f"localEndpoint must be an object, not {described(endpoint)}", line)
    address = _text(endpoint, "ipv4", line) or _text(endpoint, "ipv6", line) or ""
    return _text(endpoint, "serviceName", line) or "", address


def _annotations(value: dict[str, Any], line: int) -> tuple[tuple[int, str], ...]:
    annotations = value.get("annotations")
    if annotations is None:
        return ()
    if not isinstance(annotations, list):
        raise Malformed(f"annotations must be a list, not {described(annotations)}", line)
    made = []
    for annotation in annotations:
        if not isinstance(annotation, dict):
            raise Malformed(f"an annotation must be an object, not {described(annotation)}", line)
        if "endpoint" in annotation:
            raise Malformed("a span of Zipkin v1 (an annotation with an endpoint): only v2 is read", line)
        at_us = _microseconds(annotation, "timestamp", line)
        if at_us is None:
            raise Malformed("an annotation without a timestamp", line)
        made.append((at_us, _text(annotation, "value", line) or "(empty)"))
    return tuple(made)


def _answered(value: dict[str, Any], line: int) -> bool:
    """An error that is an HTTP status is an answer all the same; any other may be a timeout or a lost connection."""
    tags = value.get("tags")
    if tags is None:
        return True
    if not isinstance(tags, dict):
        raise Malformed(f"tags must be an object, not {described(tags)}", line)
    error, status = tags.get("error"), tags.get("http.status_code")
    return error is None or any(isinstance(tag, str) and _STATUS.fullmatch(tag) for tag in (error, status))
