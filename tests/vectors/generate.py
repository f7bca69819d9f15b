"""Write the vectors: ``python -m tests.vectors.generate`` from the top of the repository.

They are checked in and read by the tests of both languages; a test runs this again and compares. ``README.md`` beside
this file says what the rows hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.vectors import arithmetic, invalid_rows, merge_rows, packet_rows
from tests.vectors.arithmetic import HORIZON, MAX_EPOCH, MAX_LOGICAL, MAX_NODE, MAX_PHYSICAL, Fields

HERE = Path(__file__).parent
Row = Mapping[str, str | None]

NAMED: dict[str, Fields] = {
    "the least": (0, 0, 0, 0),
    "the greatest": (MAX_EPOCH, MAX_PHYSICAL, MAX_LOGICAL, MAX_NODE),
    "one node": (0, 0, 0, 1),
    "one counter": (0, 0, 1, 0),
    "one microsecond": (0, 1, 0, 0),
    "one epoch": (1, 0, 0, 0),
    "every node bit": (0, 0, 0, MAX_NODE),
    "every counter bit": (0, 0, MAX_LOGICAL, 0),
    "every physical bit": (0, MAX_PHYSICAL, 0, 0),
    "every epoch bit": (MAX_EPOCH, 0, 0, 0),
    "an ordinary one": (0, 1_795_399_074_123_456, 7, 0x2A),
    "the start of 2026": (0, 1_767_225_600_000_000, 0, 1),
    "a leap day": (0, 1_709_164_800_000_000, 0, 1),
    "the last microsecond of a leap day": (0, 1_709_251_199_999_999, 0, 1),
    "the end of February 2100": (0, 4_107_542_399_999_999, 12, 0xABCDEF),
    "the start of March 2100": (0, 4_107_542_400_000_000, 12, 0xABCDEF),
    "a leap day of 2000": (0, 951_782_400_000_000, 0, 3),
    "the end of 32-bit seconds": (0, 2_147_483_647_999_999, 4095, 0xFFFF),
    "beyond 32-bit seconds": (0, 2_147_483_648_000_000, 0, 0xFFFF),
    "the last usable instant": (0, HORIZON, MAX_LOGICAL, 5),
    "the first instant that no clock takes": (0, HORIZON + 1, 0, 5),
    "microsecond 999": (0, 1_767_225_600_000_999, 0x3FF, 7),
    "microsecond 1000": (0, 1_767_225_600_001_000, 0x400, 7),
    "the highest epoch of a UUID": (15, 1_767_225_600_000_000, 0x155, 0xA5A5A5A5A5A5),
    "an epoch above it": (16, 1_767_225_600_000_000, 0xEAA, 0x5A5A5A5A5A5A),
    "alternating bits": (0xAAAA, 0xAAAAAAAAAAAAA, 0x555, 0x555555555555),
    "the other alternating bits": (0x5555, 0x5555555555555, 0xAAA, 0xAAAAAAAAAAAA),
    "digits in order": (0x0123, 0x456789ABCDEF0, 0x123, 0x456789ABCDEF),
    "a hash of -1, which Python turns into -2": arithmetic.fields_hashing_to_minus_one(),
}


def timestamps() -> list[Row]:
    """One value in all of its forms."""
    return [
        {
            "name": name,
            "epoch": str(fields[0]),
            "physical_us": str(fields[1]),
            "logical": str(fields[2]),
            "node": str(fields[3]),
            "int": str(arithmetic.integer(fields)),
            "hex": arithmetic.hexadecimal(fields),
            "bytes": arithmetic.hexadecimal(fields),
            "str": arithmetic.text(fields),
            "json": f'"{arithmetic.text(fields)}"',
            "datetime": arithmetic.wall(fields[1]),
            "uuid": arithmetic.uuid(fields),
            "hash": str(arithmetic.python_hash(fields)),
        }
        for name, fields in NAMED.items()
    ]


def ordering() -> list[Row]:
    """Strictly ascending: everything above, and neighbours that differ in one field while the lower ones fall."""
    now = 1_767_225_600_000_000
    neighbours: list[Fields] = [
        (0, now, 5, 5), (0, now, 5, 6), (0, now, 6, 0), (0, now + 1, 0, 0), (0, now + 999, 4095, MAX_NODE),
        (0, now + 1000, 0, 0), (1, 0, 0, 0), (1, now, 0, 0), (2, now - 1, 4095, MAX_NODE), (15, 1, 1, 1), (16, 0, 0, 0),
    ]  # fmt: skip
    ascending = sorted({*NAMED.values(), *neighbours})
    return [
        {
            "rank": str(rank),
            "hex": arithmetic.hexadecimal(fields),
            "str": arithmetic.text(fields),
            "json": f'"{arithmetic.text(fields)}"',
            "uuid": arithmetic.uuid(fields),
        }
        for rank, fields in enumerate(ascending)
    ]


def rendered(rows: Iterable[Row]) -> str:
    """A JSON array with one row a line: differences stay readable."""
    lines = ",\n".join(json.dumps(row) for row in rows)
    return f"[\n{lines}\n]\n"


def every_file() -> dict[str, str]:
    """Name and content of each file."""
    return {
        "timestamps.json": rendered(timestamps()),
        "ordering.json": rendered(ordering()),
        "invalid.json": rendered(invalid_rows.rows()),
        "merge.json": rendered(merge_rows.rows()),
        "packets.json": rendered(packet_rows.rows()),
    }


if __name__ == "__main__":
    for name, content in every_file().items():
        (HERE / name).write_text(content, encoding="ascii")
