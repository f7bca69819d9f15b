"""Conversions: each with its inverse, each against the vectors, each strict."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flocktime import ClockError, InvalidTimestamp, Timestamp
from tests.support import MAX_PHYSICAL, NOW_US, decode, stamp, vectors

VALUES = vectors("timestamps.json")
INVALID = vectors("invalid.json")


@pytest.fixture(params=VALUES, ids=[row["name"] for row in VALUES])
def row(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One row of ``timestamps.json``."""
    return dict(request.param)


def _of(row: dict[str, Any]) -> Timestamp:
    return stamp(int(row["physical_us"]), int(row["logical"]), int(row["node"]), int(row["epoch"]))


def test_every_form_is_as_specified(row: dict[str, Any]) -> None:
    """Each form of a value is exactly what the vectors say, by method and by Python's own protocol."""
    ts = _of(row)
    assert ts.to_int() == int(ts) == int(row["int"])
    assert ts.to_bytes() == bytes(ts) == bytes.fromhex(row["bytes"])
    assert ts.to_hex() == row["hex"]
    assert ts.to_str() == str(ts) == f"{ts}" == row["str"]
    assert ts.to_json() == row["json"] == json.dumps(str(ts))
    assert ts.to_datetime() == datetime.fromisoformat(row["datetime"])
    if row["uuid"] is not None:
        assert str(ts.to_uuid()) == row["uuid"]


def test_every_form_leads_back(row: dict[str, Any]) -> None:
    """Each decoder gives back the value; a datetime needs the three other fields beside it."""
    ts = _of(row)
    assert Timestamp.from_int(int(row["int"])) == ts
    assert Timestamp.from_bytes(bytes.fromhex(row["bytes"])) == ts
    assert Timestamp.from_bytes(bytearray.fromhex(row["bytes"])) == ts
    assert Timestamp.from_hex(row["hex"]) == ts
    assert Timestamp.from_str(row["str"]) == ts
    assert Timestamp.from_json(row["json"]) == ts
    moment = datetime.fromisoformat(row["datetime"])
    assert Timestamp.from_datetime(moment, ts.logical, node=ts.node, epoch=ts.epoch) == ts
    if row["uuid"] is not None:
        assert Timestamp.from_uuid(uuid.UUID(row["uuid"])) == ts


def test_the_hash_is_as_specified(row: dict[str, Any]) -> None:
    """The hash is part of what both backends agree on, the value that Python reserves included."""
    assert hash(_of(row)) == int(row["hash"])


@pytest.mark.parametrize("bad", INVALID, ids=[row["name"] for row in INVALID])
def test_every_bad_form_is_refused(bad: dict[str, Any]) -> None:
    """Each bad input raises ``InvalidTimestamp`` that says which form, what is wrong and where."""
    with pytest.raises(InvalidTimestamp) as caught:
        decode(bad["decoder"], bad["input"])
    error = caught.value
    position = None if bad["position"] is None else int(bad["position"])
    assert (error.form, error.reason, error.position) == (bad["form"], bad["reason"], position)
    place = "" if position is None else f" at position {position}"
    assert str(error).startswith(f"not a timestamp ({bad['form']}): {bad['reason']}{place}, got ")
    assert len(str(error)) < 600
    assert str(error).isascii(), "what came from outside must not reach a log raw"
    assert isinstance(error, ClockError)
    assert isinstance(error, ValueError)


def test_the_bad_inputs_are_many_and_named() -> None:
    """There are at least sixty of them, over every decoder, no two of one name."""
    assert len({row["name"] for row in INVALID}) == len(INVALID) >= 60
    decoders = {name for name in dir(Timestamp) if name.startswith("from_")} | {"new", "to_uuid"}
    assert {row["decoder"] for row in INVALID} == decoders


