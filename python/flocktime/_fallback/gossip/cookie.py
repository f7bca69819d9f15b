"""Nonces for strangers: what proves that a sender is there now, without remembering that it ever asked."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final

from flocktime._fallback.gossip.packet import Packet
from flocktime._fallback.gossip.peer import Route

#: A cookie is good for this round and the next sixteen or so.
PERIOD_ROUNDS: Final = 16


class CookieJar:
    """Makes nonces that only the receiver of this member's answer can echo, by a secret of its own and the time (the idea of
    SYN cookies). A flood of strangers fills no table."""

    __slots__ = ("_secret",)

    def __init__(self, secret: Sequence[int]) -> None:
        self._secret = b"".join(word.to_bytes(8, "big") for word in secret)

    def nonce(self, route: Route, packet: Packet, begun: int, round: int) -> int:
        """``begun``: how often somebody has proven to be at this route, so that each proof is used once."""
        return self._of_period(route, packet, begun, round // PERIOD_ROUNDS)

    def made(self, nonce: int, route: Route, packet: Packet, begun: int, round: int) -> bool:
        """Whether it was made for this sender, in this period or the one before."""
        period = round // PERIOD_ROUNDS
        return nonce == self._of_period(route, packet, begun, period) or (
            period > 0 and nonce == self._of_period(route, packet, begun, period - 1)
        )

    def _of_period(self, route: Route, packet: Packet, begun: int, period: int) -> int:
        words = b"".join(word.to_bytes(8, "big") for word in (packet.node, packet.incarnation, begun, period))
        tag = hmac.digest(self._secret, route.packed() + words, "sha256")
        return max(1, int.from_bytes(tag[:8], "big"))  # zero means none
