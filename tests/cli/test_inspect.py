"""``flocktime inspect``: every textual form of a timestamp is recognised, and what is none is refused form by form."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flocktime import Timestamp
from flocktime.cli import inspect

STAMP = Timestamp(1_795_399_074_123_456, 7, node=0x2A, epoch=3)
NOW_US = STAMP.physical_us + 90_000_000

#: Any 128 bits are a timestamp.
STAMPS = st.integers(0, (1 << 128) - 1).map(Timestamp.from_int)


def run(*arguments: str, now_us: int = NOW_US) -> int:
    parser = argparse.ArgumentParser()
    inspect.register(parser.add_subparsers())
    return inspect.run(parser.parse_args(["inspect", *arguments]), now_us)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (str(STAMP), "str"),
        (STAMP.to_json(), "json"),
        (STAMP.to_hex(), "hex"),
        (STAMP.to_hex().upper(), "hex"),
        (str(STAMP.to_int()), "int"),
        (hex(STAMP.to_int()), "int"),
        (hex(STAMP.to_int()).upper(), "int"),
        (bin(STAMP.to_int()), "int"),
        (oct(STAMP.to_int()), "int"),
        (str(STAMP.to_uuid()), "uuid"),
        (str(STAMP.to_uuid()).upper(), "uuid"),
        (f"{{{STAMP.to_uuid()}}}", "uuid"),
        (STAMP.to_uuid().urn, "uuid"),
        (repr(STAMP), "repr"),
        (f"flocktime.{STAMP!r}", "repr"),
        (f"  {STAMP}\n", "str"),
    ],
)
def test_every_form_is_recognised(value: str, form: str) -> None:
    """The form is told by the text itself, and the timestamp comes out whole; space around it does not matter."""
    reading = inspect.read(value)
    assert (reading.stamp, reading.form) == (STAMP, form)


@given(STAMPS)
def test_every_form_that_is_printed_reads_back(stamp: Timestamp) -> None:
    """All forms in the output lead to the same timestamp, asked for by name or found by content."""
    described = inspect.describe(inspect.Reading(stamp, "int"), NOW_US)
    for form, text in described["forms"].items():
        if text is None:
            assert form == "uuid"
            assert stamp.epoch > 15
            continue
        assert inspect.read(text, form).stamp == stamp
        if form != "int" or len(text) != 32:
            assert inspect.read(text).stamp == stamp


def test_thirty_two_decimal_digits() -> None:
    """They are read as hexadecimal, the note shows the other reading, and ``--as int`` takes it."""
    digits = "12345678901234567890123456789012"
    reading = inspect.read(digits)
    assert reading.stamp == Timestamp.from_hex(digits)
    assert reading.notes == [f"read as a decimal number (--as int) it would be {Timestamp.from_int(int(digits))}"]
    assert inspect.read(digits, "int").stamp == Timestamp.from_int(int(digits))


def test_no_recent_number_has_thirty_two_digits() -> None:
    """Why hexadecimal goes first: a decimal number of 32 digits is a time between 1970 and 1972."""
    years = {Timestamp.from_int(number).to_datetime().year for number in (10**31, 10**32 - 1)}
    assert years == {1970, 1972}


def test_a_number_of_microseconds_gets_a_hint() -> None:
    """A plain Unix time is a valid, tiny number; the note says what was probably meant."""
    for number in (1_795_399_074_123_456, 1_795_399_074_123, 1_795_399_074):
        (note,) = inspect.read(str(number)).notes
        assert "since 1970 it is 2026-11-23 01:57:54" in note
    for number in (255, 10**15 - 1, Timestamp.MAX.physical_us + 1):
        assert not any("microseconds" in note for note in inspect.read(str(number)).notes)


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """One thing a line: the time, how long ago, each field, and each form."""
    assert run(STAMP.to_hex()) == 0
    assert capsys.readouterr().out.splitlines() == [
        "UTC time  2026-11-23T01:57:54.123456Z, 1 min 30 s ago",
        "epoch     3",
        "physical  1795399074123456 us since 1970",
        "logical   7",
        "node      00000000002a (42)",
        "read as   hex",
        f"str       {STAMP}",
        f"json      {STAMP.to_json()}",
        f"hex       {STAMP.to_hex()}",
        f"int       {STAMP.to_int()}",
        f"uuid      {STAMP.to_uuid()}",
        f"repr      {STAMP!r}",
    ]


@pytest.mark.parametrize(
    ("now_us", "words"),
    [
        (STAMP.physical_us, "now"),
        (STAMP.physical_us - 1, "1 us from now"),
        (STAMP.physical_us + 1_500, "1 ms 500 us ago"),
        (STAMP.physical_us - 2_000_000, "2 s from now"),
        (STAMP.physical_us + 3_600_000_001, "1 h ago"),
        (STAMP.physical_us - 90_000_000_000, "1 d 1 h from now"),
        (STAMP.physical_us - 800 * 86_400_000_000, "2 y 69 d from now"),
    ],
)
def test_the_distance_from_now(now_us: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The two largest units that count, and the direction."""
    assert run(str(STAMP), now_us=now_us) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"UTC time  2026-11-23T01:57:54.123456Z, {words}"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` prints the same as one object; numbers above 53 bits are text."""
    assert run("--json", str(STAMP)) == 0
    described: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert described == {
        "read_as": "str",
        "utc": "2026-11-23T01:57:54.123456Z",
        "epoch": 3,
        "physical_us": 1_795_399_074_123_456,
        "logical": 7,
        "node": "00000000002a",
        "from_now_us": -90_000_000,
        "forms": {
            "str": str(STAMP),
            "json": STAMP.to_json(),
            "hex": STAMP.to_hex(),
            "int": str(STAMP.to_int()),
            "uuid": str(STAMP.to_uuid()),
            "repr": repr(STAMP),
        },
        "notes": [],
    }


def test_a_timestamp_without_a_uuid(capsys: pytest.CaptureFixture[str]) -> None:
    """An epoch that no UUID can carry leaves that line out, and a note says why."""
    assert run(str(Timestamp(5, epoch=16))) == 0
    out = capsys.readouterr().out
    assert "\nuuid " not in out
    assert "note      there is no UUID of it: epochs above 15 do not fit a UUID" in out


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "str: must be 51 characters long"),
        ("yesterday", "hex: must be 32 characters long"),
        (str(STAMP).replace("T", " "), "str: expected 'T' (position 16)"),
        (str(STAMP).replace("-11-", "-13-"), "str: no such date or time (position 6)"),
        (f'"{str(STAMP)[:-1]}x"', "json: expected a lower-case hexadecimal digit (position 51)"),
        ("g" * 32, "hex: expected a lower-case hexadecimal digit (position 0)"),
        ("f47ac10b-58cc-4372-a567-0e02b2c3d479", "uuid: must be of version 7"),
        ("00000000-0000-7fff-8000-000000000000", "uuid: microseconds must lie in 0..=999"),
        (str(1 << 128), "int: must fit 128 bits"),
        ("-1", "int: must be decimal digits"),
        ("0xfg", "int: must be decimal digits"),
        ("1_000", "int: must be decimal digits"),
        ("٣", "int: must be decimal digits"),
        ("1.5", "int: must be decimal digits"),
        ("Timestamp(physical_us=1, logical=4096)", "repr: logical must lie in 0..=4095"),
        ("Timestamp(1)", "repr: must be Timestamp(physical_us="),
        ("1" * 201, "201 characters are more than any form has"),
    ],
)
def test_what_is_no_timestamp(value: str, reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, nothing on standard output, and one short reason for each form that was tried."""
    assert inspect.run(argparse.Namespace(value=value, form=None, json=False), NOW_US) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert any(line.strip().startswith(reason) for line in err.splitlines()), err
    assert all(len(line) < 120 and line.isprintable() for line in err.splitlines())


def test_a_form_asked_for_is_the_only_one_tried(capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--as`` one reason is given, also for a value that another form would take."""
    assert run("--as", "uuid", str(STAMP)) == 2
    assert capsys.readouterr().err.splitlines()[1:] == ["  uuid: must be 8-4-4-4-12 hexadecimal digits"]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is typed is a timestamp or refused: nothing else is raised. No text of 60 characters is long enough to
    be refused for its length alone, so all six forms have had their say.
    """
    try:
        stamp, reasons = inspect.read(text).stamp, []
    except inspect.NoTimestamp as refusal:
        stamp, reasons = None, refusal.reasons
    assert (stamp is None) == (len(reasons) == 6)


def test_it_needs_no_extra() -> None:
    """The command runs with the standard library alone."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['rich', 'uvicorn', 'httpx', 'matplotlib', 'jinja2']));"
        "from flocktime.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "inspect", "--json", str(STAMP)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epoch"] == 3
