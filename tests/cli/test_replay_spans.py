"""``flocktime replay``: which events of a Zipkin trace happened before which, and which the trace leaves open."""

from __future__ import annotations

import json
from typing import Any

from flocktime.cli.replay import reading
from flocktime.cli.replay.engine import replay
from flocktime.cli.replay.recording import Limits, Recording

Row = dict[str, Any]


def row(
    name: str, identity: str, service: str, start: int | None = None, duration: int | None = None, **more: Any
) -> Row:
    made: Row = {"traceId": "f", "id": identity, "name": name, "localEndpoint": {"serviceName": service}}
    if start is not None:
        made["timestamp"] = start
    if duration is not None:
        made["duration"] = duration
    return made | more


def parse(*rows: Row) -> Recording:
    return reading.parse(json.dumps(rows), Limits())


def edges(recording: Recording) -> set[tuple[str, str, str]]:
    """Cause, effect and reason of every edge but those from the start of a span to its own end."""
    labels = [event.label for event in recording.events]
    return {
        (labels[link.cause], labels[link.effect], link.why.value)
        for link in recording.links
        if link.why.value != "duration"
    }


CLIENT = row("call", "1", "a", 100, 50, kind="CLIENT")
SERVER = row("call", "1", "b", 40, 30, kind="SERVER", shared=True)
REQUEST = ("call: sends request", "call: receives request", "request")
RESPONSE = ("call: sends response", "call: receives response", "response")


def test_the_halves_of_a_call() -> None:
    """A client and a server under one id: the request goes out first, and the response comes back last."""
    recording = parse(SERVER, CLIENT)
    assert edges(recording) == {REQUEST, RESPONSE}
    assert sum(link.carried for link in recording.links) == 2
    assert [(event.label, event.wall_us) for event in recording.events] == [
        ("call: receives request", 40),
        ("call: sends response", 70),
        ("call: sends request", 100),
        ("call: receives response", 150),
    ]


def test_a_start_and_an_end_of_one_span() -> None:
    """A span ends after it starts; one without a duration has no end."""
    assert [(link.cause, link.effect, link.carried) for link in parse(row("x", "1", "a", 5, 7)).links] == [
        (0, 1, False)
    ]
    assert len(parse(row("x", "1", "a", 5)).events) == 1
    assert len(parse(row("x", "1", "a", 5, 0)).events) == 1


def test_a_client_without_an_answer_waits_for_none() -> None:
    """A client that failed may have ended before its server did; an error that is an HTTP status is an answer."""
    assert edges(parse(CLIENT | {"tags": {"error": "timeout"}}, SERVER)) == {REQUEST}
    assert edges(parse(CLIENT | {"tags": {"error": ""}}, SERVER)) == {REQUEST}
    assert edges(parse(CLIENT | {"tags": {"error": "404"}}, SERVER)) == {REQUEST, RESPONSE}
    assert edges(parse(CLIENT | {"tags": {"error": "bad", "http.status_code": "500"}}, SERVER)) == {REQUEST, RESPONSE}
    assert edges(parse(CLIENT, SERVER | {"tags": {"error": "oops"}})) == {REQUEST, RESPONSE}


def test_one_report_without_an_answer_speaks_for_all_that_repeat_it() -> None:
    """A client reported twice, once with a timeout, is one client without an answer, whichever report comes first."""
    failed = CLIENT | {"tags": {"error": "timeout"}}
    late = SERVER | {"timestamp": 200}
    for reports in ([CLIENT, failed], [failed, CLIENT], [CLIENT, failed, CLIENT]):
        recording = parse(*reports, late)
        assert edges(recording) == {REQUEST}
        assert replay(recording).before.inverted == 0
        assert recording.notes == [f"{len(reports) - 1} report(s) that repeat another passed over"]
    assert replay(parse(CLIENT, CLIENT, late)).before.inverted == 1


