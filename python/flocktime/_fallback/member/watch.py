"""``Watch``: notices when a member stands otherwise than before."""

from __future__ import annotations

from flocktime._fallback.flocking import State
from flocktime._fallback.gossip.compose import state
from flocktime._fallback.gossip.machine import Machine
from flocktime._fallback.gossip.report import wrong_peers
from flocktime._fallback.member.log import WrongPeer


class Watch:
    """What was seen at the latest look."""

    __slots__ = ("_rounds", "_seen")

    def __init__(self, machine: Machine) -> None:
        self._rounds = machine.counters.rounds
        self._seen: tuple[State, list[tuple[str, int]]] = (state(machine), [])

    def look(self, machine: Machine) -> tuple[State, list[WrongPeer]] | None:
        """The state and the peers called wrong, if either has changed. It changes with rounds only."""
        if machine.counters.rounds == self._rounds:
            return None
        self._rounds = machine.counters.rounds
        wrong = sorted(wrong_peers(machine), key=lambda peer: (*peer[0].order(), peer[1]))
        named = [WrongPeer(str(route), node, offset_ns) for route, node, offset_ns in wrong]
        seen = (state(machine), [(peer.name, peer.node) for peer in named])
        if seen == self._seen:
            return None
        self._seen = seen
        return seen[0], named
