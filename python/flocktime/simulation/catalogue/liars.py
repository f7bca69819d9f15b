"""Twelve of 64 lie, in each way that is known; and a peer whose stamps are always the latest ones allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flocktime.simulation.judging import Bar, Row
from flocktime.simulation.measures import (
    JOINED,
    SAFETY,
    of_totals,
    others_named,
    rate_outside,
    skew,
    stamp_lead_ms,
    typical_skew,
    unnamed,
)

__all__ = ["ROWS"]

_RATE = Bar("common rate outside of the honest clocks'", "ppm", rate_outside, 0)


def _twelve(name: str, description: str, kind: Mapping[str, Any]) -> Row:
    return Row(
        name=f"twelve-{name}",
        description=f"12 of 64 lie: {description}",
        scenario={
            "name": f"twelve-{name}",
            "nodes": 64,
            "seconds": 600,
            "faults": [{"members": {"last": 12}, "kind": kind}],
        },
        bars=(
            skew(75),
            typical_skew(),
            _RATE,
            Bar("faulty members unnamed", "", unnamed),
            Bar("honest members named", "", others_named),
            JOINED,
            *SAFETY,
        ),
        group="liars",
    )


ROWS: Final = (
    _twelve("constant", "0.5 ms ahead", {"constant": {"offset_ms": 0.5}}),
    _twelve("ramp", "running away at 50 ppm", {"ramp": {"ppm": 50}}),
    _twelve("two-faced", "early to one half of the others, late to the other one", {"two_faced": {"offset_ms": 0.5}}),
    _twelve("drag", "ahead by as much as is still counted", {"drag": {}}),
    _twelve("split", "the early are shown something earlier, the late something later", {"split": {}}),
    _twelve("flapping", "1 ms ahead for 10 s, then right for 10 s", {"flapping": {"offset_ms": 1, "period_s": 20}}),
    _twelve("creep", "L and rate creep away at 50 ppm, within what is counted", {"creep": {"ppm": 50}}),
    Row(
        name="ratchet",
        description="one of 16 stamps the most that its receiver accepts, 10,000 rounds",
        scenario={
            "name": "ratchet",
            "nodes": 16,
            "seconds": 10_000,
            "sample_every_s": 5,
            "faults": [{"members": {"last": 1}, "kind": {"ratchet": {}}}],
        },
        bars=(
            Bar("stamps led by", "ms", stamp_lead_ms(), 5),
            skew(75),
            Bar("honest messages refused", "", of_totals(lambda totals: totals.refused_honest)),
            Bar("honest messages", "", of_totals(lambda totals: totals.messages)),
            JOINED,
            *SAFETY,
        ),
        group="liars",
    ),
)
