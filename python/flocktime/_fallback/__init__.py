"""The clock in plain Python: the readable reference, and what runs where the compiled core was not built.

Same behaviour as ``flocktime._core`` down to messages, hashes and pickles; the same tests run on both.
"""

from flocktime._fallback.clock import Clock
from flocktime._fallback.sources import ManualSource, SkewedSource
from flocktime._fallback.timestamp import Timestamp

__all__ = ["Clock", "ManualSource", "SkewedSource", "Timestamp"]
