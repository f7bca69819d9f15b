"""``flocktime replay``: what is no log is refused, with its line and a reason that names the offender."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from flocktime.cli.replay import reading
from flocktime.cli.replay.engine import replay
from flocktime.cli.replay.layouts import compiled
from flocktime.cli.replay.recording import Limits, Malformed

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

SPAN: dict[str, Any] = {"traceId": "1", "id": "2", "timestamp": 5}


def span(**fields: Any) -> str:
    return json.dumps([SPAN | fields])


def pairs(*events: str) -> str:
    return "".join(f"{event}\nx\n" for event in events)


#: name: (text, line, what the reason must say)
CASES: dict[str, tuple[str, int | None, str]] = {
    # Neither format.
    "empty": ("", None, "the file is empty"),
    "blank": (" \n\n", None, "the file is empty"),
    "prose": ("Dear reader,\nthere is no clock here.\n", 1, "neither Zipkin JSON nor a vector clock"),
    "one object": ('{"traceId": "1"}', 1, "a JSON object, where Zipkin has a list"),
    "open brackets": ("[" * 50, 1, "neither Zipkin JSON nor a vector clock"),
    # The lines of a log.
    "cut after a clock": (pairs('a {"a":1}') + 'a {"a":2}\n', 3, "ends in the middle of an event"),
    "cut after a text": ('x\na {"a":1}\ny\n', 3, "ends in the middle of an event"),
    "text of two lines": (pairs('a {"a":1}') + "more\n" + pairs('a {"a":2}'), 3, "expected a line 'host {clock}'"),
    "text is missing": (pairs('a {"a":1}') + 'a {"a":2}\na {"a":3}\nx\ny\n', 4, "expected the text of an event"),
    "text runs into its clock": ('x\na {"a":1}\ny9b {"b":1}\nz\na {"a":2}\n', 3, "'y9b' lacks its own entry"),
    "several executions": (r"(?<host>h) (?<clock>c)\n(?<event>e)" "\n^==\n" + pairs('a {"a":1}'), 2, "executions"),
    "no host": ('{"a":1} x', 1, "a JSON object, where Zipkin has a list"),
    "no host, later": ('a {"a":1} x\n{"a":2} y\n', 2, "no host before the vector clock"),
    # A clock by itself.
    "bad JSON": (pairs('a {"a":1,}'), 1, "the vector clock is no JSON object"),
    "bad JSON in one line": ('a {"a":1} x\na {"a" 2} y\n', 2, "the vector clock is no JSON object"),
    "host twice": (pairs('a {"a":1, "a":2}'), 1, "'a' stands in one object twice"),
    "no own entry": (pairs('a {"a":1}', 'b {"a":1}'), 3, "an event of 'b' lacks its own entry: its clock names 'a'"),
    "empty clock": (pairs('a {"a":1}', "b {}"), 3, "its clock names nobody"),
    "negative": (pairs('a {"a":1, "b":-1}'), 1, "the clock's entry for 'b' is negative: -1"),
    "fraction": (pairs('a {"a":1.5}'), 1, "the clock's entry for 'a' is no whole number: 1.5"),
    "truth": (pairs('a {"a":true}'), 1, "the clock's entry for 'a' is no whole number: true"),
    "text for a number": (pairs('a {"a":"1"}'), 1, "the clock's entry for 'a' is no whole number: '1'"),
    "not a number": (pairs('a {"a":NaN}'), 1, "the clock's entry for 'a' is no whole number: NaN"),
    "thousands of digits": (pairs(f'a {{"a":{"9" * 5000}}}'), 1, "the vector clock is no JSON object"),
    "own entry of zero": (pairs('a {"a":0}'), 1, "has 0 as its own entry"),
    # The clocks together.
    "event twice": (pairs('a {"a":1}', 'a {"a":1}'), 3, "event 1 of 'a' stands in the log twice: also on line 1"),
    "gap": (pairs('a {"a":1}', 'a {"a":3}'), 3, "event 3 of 'a' follows event 1: event 2 is missing"),
    "does not begin at 1": (pairs('a {"a":2}'), 1, "event 1 is missing"),
    "far gap": (pairs('a {"a":1}', f'a {{"a":{10**18}}}'), 3, "event 2 is missing"),
    "unknown host": (pairs('a {"a":1, "b":1}'), 1, "event 1 of 'b', the log holds 0 of its events"),
    "unknown event": (pairs('a {"a":1, "b":9}', 'b {"b":1}'), 1, "event 9 of 'b', the log holds 1 of its events"),
    "forgets": (pairs('b {"b":1}', 'b {"b":2}', 'a {"a":1, "b":2}', 'a {"a":2, "b":1}'), 7, "previous event knew 2"),
    "forgets a host": (pairs('b {"b":1}', 'a {"a":1, "b":1}', 'a {"a":2}'), 5, "knows nothing of 'b'"),
    "not merged": (pairs('c {"c":1}', 'b {"b":1, "c":1}', 'a {"a":1, "b":1}'), 5, "which knew event 1 of 'c'"),
    "circle": (pairs('a {"a":1, "b":1}', 'b {"b":1, "a":1}'), 1, "the causal order is a circle"),
    # Times.
    "month 13": ('[2026-13-01 00:00:00] x\na {"a":1}\n', 2, "no such date or time: '2026-13-01 00:00:00'"),
    "hour 13 pm": ('1/1/2026 13:00:00 PM x\na {"a":1}\n', 2, "no such date or time"),
    "before 1970": ('[1969-12-31 23:59:59] x\na {"a":1}\n', 2, "time out of what a timestamp can carry"),
    "after 2112": ('[2113-01-01 00:00:00] x\na {"a":1}\n', 2, "time out of what a timestamp can carry"),
    "eleven digits": (pairs('12345678901 a {"a":1}'), 1, "must have 10, 13, 16 or 19"),
    # Zipkin: the JSON.
    "cut JSON": ('[\n{"traceId": "1",', 2, "no JSON: "),
    "open list": ("[\n" + json.dumps(SPAN) + "\n", 3, "',' or ']' expected, found the end of the file"),
    "two lists": (span() + "\n[]", 2, "something follows the end of the JSON"),
    "trailing comma": (span()[:-1] + ",\n]", 2, "no JSON: Expecting value"),
    "no comma": ("[" + json.dumps(SPAN) + "\n" + json.dumps(SPAN) + "]", 2, "',' or ']' expected, found '{"),
    "no span": ("[]", 1, "no span in it"),
    "no span in a trace": ("[[],[]]", 1, "no span in it"),
    "list of lists of lists": ("[[" + span() + "]]", 1, "a span must be a JSON object, not a list"),
    "a number for a span": ("[" + json.dumps(SPAN) + ",\n7]", 2, "a span must be a JSON object, not 7"),
    "deep": ('[{"a":' + "[" * 100_000, 1, "JSON"),
    "name twice": ('[{"id": "1", "id": "2"}]', 1, "'id' stands in one object twice"),
    # Zipkin: the spans.
    "Zipkin v1": (span(binaryAnnotations=[]), 1, "a span of Zipkin v1"),
    "Zipkin v1 annotation": (span(annotations=[{"timestamp": 1, "value": "cs", "endpoint": {}}]), 1, "Zipkin v1"),
    "no trace": ('[{"id": "1"}]', 1, "a span without traceId"),
    "no id": ('[{"traceId": "1"}]', 1, "a span without id"),
    "id is no hex": (span(id="xyz"), 1, "id must be 1 to 16 hexadecimal digits, not 'xyz'"),
    "id too long": (span(id="1" * 17), 1, "id must be 1 to 16 hexadecimal digits"),
    "id is a number": (span(id=2), 1, "id must be a string, not 2"),
    "unknown kind": (span(kind="SENDER"), 1, "kind must be one of CLIENT, CONSUMER, PRODUCER, SERVER, not 'SENDER'"),
    "timestamp in text": (span(timestamp="5"), 1, "timestamp must be a whole number of microseconds, not '5'"),
    "timestamp in floats": (span(timestamp=5.5), 1, "timestamp must be a whole number of microseconds, not 5.5"),
    "negative timestamp": (span(timestamp=-5), 1, "timestamp must lie in 0..="),
    "timestamp in nanoseconds": (span(timestamp=1_700_000_000_000_000_000), 1, "timestamp must lie in 0..="),
    "negative duration": (span(duration=-1), 1, "duration must lie in 0..="),
    "ends after 2112": (span(timestamp=4_400_000_000_000_000, duration=200_000_000_000_000), 1, "timestamp + duration"),
    "endpoint": (span(localEndpoint="a"), 1, "localEndpoint must be an object, not 'a'"),
    "service": (span(localEndpoint={"serviceName": 7}), 1, "serviceName must be a string, not 7"),
    "annotations": (span(annotations={}), 1, "annotations must be a list, not an object"),
    "annotation": (span(annotations=["x"]), 1, "an annotation must be an object, not 'x'"),
    "annotation without a time": (span(annotations=[{"value": "x"}]), 1, "an annotation without a timestamp"),
    "tags": (span(tags=[]), 1, "tags must be an object, not a list"),
    "own parent": (span(parentId="2"), 1, "is its own parent"),
    "nothing happened": (span(timestamp=0), 1, "no span in it says when it happened"),
    "parents in a circle": (
        json.dumps([SPAN | {"id": "2", "parentId": "3"}, SPAN | {"id": "3", "parentId": "2"}], indent=0),
        2,
        "the causal order is a circle",
    ),
    "parents in a circle without times": (
        "[\n" + ",\n".join(
            json.dumps(row)
            for row in (SPAN | {"id": "1", "parentId": "2"}, {"traceId": "1", "id": "2", "parentId": "3"},
                        {"traceId": "1", "id": "3", "parentId": "2"})
        ) + "]",
        2,
        "descends from itself",
    ),
}  # fmt: skip


def judged(text: str) -> None:
    replay(reading.parse(text, Limits()))


@pytest.mark.parametrize("name", CASES)
def test_malformed(name: str) -> None:
    """Each of these is refused with its line and a reason that names what is wrong."""
    text, line, reason = CASES[name]
    with pytest.raises(Malformed) as refusal:
        judged(text)
    assert reason in refusal.value.reason
    assert refusal.value.line == line
    assert refusal.value.reason.isprintable()
    assert len(refusal.value.reason) < 400


@pytest.mark.parametrize(
    ("pattern", "text", "reason"),
    [
        (r"(?<host>q?)(?<event>e)(?<clock>.*)", "e{}", "the pattern's group 'host' matched nothing"),
        (r"(?<host>h) (?<clock>c)?(?<event>e)", "h e", "the vector clock is no JSON object"),
        (r"(?<host>h) (?<clock>c) (?<event>e)", "nothing of the kind", "no event found"),
        (r"(?<time>t) (?<host>h) (?<clock>.*) (?<event>e)", 't h {"h":1} e', "no time that can be read in 't'"),
        (r"(?<host>h) (?<clock>.*) (?<event>e)", "h [1] e", "the vector clock is no JSON object but a list"),
    ],
)
def test_malformed_by_pattern(pattern: str, text: str, reason: str) -> None:
    """What a user's pattern takes out of a log is checked like everything else."""
    with pytest.raises(Malformed, match=reason.replace("[", r"\[")):
        reading.parse(text, Limits(), compiled(pattern))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A file that is not UTF-8 is refused with the line and the offset of the byte; a byte order mark is fine."""
    path = tmp_path / "log"
    path.write_bytes(b'a {"a":1}\nx\xff\n')
    with pytest.raises(Malformed, match="byte 0xff at offset 11") as refusal:
        reading.read(path, Limits())
    assert refusal.value.line == 2
    path.write_bytes(b'\xef\xbb\xbfa {"a":1}\nx\n')
    assert reading.read(path, Limits()).events[0].process == "a"


@pytest.mark.parametrize("text", [pairs(*(f'a {{"a":{k}}}' for k in range(1, 9))), span(duration=1, annotations=[
    {"timestamp": k, "value": "x"} for k in range(1, 7)])])  # fmt: skip
def test_limits(text: str, tmp_path: Path) -> None:
    """A log of 8 events passes a limit of 8 and not one of 7; a file of n bytes passes n and not n - 1."""
    assert len(reading.parse(text, Limits(most_events=8)).events) == 8
    with pytest.raises(Malformed, match="more than 7 events"):
        reading.parse(text, Limits(most_events=7))
    path = tmp_path / "log"
    path.write_text(text)
    assert len(reading.read(path, Limits(most_bytes=len(text))).events) == 8
    with pytest.raises(Malformed, match="larger than"):
        reading.read(path, Limits(most_bytes=len(text) - 1))


def test_a_limit_beyond_memory(tmp_path: Path) -> None:
    """A limit that no memory could hold does no harm: what is read is the file."""
    path = tmp_path / "log"
    path.write_text(pairs('a {"a":1}'))
    assert len(reading.read(path, Limits(most_bytes=1 << 60)).events) == 1


def test_too_many_clock_entries() -> None:
    """Clocks of 6 entries together pass a limit of 6; with a limit of 5 the number and the line are named."""
    text = pairs('a {"a":1}', 'b {"b":1, "a":1}', 'c {"c":1, "b":1, "a":1}')
    assert len(reading.parse(text, Limits(most_clock_entries=6)).events) == 3
    with pytest.raises(Malformed, match="more than 5 entries in its vector clocks") as refusal:
        reading.parse(text, Limits(most_clock_entries=5))
    assert refusal.value.line == 5


def test_unreadable_files(tmp_path: Path) -> None:
    """A file that is missing, or a folder, is refused with what the system says."""
    with pytest.raises(Malformed, match="No such file"):
        reading.read(tmp_path / "missing", Limits())
    with pytest.raises(Malformed, match="directory"):
        reading.read(tmp_path, Limits())


def test_too_many_processes() -> None:
    """A log in which every event has a host of its own is stopped at 4,096 of them, in both formats."""
    hosts = [f"h{number}" for number in range(4097)]
    with pytest.raises(Malformed, match="more than 4096 hosts"):
        judged(pairs(*(f'{host} {{"{host}":1}}' for host in hosts)))
    spans = [SPAN | {"id": f"{at:x}", "localEndpoint": {"serviceName": host}} for at, host in enumerate(hosts, 1)]
    with pytest.raises(Malformed, match="more than 4096 processes"):
        judged(json.dumps(spans))


def test_damaged_logs_are_refused_or_judged(rng: Random, campaign: bool) -> None:
    """Whatever is cut from, doubled in or thrown into a good log: it is refused as malformed, or judged soundly."""
    good = [
        pairs('a {"a":1}', 'b {"b":1, "a":1}', 'c {"c":1, "a":1, "b":1}', 'a {"a":2, "c":1, "b":1}'),
        '2026-01-01 00:00:00.5 x\na {"a":1}\n2026-01-01 00:00:00.4 y\nb {"a":1, "b":1}\n',
        '[10/13/2014 04:23:20.113] [u/a] {"a" : 1} x\n[10/13/2014 04:23:20.113] [u/b] {"a" : 1, "b" : 1} y\n',
        json.dumps(
            [SPAN | {"kind": "CLIENT", "duration": 9}, SPAN | {"kind": "SERVER", "shared": True, "duration": 3,
             "localEndpoint": {"serviceName": "b", "ipv4": "::1"}, "annotations": [{"timestamp": 7, "value": "z"}]},
             SPAN | {"id": "3", "parentId": "2", "tags": {"error": "x"}}], indent=1
        ),
    ]  # fmt: skip
    refused = 0
    for _ in range(100_000 if campaign else 4_000):
        text = rng.choice(good)
        for _ in range(rng.randint(1, 3)):
            at, length = rng.randrange(len(text) + 1), rng.choice((1, 1, 2, 8))
            thrown = rng.choice(("", "", text[at : at + length] * 2, rng.choice('{}[]":,0129- \n\r\t\x00é\ud800')))
            text = text[:at] + thrown + text[at + length :]
        try:
            outcome = replay(reading.parse(text, Limits()))
        except Malformed:
            refused += 1
        else:
            assert outcome.contradictions == 0, text
    assert refused > 0
