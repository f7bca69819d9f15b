"""Broken clocks: counters that jump or stand still, an OS clock an hour behind, UTC anchors that lie."""

from __future__ import annotations

from typing import Final

from flocktime.simulation.catalogue.runaways import ADDED, KNOWS, NAMED
from flocktime.simulation.judging import Bar, Row
from flocktime.simulation.measures import JOINED, SAFETY, astray, off_utc_ms, others_named, skew

__all__ = ["ROWS"]

_GROUP = "broken clocks"
_SPARED: Final = {"faults": [{"members": {"last": 1}, "kind": {"rate": {"ppm": 0}}}]}
_OTHERS = Bar("honest members named", "", others_named, 0)

ROWS: Final = (
    Row(
        name="hour-behind",
        description="one of 64 has an OS clock an hour behind: it suspects itself, nobody else is named",
        scenario={
            "name": "hour-behind",
            "nodes": 64,
            "seconds": 300,
            "faults": [{"members": {"last": 1}, "kind": {"os_set": {"offset_s": -3600}}}],
        },
        bars=(KNOWS, _OTHERS, skew(75), JOINED, *SAFETY),
        group=_GROUP,
    ),
    Row(
        name="stepping",
        description="one of 16 has a counter that jumps by an hour, ahead and back, every 10 s",
        scenario={
            "name": "stepping",
            "nodes": 16,
            "seconds": 900,
            "faults": [{"members": {"last": 1}, "from_s": 60, "kind": {"step": {"by_s": 3600, "every_s": 10}}}],
        },
        baseline={"name": "stepping without", "nodes": 16, "seconds": 900, **_SPARED},
        bars=(ADDED, NAMED, skew(75), _OTHERS, JOINED, *SAFETY),
        group=_GROUP,
    ),
    Row(
        name="freezing",
        description="one of 16 has a counter that stands still for 5 s, every 30 s",
        scenario={
            "name": "freezing",
            "nodes": 16,
            "seconds": 900,
            "faults": [{"members": {"last": 1}, "from_s": 60, "kind": {"freeze": {"for_s": 5, "every_s": 30}}}],
        },
        baseline={"name": "freezing without", "nodes": 16, "seconds": 900, **_SPARED},
        bars=(ADDED, skew(75), _OTHERS, JOINED, *SAFETY),
        group=_GROUP,
    ),
    Row(
        name="frozen",
        description="one of 16 has a counter that stands still for 60 s, once: back in step 30 s later",
        scenario={
            "name": "frozen",
            "nodes": 16,
            "seconds": 210,
            "faults": [{"members": {"last": 1}, "from_s": 120, "to_s": 180, "kind": {"freeze": {"for_s": 60}}}],
        },
        bars=(
            Bar("members not back after 30 s", "", astray, 0),
            skew(75),
            _OTHERS,
            JOINED,
            *SAFETY,
        ),
        group=_GROUP,
    ),
    Row(
        name="anchors",
        description="8 of 64 are synchronised to UTC, 3 of these an hour ahead",
        scenario={
            "name": "anchors",
            "nodes": 64,
            "seconds": 900,
            "clocks": {"ntp_members": 8},
            "faults": [{"members": {"first": 3}, "kind": {"os_set": {"offset_s": 3600}}}],
        },
        bars=(skew(75), Bar("flock off UTC", "ms", off_utc_ms), KNOWS, _OTHERS, JOINED, *SAFETY),
        group=_GROUP,
    ),
)
