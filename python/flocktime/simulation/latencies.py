"""Measured round trips between places, from a folder: one file a place, one line a link, as ``ping`` sums them up.

A file ``us-west1.dat`` holds lines such as ``24.334/25.006/28.213/0.499:us-west2``: least, mean, greatest and deviation of the
round trip from the file's place to the line's, in milliseconds.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from flocktime.simulation.running import ScenarioError

__all__ = ["InvalidLatencies", "read_latencies"]

_LINE = re.compile(r"(?P<min>[\d.]+)/(?P<avg>[\d.]+)/(?P<max>[\d.]+)/(?P<mdev>[\d.]+):(?P<place>\S+)")
_SUFFIX = ".dat"
_MOST_PLACES = 1_000
_MOST_BYTES = 1 << 20


class InvalidLatencies(ScenarioError):
    """A folder of round trips that is none, or not whole. The message names the file, the line and what is wrong."""


def read_latencies(folder: Path) -> dict[str, Any]:
    """The ``delay`` of a scenario's network: ``{"matrix": {"regions": …, "links": …}}``.

    Raises:
        InvalidLatencies: no such folder, no files in it, a line that is none, or a link that is missing.
        OSError: a file cannot be read.
    """
    if not folder.is_dir():
        raise InvalidLatencies(f"{folder}: no such folder")
    files = sorted(folder.glob(f"*{_SUFFIX}"))
    if not 1 <= len(files) <= _MOST_PLACES:
        raise InvalidLatencies(f"{folder}: has {len(files)} files *{_SUFFIX}, must have 1 to {_MOST_PLACES}")
    places = [file.stem for file in files]
    links = []
    for file in files:
        trips = _trips(file)
        missing = [place for place in places if place not in trips]
        if missing:
            raise InvalidLatencies(f"{file}: has no round trip to {', '.join(missing[:5])}")
        links.append([trips[place] for place in places])
    return {"matrix": {"regions": places, "links": links}}


def _trips(file: Path) -> dict[str, dict[str, float]]:
    size = file.stat().st_size
    if size > _MOST_BYTES:
        raise InvalidLatencies(f"{file}: {size} bytes, at most {_MOST_BYTES}")
    trips: dict[str, dict[str, float]] = {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidLatencies(f"{file}: not text: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise InvalidLatencies(f"{file}, line {number}: must be min/avg/max/mdev:place, is {line[:80]!r}")
        if match["place"] in trips:
            raise InvalidLatencies(f"{file}, line {number}: {match['place']} is there twice")
        trips[match["place"]] = _trip(file, number, match)
    return trips


def _trip(file: Path, number: int, match: re.Match[str]) -> dict[str, float]:
    try:
        least, mean, greatest, deviation = (float(match[name]) for name in ("min", "avg", "max", "mdev"))
    except ValueError as error:
        raise InvalidLatencies(f"{file}, line {number}: {error}") from None
    if not (least <= mean <= greatest and math.isfinite(greatest + deviation)):
        raise InvalidLatencies(f"{file}, line {number}: {least} <= {mean} <= {greatest} does not hold")
    return {"min_ms": least, "avg_ms": mean, "mdev_ms": deviation}
