"""What is known about UTC, and what this member says of it.

A part of ``Machine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flocktime._fallback.arithmetic import to_i64, to_u64
from flocktime._fallback.flocking import WORST_ANCHOR_NS, Anchor, utc_step
from flocktime._fallback.gossip import packet
from flocktime._fallback.gossip.host import OsTime
from flocktime._fallback.gossip.peer import Known
from flocktime._fallback.gossip.settings import NEVER
from flocktime._fallback.gossip.suspicion import SUSPECT
from flocktime._fallback.gossip.voters import one_of_each

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine

#: An estimate that was passed on more often is none.
MOST_HOPS: Final = 8


def heed_utc(machine: Machine, os: OsTime, own_ns: int, voters: list[Known]) -> None:
    """The slew towards UTC, and what to tell others: an anchor its own OS clock, everybody else what it has gathered."""
    own = _own_anchor(machine, os, own_ns)
    anchors = _heard_anchors(machine, own is not None)
    if own is not None:
        anchors.append((0, own))
    # Only from those who are nearest to a source: what was passed on and comes back is not another witness.
    fewest = min((hops for hops, _ in anchors), default=MOST_HOPS)
    nearest = [anchor for hops, anchor in anchors if hops == fewest]
    slews = [known.published.u for known in voters]
    machine.utc = utc_step(nearest, slews, machine.utc.slew, machine.settings.tuning)
    hops, said = (0, own) if own is not None else (fewest + 1, machine.utc.estimate)
    machine.utc_said = None if said is None else packet.Anchor(to_i64(said.lead_ns), to_u64(said.error_ns), hops)


def _own_anchor(machine: Machine, os: OsTime, own_ns: int) -> Anchor | None:
    """This member's own OS clock, where it counts as UTC: one that may be wrong by more than a second says nothing, to nobody."""
    policy = machine.settings.anchor
    error_ns = os.error_ns if policy is None else None if policy == NEVER else policy
    if error_ns is None or error_ns > WORST_ANCHOR_NS:
        return None
    return Anchor(float(os.wall_ns - own_ns), float(error_ns))


def _heard_anchors(machine: Machine, own: bool) -> list[tuple[int, Anchor]]:
    """What others say, each once, with how often it was passed on. Who is called wrong is not asked; who says nothing of use
    must not stand before those who do because it is nearer to a source."""
    heard = [
        (place, peer.known)
        for place, peer in enumerate(machine.table.peers)
        if peer.known is not None
        and not (own and peer.known.origin == machine.settings.origin)
        and peer.known.suspicion < SUSPECT
        and _heard_anchor(peer.known) is not None
    ]
    anchors = [_heard_anchor(known) for _, known in one_of_each(heard)]
    return [anchor for anchor in anchors if anchor is not None]


def _heard_anchor(known: Known) -> tuple[int, Anchor] | None:
    """What a peer says of UTC, seen from here, where that is of use."""
    if known.anchor is None or known.lead_ns is None:
        return None
    error_ns = float(known.anchor.error_ns) + known.lead_error_ns
    if known.anchor.hops > MOST_HOPS or error_ns > WORST_ANCHOR_NS:
        return None
    return known.anchor.hops, Anchor(float(known.anchor.offset_ns) + known.lead_ns, error_ns)
