"""What is known about UTC, and what this member says of it.

A part of ``Machine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flocktime._fallback.arithmetic import to_i64, to_u64
from flocktime._fallback.flocking import Anchor, utc_step
from flocktime._fallback.gossip import packet
from flocktime._fallback.gossip.host import OsTime
from flocktime._fallback.gossip.peer import Known
from flocktime._fallback.gossip.settings import NEVER

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine

#: An estimate that was passed on more often is none.
MOST_HOPS: Final = 8


def heed_utc(machine: Machine, os: OsTime, own_ns: int, voters: list[Known]) -> None:
    """The slew towards UTC, and what to tell others: an anchor its own OS clock, everybody else what it has gathered."""
    own = _own_anchor(machine, os, own_ns)
    anchors = _heard_anchors(machine)
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
    """This member's own OS clock, where it counts as UTC."""
    policy = machine.settings.anchor
    error_ns = os.error_ns if policy is None else None if policy == NEVER else policy
    return None if error_ns is None else Anchor(float(os.wall_ns - own_ns), float(error_ns))


def _heard_anchors(machine: Machine) -> list[tuple[int, Anchor]]:
    """What others say, with how often it was passed on."""
    anchors = []
    for known in machine.table.known():
        if known.anchor is not None and known.lead_ns is not None and known.anchor.hops <= MOST_HOPS:
            error_ns = float(known.anchor.error_ns) + known.lead_error_ns
            anchors.append((known.anchor.hops, Anchor(float(known.anchor.offset_ns) + known.lead_ns, error_ns)))
    return anchors
