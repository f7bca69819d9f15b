"""Who keeps the operating system's clock, and says what it may be wrong by: the kernel's informant, or a ClockBound daemon."""

from __future__ import annotations

import time

from flocktime._fallback.interval import Vouched

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from flocktime._fallback.sources import Source


def keeper(clockbound: str | PathLike[str] | None, source: Source) -> Callable[[], Vouched]:
    """What to ask for the operating system's clock and its bound."""
    if clockbound is None:
        return kernel
    if not source.on_os_clock:
        raise TypeError("clockbound is for clocks on the operating system's clock, or a flock's over it")
    from flocktime._fallback.clockbound import ClockBound

    return ClockBound(clockbound).vouched


def kernel() -> Vouched:
    """The operating system's clock, with what the kernel was told about it."""
    from flocktime._fallback.kernel_clock import kernel_clock  # ctypes: most programs never ask

    return kernel_clock() or Vouched(time.time_ns(), None)
