"""Nonces for strangers: what proves that a sender is there now, without remembering that it ever asked."""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Sequence
from typing import Final

from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.packet import Packet

#: A cookie is good for this round and the next sixteen or so.
PERIOD_ROUNDS: Final = 16


class CookieJar:
    """Makes nonces that only the receiver of this member's answer can echo, by a secret of its own and the time (the idea of
    SYN cookies). A flood of strangers fills no table: remembered is only which of them have proven their senders, for as long
    as they are good, and no more are handed out in that time than strangers are answered."""

    __slots__ = ("_secret", "_spent")

    def __init__(self, secret: Sequence[int]) -> None:
        self._secret = b"".join(word.to_bytes(8, "big") for word in secret)
        self._spent: deque[tuple[int, int]] = deque()  # the round and the cookie, oldest first

    def nonce(self, sender: Address, packet: Packet, begun: int, round: int) -> int:
        """``begun``: how often somebody has proven to be at this address, as far as is known; what proved the one before proves
        nothing any more."""
        return self._of_period(sender, packet, begun, round // PERIOD_ROUNDS)

    def spend(self, nonce: int, sender: Address, packet: Packet, begun: int, round: int) -> bool:
        """Whether it was made for this sender, in this period or the one before, and proves it for the first time: a recording
        of the packet that did proves nothing, also where its sender had to make room for others since."""
        period = round // PERIOD_ROUNDS
        made = nonce != 0 and (
            nonce == self._of_period(sender, packet, begun, period)
            or (period > 0 and nonce == self._of_period(sender, packet, begun, period - 1))
        )
        if not made:
            return False
        while self._spent and self._spent[0][0] + 2 * PERIOD_ROUNDS <= round:
            self._spent.popleft()
        if any(spent == nonce for _, spent in self._spent):
            return False
        self._spent.append((round, nonce))
        return True

    def _of_period(self, sender: Address, packet: Packet, begun: int, period: int) -> int:
        words = b"".join(word.to_bytes(8, "big") for word in (packet.node, packet.incarnation, begun, period))
        tag = hmac.digest(self._secret, sender.packed() + words, "sha256")
        return max(1, int.from_bytes(tag[:8], "big"))  # zero means none
