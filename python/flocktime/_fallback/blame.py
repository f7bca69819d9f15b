"""Who was refused lately. Who refuses everybody is probably the wrong one itself."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Final


MEMORY_NS: Final = 600_000_000_000
MOST: Final = 16
ENOUGH: Final = 3


class Blame:
    """The nodes refused for drift within the last ten minutes of monotonic time, the latest last, at most sixteen."""

    __slots__ = ("_refused",)

    def __init__(self) -> None:
        self._refused: dict[int, int] = {}

    def refused(self, node: int, now_ns: int) -> None:
        self._refused.pop(node, None)
        if len(self._refused) == MOST:
            del self._refused[next(iter(self._refused))]
        self._refused[node] = now_ns

    def suspects(self, now_ns: int) -> tuple[int, ...]:
        refused = self._refused.copy()  # a finaliser may refuse somebody meanwhile
        return tuple(node for node, at in refused.items() if now_ns - at < MEMORY_NS)

    def clear(self) -> None:
        self._refused.clear()