def test_one_way_calls_have_no_way_back() -> None:
    """Without the end of either half there is no response to speak of."""
    assert edges(parse({key: CLIENT[key] for key in CLIENT if key != "duration"}, SERVER)) == {REQUEST}
    assert edges(parse(CLIENT, {key: SERVER[key] for key in SERVER if key != "duration"})) == {REQUEST}


def test_several_servers_under_one_id() -> None:
    """A client that tried twice: both requests came from it, but which server answered is not told."""
    again = SERVER | {"timestamp": 90, "localEndpoint": {"serviceName": "c"}}
    recording = parse(CLIENT, SERVER, again)
    assert [link.why.value for link in recording.links].count("request") == 2
    assert [link.why.value for link in recording.links].count("response") == 0


def test_a_server_under_an_id_of_its_own() -> None:
    """Where the halves do not share an id the server is the client's child: the same edges, if it is the only one."""
    child = row("call", "2", "b", 40, 30, kind="SERVER", parentId="1")
    assert edges(parse(CLIENT, child)) == {REQUEST, RESPONSE}
    assert edges(parse(CLIENT, child, child | {"id": "3"})) == {REQUEST}
    assert edges(parse(CLIENT, SERVER, child)) == {REQUEST}


def test_messages_go_one_way() -> None:
    """A consumer starts after its producer did. When either ends says nothing."""
    sent = row("m", "1", "a", 100, 1000, kind="PRODUCER")
    received = row("m", "2", "b", 90, 5, kind="CONSUMER", parentId="1")
    assert edges(parse(sent, received)) == {("m: sends message", "m: receives message", "message")}


def test_a_child_starts_after_its_parent_and_may_outlive_it() -> None:
    """The start of a parent precedes the start of its child. No edge joins their ends, nor siblings."""
    parent, first, second = row("p", "1", "a", 10, 5), row("c", "2", "a", 12, 90), row("d", "3", "a", 50, 1)
    recording = parse(parent, first | {"parentId": "1"}, second | {"parentId": "1"})
    assert edges(recording) == {("p: starts", "c: starts", "parent span"), ("p: starts", "d: starts", "parent span")}
    assert not any(link.carried for link in recording.links)


def test_spans_of_one_service_are_concurrent() -> None:
    """Two spans of one service that are no ancestors of each other are not ordered, whatever their times say."""
    assert edges(parse(row("x", "1", "a", 10, 1), row("y", "2", "a", 20, 1))) == set()


def test_a_child_belongs_to_the_half_that_runs_where_it_does() -> None:
    """Under a shared id, what runs with the server follows the server half, what runs with the client its half."""
    at_server = row("c", "2", "b", 45, 1, parentId="1")
    at_client = row("d", "3", "a", 110, 1, kind="CLIENT", parentId="1")
    assert edges(parse(CLIENT, SERVER, at_server, at_client)) == {
        REQUEST,
        RESPONSE,
        ("call: receives request", "c: starts", "parent span"),
        ("call: sends request", "d: sends request", "parent span"),
    }


def test_a_child_from_elsewhere_follows_the_client_half() -> None:
    """Where the place does not tell, the edge is drawn from the client half: whichever is meant, it started later."""
    assert edges(parse(CLIENT, SERVER, row("c", "2", "x", 45, parentId="1"))) == {
        REQUEST,
        RESPONSE,
        ("call: sends request", "c: starts", "parent span"),
    }
    incoming = row("c", "2", "b", 45, kind="SERVER", parentId="1")  # its caller's half is not in the file
    assert ("call: sends request", "c: receives request", "request") in edges(parse(CLIENT, SERVER, incoming))


def test_a_child_of_one_of_several_receivers() -> None:
    """Of five receivers under one id, the child follows the one in its own process, and no other."""
    receivers = [row("r", "1", f"s{at}", 100 + at, kind="SERVER", shared=True, parentId="9") for at in range(5)]
    child = row("work", "2", "s1", 90, parentId="1")
    recording = parse(*receivers, child)
    assert [(link.cause, link.effect) for link in recording.links] == [(1, 5)]


