"""Numbers as people read them."""

from __future__ import annotations

from flocktime.cli.demo.plan import RUNAWAY_YEAR, ServicePlan

_YEAR_US = 31_556_952_000_000
_UNITS = ((_YEAR_US, "years"), (86_400_000_000, "days"), (3_600_000_000, "h"), (1_000_000, "s"), (1_000, "ms"))


def lasting(us: int) -> str:
    """A duration, in the largest unit that it fills: ``254.1 ms``, ``1.0 h``, ``24.1 years``."""
    for size, unit in _UNITS:
        if abs(us) >= 0.999 * size:  # 3,599.9 s are an hour to everybody
            return f"{us / size:,.1f} {unit}"
    return f"{us} us"


def signed(us: int) -> str:
    """The same with its sign, for an offset."""
    return f"{'+' if us > 0 else ''}{lasting(us)}"


def wrongness(service: ServicePlan) -> str:
    """What is the matter with a service's wall clock."""
    if service.role == "runaway":
        return f"{signed(service.offset_us)}, then year {RUNAWAY_YEAR}"
    return signed(service.offset_us)


def counted(count: int, what: str) -> str:
    """``1 event``, ``2,000 events``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
