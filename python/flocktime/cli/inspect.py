"""``flocktime inspect VALUE``: any textual form of a timestamp, decoded for people. Of a file see ``flocktime.cli.page``."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flocktime.cli import page
from flocktime.clock import InvalidTimestamp, Timestamp

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

DESCRIPTION = """\
Decode a timestamp from any of its textual forms: the fixed-width text, the same in double quotes (JSON), 32 hexadecimal
digits, a UUID with hyphens, a decimal number, 0x..., or the repr that Python prints. 32 decimal digits are read as
hexadecimal, since a number of that length lies in the years 1970 to 1972; --as int reads them as a number. Of the path of a
host page, everything in it: whose it is, up to where timestamps are leased, and what its clocks follow."""

#: No form is longer; what is longer is not even tried.
LONGEST: Final = 200

_UUID: Final = re.compile(r"(?:urn:uuid:)?\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?", re.ASCII | re.IGNORECASE)
_NUMBER: Final = re.compile(r"0x[0-9a-f]+|0o[0-7]+|0b[01]+|[0-9]+", re.ASCII | re.IGNORECASE)
_REPR: Final = re.compile(
    r"(?:flocktime\.)?Timestamp\(physical_us=(\d{1,20})(?:, logical=(\d{1,20}))?"
    r"(?:, node=(0x[0-9a-f]{1,20}|\d{1,20}))?(?:, epoch=(\d{1,20}))?\)",
    re.ASCII,
)

_SECOND: Final = 1_000_000
_UNITS: Final = (
    ("y", 31_557_600 * _SECOND),
    ("d", 86_400 * _SECOND),
    ("h", 3_600 * _SECOND),
    ("min", 60 * _SECOND),
    ("s", _SECOND),
    ("ms", 1_000),
    ("us", 1),
)


class NoTimestamp(Exception):
    """A value that is no timestamp in any form; ``reasons`` has one line for each form that was tried."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(slots=True)
class Reading:
    """What a value was read as."""

    stamp: Timestamp
    form: str
    notes: list[str] = field(default_factory=list)


