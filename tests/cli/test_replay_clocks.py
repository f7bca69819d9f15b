"""``flocktime replay``: logs with vector clocks, in every arrangement that they come in."""

from __future__ import annotations

import pytest

from flocktime.cli.replay import reading
from flocktime.cli.replay.layouts import compiled
from flocktime.cli.replay.recording import Limits, Recording, Why

CLOCK_FIRST = """\
a {"a":1}
sends
b {"b":1, "a":1}
receives
"""

TEXT_FIRST = """\
[2013-05-24 23:28:00,637 store] sends {not a clock}
a {"a":1}
[2013-05-24 23:28:00,600 store] receives
b {"b":1, "a":1}
"""

ONE_LINE = """\
[INFO] [10/13/2014 04:23:20.113] [pool-4] [akka://System/user/a] {"a" : 1} sends Data(1, {x})
[INFO] [10/13/2014 04:23:20.118] [pool-7] [akka://System/user/b] Message was not delivered
[INFO] [10/13/2014 04:23:20.114] [pool-7] [akka://System/user/b] {"a" : 1, "b" : 1} receives
"""


def parse(text: str, pattern: str | None = None) -> Recording:
    return reading.parse(text, Limits(), None if pattern is None else compiled(pattern))


def edges(recording: Recording) -> set[tuple[str, str]]:
    return {(recording.events[link.cause].label, recording.events[link.effect].label) for link in recording.links}


@pytest.mark.parametrize(
    ("text", "layout", "lines"),
    [(CLOCK_FIRST, "clock first", [1, 3]), (TEXT_FIRST, "text first", [2, 4]), (ONE_LINE, "one line", [1, 3])],
)
def test_the_arrangement_is_found_by_content(text: str, layout: str, lines: list[int]) -> None:
    """The three arrangements are told apart, and an event's line is the one that its clock stands on."""
    recording = parse(text)
    assert recording.form == f"vector clocks, {layout}"
    assert [event.line for event in recording.events] == lines
    assert recording.processes == ["a", "b"]
    assert [(link.cause, link.effect, link.why) for link in recording.links] == [(0, 1, Why.CLOCK)]


def test_text_before_between_and_after_blank_lines() -> None:
    """Blank lines, as between the sections of a log, mean nothing in any arrangement."""
    spaced = TEXT_FIRST.replace("\n", "\n\n").replace("\n\n", "\n   \n\n", 1)
    assert edges(parse("\n" + spaced)) == edges(parse(TEXT_FIRST))


@pytest.mark.parametrize("mark", ["\r\n", "\n"])
def test_line_ends(mark: str) -> None:
    """Logs with the line ends of Windows read the same."""
    assert parse(CLOCK_FIRST.replace("\n", mark)) == parse(CLOCK_FIRST)


def test_braces_in_a_text_are_no_clock() -> None:
    """In a log of two lines an event, whatever stands on the text line is text: even a whole clock."""
    text = 'got a {"a":1} and {}\na {"a":1}\nb {"a":9}\na {"a":2}\n'
    assert [event.label for event in parse(text).events] == ['got a {"a":1} and {}', 'b {"a":9}']


def test_a_line_without_a_clock_is_counted() -> None:
    """Lines of a framework between one-line events are passed over, but not silently."""
    recording = parse(ONE_LINE)
    assert recording.notes == ["1 line(s) without a vector clock passed over"]


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ('node-1 {"node-1":1} x', "node-1"),
        ('2026-01-01T00:00:00Z 10.0.0.1:80: {"10.0.0.1:80":1}', "10.0.0.1:80"),
        ('[user/n] {"user/n":1}', "user/n"),
        ('[/user/n] {"n":1}', "n"),
        ('(n) {"n":1} {"m":2}', "n"),
        ('text first, then n {"n":1}', "n"),
    ],
)
def test_the_host_of_a_one_line_event(line: str, host: str) -> None:
    """The host is the word before the clock, out of its brackets, without the path where the clock knows it so."""
    recording = parse(f'{line}\nz {{"z":1}} other\n')
    assert recording.form == "vector clocks, one line"
    assert recording.events[0].process == host


def test_events_of_a_host_may_stand_out_of_order() -> None:
    """A host's own entries order its events, not the lines of the file."""
    recording = parse('a {"a":2}\nsecond\na {"a":1}\nfirst\n')
    assert edges(recording) == {("first", "second")}


def test_every_grown_entry_is_an_edge_and_the_nearest_is_a_message() -> None:
    """What a message brings along counts as happened before, too, but only the sender's own stamp travels."""
    recording = parse('a {"a":1}\na1\nb {"a":1, "b":1}\nb1\nc {"a":1, "b":1, "c":1}\nc1\nc {"a":1,"b":1,"c":2}\nc2\n')
    assert edges(recording) == {("a1", "b1"), ("a1", "c1"), ("b1", "c1"), ("c1", "c2")}
    carried = {(link.cause, link.effect) for link in recording.links if link.carried}
    assert carried == {(0, 1), (1, 2)}


def test_two_messages_in_one_event() -> None:
    """An event that merges two independent hosts has received two messages."""
    recording = parse('a {"a":1}\na1\nb {"b":1}\nb1\nc {"a":1, "b":1, "c":1}\nc1\n')
    assert {(link.cause, link.effect) for link in recording.links if link.carried} == {(0, 2), (1, 2)}


