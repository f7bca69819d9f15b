"""What several test folders share."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from flocktime import Clock, Timestamp

ROOT = Path(__file__).parent.parent
VECTORS = Path(__file__).parent / "vectors"

NOW_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z, where ``manual_source`` starts
MAX_EPOCH, MAX_PHYSICAL = Timestamp.MAX.epoch, Timestamp.MAX.physical_us
MAX_LOGICAL, MAX_NODE = Timestamp.MAX.logical, Timestamp.MAX.node
HORIZON_US = MAX_PHYSICAL - 86_400_000_000
MAX_BATCH = 65_536

#: What a refusal may move in ``stats()``. Everything else of a clock stays as it was.
REFUSAL_COUNTERS = frozenset({"refused_drift", "refused_epoch", "refused_collision", "suspects", "suspect_self"})


def vectors(name: str) -> list[dict[str, Any]]:
    """The rows of one file."""
    rows: list[dict[str, Any]] = json.loads((VECTORS / name).read_text(encoding="ascii"))
    return rows


def stamp(physical_us: int, logical: int = 0, node: int = 0, epoch: int = 0) -> Timestamp:
    """A timestamp without keywords: tests write many."""
    return Timestamp(physical_us, logical, node=node, epoch=epoch)


def snapshot(clock: Clock) -> tuple[object, ...]:
    """All that is to be seen of a clock, but for what a refusal counts."""
    counters = {name: value for name, value in clock.stats().as_dict().items() if name not in REFUSAL_COUNTERS}
    last = clock.last
    return (None if last is None else last.to_bytes(), clock.node, clock.epoch, clock.name, counters)


def environment(**changes: str) -> dict[str, str]:
    """The environment for an interpreter of its own that finds what this one finds."""
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in [*sys.path, str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, **changes}


def decode(decoder: str, given: str, timestamp: type[Timestamp] = Timestamp) -> object:
    """What a row of ``invalid.json`` asks for."""
    if decoder == "new":
        physical_us, logical, node, epoch = map(int, given.split(","))
        return timestamp(physical_us, logical, node=node, epoch=epoch)
    if decoder == "to_uuid":
        return timestamp(0, epoch=int(given)).to_uuid()
    value: object = given
    if decoder == "from_bytes":
        value = bytes.fromhex(given)
    elif decoder == "from_int":
        value = int(given)
    elif decoder == "from_uuid":
        value = UUID(given)
    elif decoder == "from_datetime":
        from datetime import datetime

        value = datetime.fromisoformat(given)
    return getattr(timestamp, decoder)(value)