def register(subparsers: Any) -> None:
    """Add the command to the parser of ``flocktime``."""
    parser = subparsers.add_parser("inspect", help="decode a timestamp, or a host page", description=DESCRIPTION)
    parser.add_argument("value", metavar="VALUE", help="a timestamp in any textual form, or the path of a host page")
    parser.add_argument("--as", dest="form", choices=sorted(_DECODERS), help="read it as this form and no other")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, now_us: int | None = None) -> int:
    """Decode and print. Returns the exit code: 2 for a value that is no timestamp, 1 for a page that is damaged."""
    if options.form is None and page.looks_like_a_path(options.value):
        return page.run(options.value, as_json=options.json)
    try:
        reading = read(options.value, options.form)
    except NoTimestamp as refusal:
        print(f"flocktime inspect: no timestamp: {options.value[:80]!a}", file=sys.stderr)
        for reason in refusal.reasons:
            print(f"  {reason}", file=sys.stderr)
        if options.form is None:
            print("  page: there is no such file", file=sys.stderr)
        return 2
    described = describe(reading, time.time_ns() // 1000 if now_us is None else now_us)
    print(json.dumps(described, indent=2) if options.json else in_words(described))
    return 0


def read(value: str, form: str | None = None) -> Reading:
    """Decode a value, as the first form that fits or as the one that is asked for.

    Raises:
        NoTimestamp: none fits.
    """
    text = value.strip()
    if len(text) > LONGEST:
        raise NoTimestamp([f"{len(text)} characters are more than any form has"])
    reasons = []
    for name in _DECODERS if form is None else (form,):
        try:
            reading = Reading(_DECODERS[name](text), name)
        except InvalidTimestamp as refusal:
            where = "" if refusal.position is None else f" (position {refusal.position})"
            reasons.append(f"{name}: {refusal.reason}{where}")
        except ValueError as refusal:
            reasons.append(f"{name}: {refusal}")
        else:
            _add_notes(reading, text)
            return reading
    raise NoTimestamp(reasons)


def _add_notes(reading: Reading, text: str) -> None:
    if reading.form == "hex" and text.isdigit():
        other = Timestamp.from_int(int(text))
        reading.notes.append(f"read as a decimal number (--as int) it would be {other}")
    if reading.form == "hex" and text != text.lower():
        reading.notes.append("the library itself takes lower-case digits only")
    if reading.form == "int" and reading.stamp.physical_us == 0 and reading.stamp.epoch == 0:
        for unit, scale in (("microseconds", 1), ("milliseconds", 1_000), ("seconds", _SECOND)):
            meant = reading.stamp.to_int() * scale
            if 10**15 <= meant <= Timestamp.MAX.physical_us:  # between 2001 and 2112
                when = Timestamp(meant).to_datetime()
                reading.notes.append(f"a number this small is no recent timestamp; as {unit} since 1970 it is {when}")


# The forms, in the order in which they are tried: hex before int settles 32 decimal digits.


def _from_hex(text: str) -> Timestamp:
    return Timestamp.from_hex(text.lower())


def _from_int(text: str) -> Timestamp:
    if not _NUMBER.fullmatch(text):
        raise ValueError("must be decimal digits, or digits after 0x, 0o or 0b")
    return Timestamp.from_int(int(text, 10 if text.isdigit() else 0))  # int("007", 0) is an error


def _from_uuid(text: str) -> Timestamp:
    from uuid import UUID

    if not _UUID.fullmatch(text):
        raise ValueError("must be 8-4-4-4-12 hexadecimal digits")
    return Timestamp.from_uuid(UUID(text))


def _from_repr(text: str) -> Timestamp:
    match = _REPR.fullmatch(text)
    if match is None:
        raise ValueError("must be Timestamp(physical_us=..., logical=..., node=..., epoch=...)")
    physical_us, logical, node, epoch = (
        int(part or "0", 16 if (part or "").startswith("0x") else 10) for part in match.groups()
    )
    return Timestamp(physical_us, logical, node=node, epoch=epoch)


_DECODERS: Final[dict[str, Callable[[str], Timestamp]]] = {
    "str": Timestamp.from_str,
    "json": Timestamp.from_json,
    "hex": _from_hex,
    "uuid": _from_uuid,
    "int": _from_int,
    "repr": _from_repr,
}


# What is said about it.


def describe(reading: Reading, now_us: int) -> dict[str, Any]:
    """Everything there is to say, ready for JSON. Numbers that JavaScript would bend are text."""
    stamp = reading.stamp
    notes = list(reading.notes)
    try:
        as_uuid = str(stamp.to_uuid())
    except InvalidTimestamp as refusal:
        as_uuid = None
        notes.append(f"there is no UUID of it: {refusal.reason}")
    return {
        "read_as": reading.form,
        "utc": f"{stamp.to_datetime():%Y-%m-%dT%H:%M:%S.%fZ}",
        "epoch": stamp.epoch,
        "physical_us": stamp.physical_us,
        "logical": stamp.logical,
        "node": f"{stamp.node:012x}",
        "from_now_us": stamp.physical_us - now_us,
        "forms": {
            "str": stamp.to_str(),
            "json": stamp.to_json(),
            "hex": stamp.to_hex(),
            "int": str(stamp.to_int()),
            "uuid": as_uuid,
            "repr": repr(stamp),
        },
        "notes": notes,
    }


def in_words(described: dict[str, Any]) -> str:
    """The same for people, one thing a line."""
    node = described["node"]
    rows = [
        ("UTC time", f"{described['utc']}, {_distance(described['from_now_us'])}"),
        ("epoch", described["epoch"]),
        ("physical", f"{described['physical_us']} us since 1970"),
        ("logical", described["logical"]),
        ("node", f"{node} ({int(node, 16)})"),
        ("read as", described["read_as"]),
    ]
    rows += [(form, text) for form, text in described["forms"].items() if text is not None]
    rows += [("note", note) for note in described["notes"]]
    return "\n".join(f"{name:<9} {value}" for name, value in rows)


def _distance(us: int) -> str:
    """How far from now, in the two largest units that count."""
    left = abs(us)
    parts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
        if len(parts) == 2 or (parts and not count):
            break
    if not parts:
        return "now"
    return f"{' '.join(parts)} {'from now' if us > 0 else 'ago'}"