def test_an_entry_of_zero_knows_nothing() -> None:
    """An entry of 0 is no edge, and need not name a host that has events."""
    assert parse('a {"a":1, "b":0, "nobody":0}\nx\nb {"b":1}\ny\n').links == []


def test_the_header_of_shiviz_tells_the_arrangement() -> None:
    """A pattern on the first line is taken as a hint and is not an event; an empty delimiter follows it."""
    header = r"(?<host>\S*) (?<clock>{.*})\n(?<event>.*)"
    assert edges(parse(f"{header}\n\n{CLOCK_FIRST}")) == edges(parse(CLOCK_FIRST))
    header = r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})"
    assert edges(parse(f"{header}\n\n{TEXT_FIRST}")) == edges(parse(TEXT_FIRST))
    header = r"(?<host>\S*) (?<clock>{.*}) (?<event>.*)"
    assert parse(header + '\n\na {"a":1} x\n').form == "vector clocks, one line"


def test_a_pattern_in_a_file_is_never_run() -> None:
    """A pattern that would take for ever if it were run is only looked at."""
    assert len(parse(r"(?<host>(a|a)*)*$ (?<clock>{.*})\n(?<event>(\S+)+x)" + "\n\n" + CLOCK_FIRST).events) == 2


def test_a_pattern_of_ones_own() -> None:
    """With ``--pattern`` any arrangement is read; lines outside of it are counted; a date has its own group."""
    text = 'noise\n1700000000000 | {"a":1} | a | says hello\n1700000000001 | {"a":2} | a | says bye\n'
    recording = parse(text, r"(?<date>\d+) \| (?<clock>\{.*\}) \| (?<host>\S+) \| (?<event>.*)")
    assert recording.form == "vector clocks, pattern"
    assert [(event.process, event.label, event.line) for event in recording.events] == [
        ("a", "says hello", 2),
        ("a", "says bye", 3),
    ]
    assert [event.wall_us for event in recording.events] == [1_700_000_000_000_000, 1_700_000_000_001_000]
    assert recording.notes == ["1 line(s) without a vector clock passed over"]


def test_a_pattern_over_several_lines_counts_lines() -> None:
    """The line of an event is that of its clock, also where a pattern spans lines."""
    recording = parse(CLOCK_FIRST, r"(?P<host>\S*) (?P<clock>{.*})\n(?P<event>.*)")
    assert [event.line for event in recording.events] == [1, 3]
    recording = parse(TEXT_FIRST, r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})")
    assert [event.line for event in recording.events] == [2, 4]


@pytest.mark.parametrize("pattern", ["(", "(?<host>x)", "(?<host>.)(?<clock>.)", "(?<host>.)(?<host>.)"])
def test_a_pattern_that_is_none(pattern: str) -> None:
    """A pattern that does not compile, or lacks a group that is needed, is refused before anything is read."""
    with pytest.raises(ValueError, match=r"regular expression|lacks the named group"):
        compiled(pattern)


@pytest.mark.parametrize(
    ("written", "wall_us"),
    [
        ("2013-05-24 23:28:00,637", 1_369_438_080_637_000),
        ("2013-05-24T23:28:00.637Z", 1_369_438_080_637_000),
        ("2013-05-25T01:28:00.637000999+02:00", 1_369_438_080_637_000),
        ("2013-05-24T18:28:00-0500", 1_369_438_080_000_000),
        ("5/24/2013 11:28:00 PM", 1_369_438_080_000_000),
        ("05/24/2013 23:28:00.1", 1_369_438_080_100_000),
        ("5/24/2013 12:00:00 AM", 1_369_353_600_000_000),
        ("5/24/2013 12:00:00 PM", 1_369_396_800_000_000),
    ],
)
def test_wall_times(written: str, wall_us: int) -> None:
    """The date formats of logs are read to the microsecond; without a zone they are UTC."""
    assert parse(f'[{written}] x\na {{"a":1}}\n').events[0].wall_us == wall_us


@pytest.mark.parametrize(
    "digits", ["1369438080", "1369438080000", "1369438080000000", "1369438080000000000"], ids=["s", "ms", "us", "ns"]
)
def test_wall_times_in_digits(digits: str) -> None:
    """Before the host of a clock line a number is a time, its unit told by its length."""
    assert parse(f'{digits} a {{"a":1}}\nx\n').events[0].wall_us == 1_369_438_080_000_000


def test_a_date_in_a_payload_is_no_clock() -> None:
    """Where fewer than half of the events have a date, the log has no times and is judged by the order of lines."""
    rows = [f'a {{"a":{count}}}\n{"due 2013-05-24 23:28:00" if count == 2 else "works"}\n' for count in range(1, 6)]
    assert not parse("".join(rows)).timed


def test_an_event_without_a_time_in_a_log_with_times() -> None:
    """It has no wall time, the others keep theirs, and the report says how many are not judged by it."""
    recording = parse('2026-01-01 00:00:00 x\na {"a":1}\n2026-01-01 00:00:01 y\na {"a":2}\nz\na {"a":3}\n')
    assert [event.wall_us is None for event in recording.events] == [False, False, True]
    assert recording.notes == ["1 event(s) without a wall time: not judged by it"]
