"""The numbers of the control loop, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a round does with what it was told. ``Tuning()`` is what a flock runs with."""

    round_ns: int = 1_000_000_000
    """Time from one step to the next, nanoseconds of H."""
    gain: float = 0.3
    """The share of the offset that a round slews away."""
    rate_gain: float = 0.1
    """The share of the rate's difference that a round takes over."""
    rate_leak: float = 1e-5
    """The share of the correction that a round gives up: what keeps the common rate, which nobody measures, from walking away
    from the oscillators by the noise of the measurements. Over a day; faster, and the halves of a cut network would part."""
    rate_gain_settling: float = 0.5
    """The gain in the first rounds in which rates are known: the first estimate is worth more than none."""
    settling_rounds: int = 30
    """So many rounds those are."""
    utc_gain: float = 0.02
    """The share of the offset from UTC that a second slews away."""
    gate_min_ns: float = 50e3
    """The gate is at least so wide, nanoseconds: less is noise."""
    gate_max_ns: float = 1e6
    """The gate of a joined member is at most so wide, nanoseconds."""
    gate_reach_ns: float = 250e3
    """So far it reaches to hold most votes of a joined member, nanoseconds: as halves of a flock drift apart in ten minutes."""
    slew_joining: float = 0.05
    """Largest phase slew of a member whose disciplined clock nobody reads: never synchronised, or degraded."""
    slew_joined: float = 500e-6
    """Largest phase slew afterwards."""
    rate_max: float = 200e-6
    """Largest rate correction."""
    utc_max: float = 50e-6
    """Largest slew towards UTC."""
    utc_share: float = 0.1
    """The share that a member's own view of UTC has in its slew; the rest is what its neighbours do."""
    jump_joining_ns: float = 1e6
    """Beyond this offset a member that was never synchronised jumps instead of slewing: nobody reads its clock yet."""
    jump_joined_ns: float = 128e6
    """The same for a joined member, forward only."""
    max_drift_ns: float = 500e6
    """``D``: how far members may lie apart and still count as one flock, nanoseconds."""
    close_ns: float = 1e6
    """Synchronised is who stays within so much of the flock, nanoseconds..."""
    close_rounds: int = 10
    """... for so many rounds."""
