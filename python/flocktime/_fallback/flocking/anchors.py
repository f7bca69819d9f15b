"""The slow layer: where UTC is, as members say whose OS clock is synchronised, and how to drift there together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from flocktime._fallback.arithmetic import clamp, total_order
from flocktime._fallback.flocking.robust import gate
from flocktime._fallback.flocking.tuning import Tuning

#: What is added to an estimate's error when it is passed on, nanoseconds: one that nobody renews dies out.
PASSED_ON_NS: Final = 2e6
#: An estimate with a greater error is none, nanoseconds.
WORST_NS: Final = 1e9


class Anchor(NamedTuple):
    """What one member, perhaps this one, knows about UTC."""

    lead_ns: float  # UTC less this member's disciplined clock
    error_ns: float  # what that may be wrong by


class UtcStep(NamedTuple):
    """The outcome for a round."""

    slew: float = 0.0  # the slew towards UTC: u
    estimate: Anchor | None = None  # what most anchors agree on, with what it is passed on with


def utc_step(anchors: Sequence[Anchor], tuning: Tuning) -> UtcStep:
    """Of intervals ``lead +- error`` those that overlap where most do (Marzullo 1984); of these the gated median.

    Without a majority nothing: ``u`` is then zero.
    """
    usable = [anchor for anchor in anchors if anchor.error_ns <= WORST_NS]
    point = _most_overlapped(usable)
    if point is None:
        return UtcStep()
    agreeing = [anchor for anchor in usable if abs(anchor.lead_ns - point) <= anchor.error_ns]
    found = gate([anchor.lead_ns for anchor in agreeing], 0.0, math.inf)
    if 2 * len(agreeing) <= len(usable) or found is None:
        return UtcStep()
    error_ns = min(anchor.error_ns for anchor in agreeing) + PASSED_ON_NS
    slew = clamp(tuning.utc_gain * found.centre / 1e9, -tuning.utc_max, tuning.utc_max)
    return UtcStep(slew, Anchor(found.centre, error_ns) if error_ns <= WORST_NS else None)


def _most_overlapped(anchors: Sequence[Anchor]) -> float | None:
    """The lowest point that lies in as many intervals as any."""
    edges: list[tuple[float, int]] = []
    for anchor in anchors:
        edges.append((anchor.lead_ns - anchor.error_ns, -1))  # before an end at the same point: intervals are closed
        edges.append((anchor.lead_ns + anchor.error_ns, 1))
    edges.sort(key=lambda edge: (total_order(edge[0]), edge[1]))
    inside, most, point = 0, 0, None
    for edge, turn in edges:
        inside -= turn
        if inside > most:
            most, point = inside, edge
    return point
