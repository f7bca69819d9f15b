"""Cut networks, members that come and go, stop and start again."""

from __future__ import annotations

from typing import Final

from flocktime.simulation.judging import Bar, Row
from flocktime.simulation.measures import (
    JOINED,
    SAFETY,
    closed,
    gap_us,
    of_summary,
    of_totals,
    ratio,
    settled_after,
    skew,
    together,
)
from flocktime.simulation.outcome import Outcome

__all__ = ["ROWS"]

_GROUP = "networks and processes"
_CUT_S, _HEALED_S = 200.0, 800.0


def _settled_skew(outcome: Outcome) -> float | None:
    """Newcomers count once they know the rates of others."""
    return outcome.summary.settled_skew_max_ns


def _back(since_s: float) -> Bar:
    return Bar("all 16 back in step, for good", "s", settled_after(since_s, together(16, 1000)), 30)


ROWS: Final = (
    Row(
        name="partition",
        description="two halves of 32 cannot hear each other for 600 s",
        scenario={
            "name": "partition",
            "nodes": 64,
            "seconds": 1000,
            "partitions": [{"from_s": _CUT_S, "to_s": _HEALED_S, "members": {"share": 0.5}}],
        },
        bars=(
            Bar("gap while cut", "µs", gap_us(_CUT_S, _HEALED_S), 400),
            Bar("gap below 100 µs again, for good", "s", settled_after(_HEALED_S, closed(100)), 30),
            Bar("the same, any two of all members", "s", settled_after(_HEALED_S, together(64, 100))),
            skew(None),
            JOINED,
            *SAFETY,
        ),
        group=_GROUP,
    ),
    Row(
        name="cut-off",
        description="one of 16 is cut off for 60 s",
        scenario={
            "name": "cut-off",
            "nodes": 16,
            "seconds": 300,
            "partitions": [{"from_s": 100, "to_s": 160, "members": {"last": 1}}],
        },
        bars=(_back(160), skew(75), JOINED, *SAFETY),
        group=_GROUP,
    ),
    Row(
        name="churn",
        description="a tenth of 64 is replaced by newcomers every minute",
        scenario={
            "name": "churn",
            "nodes": 64,
            "seconds": 900,
            "churn": {"every_s": 60, "share": 0.1, "from_s": 120},
        },
        baseline={"name": "churn without", "nodes": 64, "seconds": 900},
        bars=(
            Bar("skew / without churn", "x", ratio(_settled_skew), 3),
            skew(None),
            Bar("slowest to join", "s", of_summary(lambda summary: summary.join_max_s)),
            Bar("stamps off the flock's time", "ms", of_summary(lambda summary: summary.stamp_error_max_us, 1e3)),
            Bar("honest messages refused", "", of_totals(lambda totals: totals.refused_honest)),
            JOINED,
            *SAFETY,
        ),
        group=_GROUP,
    ),
    Row(
        name="pause",
        description="one process of 16 is stopped for 60 s",
        scenario={
            "name": "pause",
            "nodes": 16,
            "seconds": 300,
            "faults": [{"members": {"last": 1}, "from_s": 100, "to_s": 160, "kind": "pause"}],
        },
        bars=(_back(160), skew(75), JOINED, *SAFETY),
        group=_GROUP,
    ),
    Row(
        name="restart",
        description="one process of 16 is killed, and another one starts 10 s later",
        scenario={
            "name": "restart",
            "nodes": 16,
            "seconds": 300,
            "faults": [{"members": {"last": 1}, "from_s": 100, "to_s": 110, "kind": "restart"}],
        },
        bars=(_back(110), skew(75), JOINED, *SAFETY),
        group=_GROUP,
    ),
)
