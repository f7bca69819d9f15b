"""Two messages, four readings of two oscillators."""

from __future__ import annotations

from typing import Final, NamedTuple

from flocktime._fallback.arithmetic import wrapped_i64

#: Longer exchanges say too little.
LONGEST_NS: Final = 20_000_000_000
#: Oscillators that were not compared yet differ by less than this share.
UNKNOWN_RATE: Final = 250e-6


class Sample(NamedTuple):
    """What an exchange says: at ``at_ns`` of this member's H the peer's H was ``offset_ns`` ahead, give or take ``error_ns``."""

    at_ns: int
    offset_ns: int
    error_ns: float


class Exchange(NamedTuple):
    """One message there and one back, as NTP takes them (RFC 5905, section 8).

    Sent at ``t0`` and the answer received at ``t3`` by this member's oscillator, received at ``t1`` and answered at ``t2`` by
    the peer's. Nanoseconds of H. The answer need not follow at once. Every number may be a lie.
    """

    t0: int
    t1: int
    t2: int
    t3: int

    def sample(self, rate: float, rate_error: float) -> Sample | None:
        """``offset = ((t1 - t0) + (t2 - t3)) / 2``, ``delay = (t3 - t0) - (t2 - t1) / (1 + rate)``, ``|error| <= delay / 2``.

        The peer's pause is measured by its own oscillator, which runs ``rate`` faster, known to within ``rate_error``.
        ``None`` for what cannot be: an answer before its question, or a pause longer than the whole.
        """
        elapsed, pause = self.t3 - self.t0, self.t2 - self.t1
        if not (0 <= elapsed <= LONGEST_NS and 0 <= pause <= 2 * LONGEST_NS):
            return None
        there, back = wrapped_i64(self.t1 - self.t0), wrapped_i64(self.t2 - self.t3)
        pause_ns = float(pause)
        doubt_ns = pause_ns * rate_error
        delay_ns = float(elapsed) - pause_ns / (1.0 + rate)
        if delay_ns + doubt_ns < 0.0:
            return None
        error_ns = max(delay_ns, 0.0) * (0.5 + UNKNOWN_RATE) + doubt_ns + 1.0
        return Sample(self.t0 + elapsed // 2, (there + back) // 2, error_ns)
