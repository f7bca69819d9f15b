"""Strangers' headers that may still be replied to."""

from __future__ import annotations

from collections import deque
from typing import Final

#: So many headers of senders who have yet to prove themselves wait for their reply; then the oldest is forgotten.
WAITING: Final = 1024


class Waiting:
    """Their nonces, and when they came."""

    __slots__ = ("_headers",)

    def __init__(self) -> None:
        self._headers: deque[tuple[int, int]] = deque(maxlen=WAITING)

    def add(self, nonce: int, received_ns: int) -> None:
        self._headers.append((nonce, received_ns))

    def take(self, nonce: int) -> int | None:
        """When it came; it is forgotten then."""
        found = next((each for each in self._headers if each[0] == nonce), None)
        if found is None:
            return None
        self._headers.remove(found)
        return found[1]
