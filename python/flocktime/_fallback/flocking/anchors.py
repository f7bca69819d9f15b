"""The slow layer: where UTC is, as members say whose OS clock is synchronised, and how to drift there together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from flocktime._fallback.arithmetic import clamp, total_order
from flocktime._fallback.flocking.robust import gate
from flocktime._fallback.flocking.tuning import Tuning

#: What is added to an estimate's error when it is passed on, nanoseconds: one that nobody renews dies out.
PASSED_ON_NS: Final = 2e6
#: An estimate with a greater error is none, nanoseconds.
WORST_ANCHOR_NS: Final = 1e9


class Anchor(NamedTuple):
    """What one member, perhaps this one, knows about UTC."""

    lead_ns: float  # UTC less this member's disciplined clock
    error_ns: float  # what that may be wrong by


class UtcStep(NamedTuple):
    """The outcome for a round."""

    slew: float = 0.0  # the slew towards UTC: u
    estimate: Anchor | None = None  # what most anchors agree on, with what it is passed on with


def utc_step(anchors: Sequence[Anchor], neighbours: Sequence[float], own: float, tuning: Tuning) -> UtcStep:
    """Of intervals ``lead +- error`` those that overlap where most do (Marzullo 1984); of these the median, no farther out than
    where most overlap. Without a majority there is no estimate.

    The slew is what the neighbours do, to a small part what this member itself would: one that sees other anchors than they
    do, or none, must not drift away from them. ``neighbours`` are their slews, ``own`` the one in force.
    """
    estimate = _estimate(anchors)
    slews = [*neighbours, own]
    found = gate(slews, 1e-6, 2.0 * tuning.utc_max, math.inf, math.inf)
    common = own if found is None else found.mean(slews)
    target = 0.0 if estimate is None else tuning.utc_gain * estimate.lead_ns / 1e9
    target = clamp(target, -tuning.utc_max, tuning.utc_max)
    slew = clamp(common + tuning.utc_share * (target - common), -tuning.utc_max, tuning.utc_max)
    return UtcStep(slew, estimate)


def _estimate(anchors: Sequence[Anchor]) -> Anchor | None:
    usable = [anchor for anchor in anchors if anchor.error_ns <= WORST_ANCHOR_NS]
    stretch = _most_overlapped(usable)
    if stretch is None:
        return None
    low, high = stretch
    agreeing = [
        anchor
        for anchor in usable
        if anchor.lead_ns - anchor.error_ns <= low and anchor.lead_ns + anchor.error_ns >= high
    ]
    found = gate([anchor.lead_ns for anchor in agreeing], 0.0, math.inf, math.inf, math.inf)
    if 2 * len(agreeing) <= len(usable) or found is None:
        return None
    error_ns = min(anchor.error_ns for anchor in agreeing) + PASSED_ON_NS
    return Anchor(clamp(found.centre, low, high), error_ns) if error_ns <= WORST_ANCHOR_NS else None


def within_most(spans: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """From the lowest to the highest point that lies in more than half of the spans ``(low, high)``: as long as more than half
    of them hold what is sought, it is in there. ``None``: no point does."""
    edges = [edge for low, high in spans for edge in ((low, -1), (high, 1))]
    edges.sort(key=lambda edge: (total_order(edge[0]), edge[1]))
    most, inside, found = len(spans) // 2, 0, None
    for edge, turn in edges:
        if turn < 0 and inside == most:
            found = found or (edge, edge)
        elif turn > 0 and inside == most + 1 and found is not None:
            found = (found[0], edge)
        inside -= turn
    return found


def _most_overlapped(anchors: Sequence[Anchor]) -> tuple[float, float] | None:
    """The lowest stretch that lies in as many intervals as any."""
    edges: list[tuple[float, int]] = []
    for anchor in anchors:
        edges.append((anchor.lead_ns - anchor.error_ns, -1))  # before an end at the same point: intervals are closed
        edges.append((anchor.lead_ns + anchor.error_ns, 1))
    edges.sort(key=lambda edge: (total_order(edge[0]), edge[1]))
    inside, most, found = 0, 0, None
    for (edge, turn), (following, _) in pairwise(edges):
        inside -= turn
        if inside > most:
            most, found = inside, (edge, following)
    return found
