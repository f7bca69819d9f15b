"""What all exchanges with one peer say about its oscillator, offset and rate.

Oscillators run freely, so samples of them stay true while disciplined clocks step and slew: a sample of last minute, carried
on at the measured rate, is often better than the one of this second. What is kept is the sample of least error in each of
sixteen stretches of time, whose length grows with what was seen, up to a window of ten minutes.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from flocktime._fallback.arithmetic import to_i64, wrapped_i64
from flocktime._fallback.flocking.exchange import UNKNOWN_RATE, Sample

STRETCHES: Final = 16
SHORTEST_NS: Final = 1_171_875_000
LONGEST_NS: Final = SHORTEST_NS << 5
#: Samples older than this are dropped.
WINDOW_NS: Final = STRETCHES * LONGEST_NS
#: A rate with a greater error of its own is not used. The gated mean of many is far better than each, and oscillators that
#: were not compared yet differ by as much.
USABLE_RATE_ERROR: Final = 20e-6
#: What an oscillator may do that its past does not tell: a share of the time since.
WANDER: Final = 0.15e-6
#: Two samples that contradict each other by more than their errors and this mean that an oscillator has jumped.
MARGIN_NS: Final = 20e3
#: Noise that no delay shows: interrupts, and the reading itself.
FLOOR_NS: Final = 500.0


class Rate(NamedTuple):
    """How much faster the peer's oscillator runs, and the standard error of that."""

    value: float
    error: float


class Estimate(NamedTuple):
    """The peer's H less one's own at one instant, nanoseconds, and what it may be wrong by."""

    offset_ns: int
    error_ns: float


class PeerFilter:
    """Samples of one peer, at most sixteen."""

    __slots__ = ("_best", "_doublings", "jumps", "rate")

    def __init__(self) -> None:
        self._best: list[Sample] = []  # each the best of its stretch, oldest first
        self._doublings = 0  # a stretch is SHORTEST_NS << doublings long
        #: The rate, once its own error is small enough.
        self.rate: Rate | None = None
        #: How often an oscillator has jumped.
        self.jumps = 0

    def insert(self, sample: Sample) -> bool:
        """Take a sample in. True: it contradicts what was known, so one of the two oscillators has jumped, and everything
        older was dropped."""
        jumped = self._contradicts(sample)
        if jumped:
            self._best.clear()
            self._doublings = 0
            self.rate = None
            self.jumps += 1
        if not self._best or self._best[-1].at_ns <= sample.at_ns or self._same_stretch(self._best[-1], sample):
            self._keep(self._best, sample)
        # else: closed out of order; there is a newer one
        if len(self._best) > STRETCHES:
            self._make_room()
        oldest = sample.at_ns - WINDOW_NS
        self._best = [kept for kept in self._best if kept.at_ns >= oldest]
        self.rate = self._measured_rate()
        return jumped

    def estimate(self, now_ns: int) -> Estimate | None:
        """Where the peer's oscillator is at this H of one's own, or ``None`` before the first sample."""
        if not self._best:
            return None
        rate = self.rate
        drift = UNKNOWN_RATE if rate is None else WANDER + 2.0 * rate.error

        def cost(sample: Sample) -> float:
            return sample.error_ns + drift * float(abs(now_ns - sample.at_ns))

        chosen = min(reversed(self._best), key=cost)  # of equals the latest
        since = float(wrapped_i64(now_ns - chosen.at_ns))
        moved = 0 if rate is None else to_i64(rate.value * since)
        return Estimate(wrapped_i64(chosen.offset_ns + moved), cost(chosen))

    def least_error_ns(self) -> float | None:
        """The least error among the samples kept, nanoseconds."""
        return min((sample.error_ns for sample in self._best), default=None)

    def _contradicts(self, sample: Sample) -> bool:
        known = self.estimate(sample.at_ns)
        if known is None:
            return False
        age = float(abs(sample.at_ns - self._best[-1].at_ns))
        drift = UNKNOWN_RATE if self.rate is None else 10e-6 + 4.0 * self.rate.error
        apart = float(abs(sample.offset_ns - known.offset_ns))
        return apart > sample.error_ns + known.error_ns + drift * age + MARGIN_NS

    def _same_stretch(self, a: Sample, b: Sample) -> bool:
        length = SHORTEST_NS << self._doublings
        return a.at_ns // length == b.at_ns // length

    def _keep(self, samples: list[Sample], sample: Sample) -> None:
        """Add a sample, or let the better one stand for the stretch."""
        if not samples or not self._same_stretch(samples[-1], sample):
            samples.append(sample)
        elif sample.error_ns <= samples[-1].error_ns:
            samples[-1] = sample

    def _make_room(self) -> None:
        """Twice as long stretches while the window grows; then the oldest goes."""
        if SHORTEST_NS << self._doublings >= LONGEST_NS:
            del self._best[0]
            return
        self._doublings += 1
        merged: list[Sample] = []
        for sample in self._best:
            self._keep(merged, sample)
        self._best = merged

    def _measured_rate(self) -> Rate | None:
        """Weighted least squares through the samples kept. A sample weighs by what its delay exceeds the least one by: that
        much of it was queueing, on one way or the other."""
        least = self.least_error_ns()
        if least is None or len(self._best) < 3:
            return None
        points = [self._point(sample, least) for sample in self._best]
        sum_w, sum_x, sum_y = 0.0, 0.0, 0.0
        for x, y, w in points:
            sum_w += w
            sum_x += w * x
            sum_y += w * y
        mean_x, mean_y = sum_x / sum_w, sum_y / sum_w
        sxx, sxy = 0.0, 0.0
        for x, y, w in points:
            sxx += w * (x - mean_x) * (x - mean_x)
            sxy += w * (x - mean_x) * (y - mean_y)
        if sxx == 0.0:
            return None  # an error without end
        # What is left beside the line says whether the noise is as it was taken to be, or more.
        value, left = sxy / sxx, 0.0
        for x, y, w in points:
            left += w * (y - mean_y - value * (x - mean_x)) * (y - mean_y - value * (x - mean_x))
        excess = left / float(len(points) - 2)
        rate = Rate(value, math.sqrt((excess if excess > 1.0 else 1.0) / sxx))
        return rate if rate.error <= USABLE_RATE_ERROR and abs(rate.value) <= 2.0 * UNKNOWN_RATE else None

    def _point(self, sample: Sample, least: float) -> tuple[float, float, float]:
        first = self._best[0]
        noise = sample.error_ns - least + 0.05 * least + FLOOR_NS
        x = float(sample.at_ns - first.at_ns)
        y = float(wrapped_i64(sample.offset_ns - first.offset_ns))
        return x, y, 1.0 / (noise * noise)