def test_a_parent_that_is_not_evident() -> None:
    """Several spans under the parent's id and no client half: no edge, and a note that says so."""
    servers = [row("r", "1", service, 100, kind="SERVER", shared=True) for service in ("s", "t")]
    recording = parse(*servers, row("work", "2", "u", 90, parentId="1"))
    assert edges(recording) == set()
    (note,) = recording.notes
    assert note == "1 span(s) whose parent id belongs to several spans, none of them evidently meant: no edge"


def test_a_parent_that_is_not_in_the_file() -> None:
    """An orphan has no edge from above, and a note says how many there are."""
    recording = parse(row("x", "2", "a", 5, parentId="1"))
    assert recording.links == []
    assert recording.notes == ["1 span(s) whose parent is not in the file"]


def test_a_span_without_a_start_links_its_children_to_its_parent() -> None:
    """Ancestry goes through a span that does not say when it started."""
    spans = row("top", "1", "a", 5), row("gap", "2", "a", parentId="1"), row("low", "3", "b", 9, parentId="2")
    recording = parse(*spans)
    assert edges(recording) == {("top: starts", "low: starts", "parent span")}
    assert recording.notes == ["1 span(s) without a start: only their annotations are events"]


def test_annotations_are_events_without_edges() -> None:
    """A trace does not oblige an annotation to lie within its span."""
    recording = parse(row("x", "1", "a", 100, 5, annotations=[{"timestamp": 7, "value": "flushed"}]))
    assert [(event.label, event.wall_us) for event in recording.events][2] == ("x: flushed", 7)
    assert [(link.cause, link.effect) for link in recording.links] == [(0, 1)]


def test_what_is_told_twice_happened_once() -> None:
    """A report that was sent again is passed over; one that differs in anything is another one."""
    recording = parse(CLIENT, SERVER, CLIENT)
    assert edges(recording) == {REQUEST, RESPONSE}
    assert recording.notes == ["1 report(s) that repeat another passed over"]
    assert len(parse(CLIENT, CLIENT | {"duration": 51}).events) == 4


def test_ids_of_different_traces_do_not_meet() -> None:
    """The same span id in another trace is another span; capital letters and missing zeros make no difference."""
    assert edges(parse(CLIENT, SERVER | {"traceId": "e"})) == set()
    assert edges(parse(CLIENT, SERVER | {"traceId": "000000000000000F", "id": "0001"})) == {REQUEST, RESPONSE}


def test_a_process_is_a_service_at_an_address() -> None:
    """Instances of a service have clocks of their own; the address is shown where it tells them apart. Ports vary."""
    places = [
        {"serviceName": "a", "ipv4": "10.0.0.1", "port": 1},
        {"serviceName": "a", "ipv4": "10.0.0.1", "port": 2},
        {"serviceName": "a", "ipv6": "::2"},
        {"serviceName": "b", "ipv4": "10.0.0.1"},
        {"ipv4": "10.0.0.3"},
        {},
        None,
    ]
    rows = [row("x", f"{at}", "", at, localEndpoint=place) for at, place in enumerate(places, 1)]
    assert [event.process for event in parse(*rows).events] == [
        "a@10.0.0.1", "a@10.0.0.1", "a@::2", "b", "@10.0.0.3", "(unnamed)", "(unnamed)",
    ]  # fmt: skip


def test_a_list_of_traces_and_the_line_of_each_span() -> None:
    """Spans come in a list or in a list of lists, and each knows the line that it starts on."""
    text = '[\n  [{"traceId": "1",\n "id": "1", "timestamp": 5}],\n\n [{"traceId": "2", "id": "1", "timestamp": 6}]]'
    assert [event.line for event in reading.parse(text, Limits()).events] == [2, 5]
    assert [event.line for event in reading.parse(text.replace("\n", "\r\n"), Limits()).events] == [2, 5]
