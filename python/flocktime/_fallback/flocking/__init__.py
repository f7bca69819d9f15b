"""Agreeing on time with a few neighbours: pure functions, numbers in, numbers out.

Readings of free-running oscillators come in as ``Exchange``, a ``PeerFilter`` for each peer turns them into an ``Estimate`` and
a ``Rate``, each peer that may vote becomes a ``Vote``, and once a round ``step`` says how this member's disciplined clock is
to move. ``Progress`` keeps what rounds add up to. Nothing here reads a clock, draws a number or knows an address; the same
inputs give the same outputs, to the bit, in every implementation.

Units: ``_ns`` nanoseconds; rates and slews are dimensionless (1 ppm is 1e-6); H is a member's free-running oscillator.
"""

from flocktime._fallback.flocking.anchors import WORST_ANCHOR_NS, Anchor, UtcStep, utc_step, within_most
from flocktime._fallback.flocking.exchange import Exchange, Sample
from flocktime._fallback.flocking.filter import Estimate, PeerFilter, Rate
from flocktime._fallback.flocking.progress import Progress, Standing, State
from flocktime._fallback.flocking.step import Own, Step, Vote, step
from flocktime._fallback.flocking.tuning import Tuning

__all__ = [
    "WORST_ANCHOR_NS",
    "Anchor",
    "Estimate",
    "Exchange",
    "Own",
    "PeerFilter",
    "Progress",
    "Rate",
    "Sample",
    "Standing",
    "State",
    "Step",
    "Tuning",
    "UtcStep",
    "Vote",
    "step",
    "utc_step",
    "within_most",
]
