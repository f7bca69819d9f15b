"""At most one step to a higher epoch a minute that nobody vouches for."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Final


PAUSE_NS: Final = 60_000_000_000


class StepRecord:
    """When the latest step on nobody's word was taken, in monotonic nanoseconds."""

    __slots__ = ("_taken_ns",)

    def __init__(self) -> None:
        self._taken_ns: int | None = None

    def wait_ns(self, now_ns: int) -> int:
        """How long until the next step is allowed; zero: now."""
        return 0 if self._taken_ns is None else max(0, self._taken_ns + PAUSE_NS - now_ns)

    def take(self, now_ns: int) -> None:
        self._taken_ns = now_ns