@pytest.mark.parametrize(
    ("decoder", "argument", "wanted"),
    [
        ("from_bytes", "data", "bytes"),
        ("from_hex", "text", "a str"),
        ("from_str", "text", "a str"),
        ("from_json", "text", "a str"),
        ("from_uuid", "value", "a UUID"),
        ("from_datetime", "moment", "a datetime"),
        ("from_int", "value", "an int"),
    ],
)
@pytest.mark.parametrize("value", [None, 1.5, ["a"], object(), memoryview(b"0" * 16)])
def test_another_type_is_a_type_error(decoder: str, argument: str, wanted: str, value: Any) -> None:
    """What is of the wrong type altogether is named by its type; nothing is converted on the way."""
    with pytest.raises(TypeError, match=rf"^{argument} must be {wanted}, not {type(value).__name__}$"):
        getattr(Timestamp, decoder)(value)


def test_text_and_bytes_do_not_mix() -> None:
    """A text decoder takes no bytes and the other way round, nor does any take its neighbour's form."""
    ts = stamp(NOW_US)
    for decoder in (Timestamp.from_hex, Timestamp.from_str, Timestamp.from_json):
        with pytest.raises(TypeError):
            decoder(ts.to_bytes())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Timestamp.from_bytes(ts.to_hex())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Timestamp.from_uuid(str(ts.to_uuid()))  # type: ignore[arg-type]
    with pytest.raises(InvalidTimestamp):
        Timestamp.from_str(ts.to_hex())
    with pytest.raises(InvalidTimestamp):
        Timestamp.from_hex(ts.to_str())


@pytest.mark.parametrize("length", [32, 51, 53, 1])
def test_lone_surrogates_are_refused(length: int) -> None:
    """A string that is no valid Unicode, as undecodable bytes leave it, is as malformed as any other."""
    for decoder in (Timestamp.from_hex, Timestamp.from_str, Timestamp.from_json):
        with pytest.raises(InvalidTimestamp) as caught:
            decoder("\udc80" * length)
        assert str(caught.value).isascii()


def test_a_datetime_of_any_zone_names_the_same_instant() -> None:
    """Zones are converted exactly; daylight saving and its repeated hour included."""
    moment = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)
    expected = Timestamp.from_datetime(moment)
    for hours in (-12, -3.5, 0, 5.75, 14):
        assert Timestamp.from_datetime(moment.astimezone(timezone(timedelta(hours=hours)))) == expected
    first = datetime(2026, 10, 25, 2, 30, fold=0, tzinfo=ZoneInfo("Europe/Berlin"))
    again = first.replace(fold=1)
    assert Timestamp.from_datetime(again) - Timestamp.from_datetime(first) == timedelta(hours=1)


def test_a_datetime_with_a_zone_that_does_not_know_is_naive() -> None:
    """A ``tzinfo`` whose offset is ``None`` names no instant either."""

    class Nowhere(tzinfo):
        def utcoffset(self, moment: datetime | None) -> None:
            return None

        def dst(self, moment: datetime | None) -> None:
            return None

        def tzname(self, moment: datetime | None) -> None:
            return None

    with pytest.raises(InvalidTimestamp, match="must be aware"):
        Timestamp.from_datetime(datetime(2026, 1, 1, tzinfo=Nowhere()))


def test_a_datetime_is_exact_to_the_microsecond() -> None:
    """No float is involved: every microsecond of a second, and the last one of all, comes back."""
    for physical_us in (*range(NOW_US, NOW_US + 1_000_000, 9_973), MAX_PHYSICAL - 1, MAX_PHYSICAL):
        moment = stamp(physical_us).to_datetime()
        assert moment.tzinfo is UTC
        assert Timestamp.from_datetime(moment).physical_us == physical_us


def test_a_uuid_is_a_valid_uuid7() -> None:
    """Version and variant are those of RFC 9562, and the first 48 bits are milliseconds as everybody reads them."""
    for row in VALUES:
        if row["uuid"] is None:
            continue
        value = _of(row).to_uuid()
        assert type(value) is uuid.UUID
        assert (value.version, value.variant) == (7, uuid.RFC_4122)
        assert value.int >> 80 == int(row["physical_us"]) // 1000
