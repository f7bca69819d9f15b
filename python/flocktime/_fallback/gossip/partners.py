"""Whom to ask: a few partners out of many candidates, in turn, and another one from time to time.

Partners that stay for a while make better measurements than ever new ones (the best of many samples counts), and cost the same
in a flock of ten and of ten thousand; replacing them one by one keeps the whole mixed. Partners that fell silent are tried
again, one a round, for a while: so a network that was cut grows together again in seconds.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeVar

from flocktime._fallback.gossip.address import Address
from flocktime._fallback.gossip.peer import Route
from flocktime._fallback.gossip.settings import MAX_PEERS

#: A partner stays for about this many rounds times the number of partners.
REPLACE_ROUNDS: Final = 16
#: So many requests without an answer, and another partner is tried.
PATIENCE: Final = 4
#: A partner that fell silent is tried again for so many rounds.
FORGET_LOST_ROUNDS: Final = 3600
#: This member's own address is asked again after so many rounds: it may be somebody else's by then.
AVOID_ROUNDS: Final = 3600

T = TypeVar("T")


class _Partner:
    __slots__ = ("address", "since", "unanswered")

    def __init__(self, address: Address, since: int) -> None:
        self.address = address
        self.since = since
        self.unanswered = 0


class _Lost(NamedTuple):
    partner: _Partner
    round: int


class Partners:
    """The candidates, and those of them that are asked."""

    __slots__ = ("_candidates", "_chosen", "_limit", "_lost", "_own", "_queue")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._candidates: list[Address] = []
        self._chosen: list[_Partner] = []
        self._lost: list[_Lost] = []  # partners that fell silent, oldest first, as many as there are partners
        self._own: list[tuple[Address, int]] = []  # candidates that were found to be this member itself, and when
        self._queue: list[Address] = []  # who is still to be asked before everybody is asked again

    def set(self, candidates: Iterable[Address]) -> None:
        """Replace the candidates; partners that are no longer among them go."""
        self._candidates = sorted(frozenset(candidates))[:MAX_PEERS]
        given = frozenset(self._candidates)
        self._own = [(address, round) for address, round in self._own if address in given]
        avoided = frozenset(address for address, _ in self._own)
        self._candidates = [address for address in self._candidates if address not in avoided]
        still = given - avoided
        self._chosen = [partner for partner in self._chosen if partner.address in still]
        self._lost = [lost for lost in self._lost if lost.partner.address in still]
        self._queue = [address for address in self._queue if address in still]

    def avoid(self, address: Address, round: int) -> None:
        """This address is the member's own: for an hour of rounds it is not asked."""
        if address not in self._candidates:
            return
        self._candidates.remove(address)
        self._own.append((address, round))
        self._chosen = [partner for partner in self._chosen if partner.address != address]
        self._find(address)
        self._queue = [queued for queued in self._queue if queued != address]

    def ask(self, round: int, fanout: int, random: Callable[[], int]) -> list[Address]:
        """The addresses to ask this round, at most ``fanout``, each at most once."""
        self._renew(round, random)
        lost = self._next_lost(round, fanout)
        count = min(fanout - (lost is not None), len(self._chosen))
        asked: list[Address] = []
        while len(asked) < count:
            if not self._queue:
                self._queue = [partner.address for partner in self._chosen]
            address = _swap_remove(self._queue, random() % len(self._queue))
            if address not in asked and self.is_partner(address):
                asked.append(address)
        for partner in self._chosen:
            partner.unanswered += partner.address in asked
        return asked if lost is None else [*asked, lost]

    def _next_lost(self, round: int, fanout: int) -> Address | None:
        """A silent one whose turn it is, where there is more than one request to send."""
        self._lost = [lost for lost in self._lost if round - lost.round < FORGET_LOST_ROUNDS]
        if fanout < 2 or not self._lost:
            return None
        return self._lost[round % len(self._lost)].partner.address

    def answered(self, address: Address) -> None:
        """Somebody was heard. A partner that was lost is one again, in the place of the latest one."""
        for partner in self._chosen:
            if partner.address == address:
                partner.unanswered = 0
                return
        returned = next((lost.partner for lost in self._lost if lost.partner.address == address), None)
        if returned is None:
            return
        self._find(address)
        if self._chosen and len(self._chosen) >= self._limit:
            latest = max(range(len(self._chosen)), key=lambda place: (self._chosen[place].since, place))
            _swap_remove(self._chosen, latest)
        returned.unanswered = 0
        self._chosen.append(returned)

    def keeps(self, route: Route) -> bool:
        """Whom this member asks of its own accord: strangers do not push them out."""
        return isinstance(route.to, str) or (isinstance(route.to, Address) and self.is_partner(route.to))

    def is_partner(self, address: Address) -> bool:
        return any(partner.address == address for partner in self._chosen)

    def is_wanted(self, address: Address) -> bool:
        """Whether it is a partner, or was one and is still tried."""
        return self.is_partner(address) or any(lost.partner.address == address for lost in self._lost)

    def _find(self, address: Address) -> None:
        """It is not lost any more."""
        self._lost = [lost for lost in self._lost if lost.partner.address != address]

    def _reconsider(self, round: int) -> None:
        """What was this member's own address is a candidate again."""
        while self._own and round - self._own[0][1] >= AVOID_ROUNDS:
            address, _ = self._own.pop(0)
            if address not in self._candidates:
                insort(self._candidates, address)

    def _renew(self, round: int, random: Callable[[], int]) -> None:
        self._reconsider(round)
        if len(self._candidates) > len(self._chosen):
            silent = [partner for partner in self._chosen if partner.unanswered >= PATIENCE]
            self._chosen = [partner for partner in self._chosen if partner.unanswered < PATIENCE]
            self._lost += [_Lost(partner, round) for partner in silent]
            del self._lost[: max(0, len(self._lost) - self._limit)]
            if self._chosen and len(self._chosen) == self._limit and round % REPLACE_ROUNDS == 0:
                _swap_remove(self._chosen, min(range(self._limit), key=lambda place: self._chosen[place].since))
        while len(self._chosen) < min(self._limit, len(self._candidates)):
            address = self._candidates[random() % len(self._candidates)]
            if not self.is_partner(address):
                self._find(address)
                self._chosen.append(_Partner(address, round))


def _swap_remove(items: list[T], place: int) -> T:
    """Take one out and let the last one fill its place: in no time, and the same in every implementation."""
    items[place], items[-1] = items[-1], items[place]
    return items.pop()
