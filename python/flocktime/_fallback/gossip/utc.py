"""What is known about UTC, and what this member says of it.

A part of ``Machine``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from flocktime._fallback.arithmetic import saturated_i64, to_i64, to_u64, wrapped_u64
from flocktime._fallback.flocking import WORST_ANCHOR_NS, Anchor, utc_step, within_most
from flocktime._fallback.gossip import packet
from flocktime._fallback.gossip.host import OsTime
from flocktime._fallback.gossip.peer import Known
from flocktime._fallback.gossip.settings import NEVER
from flocktime._fallback.gossip.suspicion import SUSPECT
from flocktime._fallback.gossip.voters import one_of_each
from flocktime._fallback.interval import DRIFT_PPB

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine

#: An estimate that was passed on more often is none.
MOST_HOPS: Final = 8
#: What an oscillator may drift.
DRIFT: Final = DRIFT_PPB / 1e9
#: What is said of UTC was known so many rounds before it is sent, at most.
ROUNDS: Final = 2.0
#: A measured offset that has aged may be off by two standard errors of the rate. Here it must not.
CAUTION: Final = 2.0


class Said(NamedTuple):
    """What a member says of UTC: where it was at an H of its own. Its clock may slew and jump after that."""

    h_ns: int
    utc_ns: int
    error_ns: int
    hops: int

    def at(self, sent_ns: int, shown_ns: int) -> packet.Anchor:
        """The same in a packet that is sent at this H, when its clock shows so much."""
        offset_ns = saturated_i64(self.utc_ns + sent_ns - self.h_ns - shown_ns)
        return packet.Anchor(offset_ns, self.error_ns, self.hops)


class Witness(NamedTuple):
    """Who says where UTC is: what to slew by, and where it lies for certain, less this member's clock."""

    hops: int
    anchor: Anchor
    span_ns: tuple[float, float]


def heed_utc(machine: Machine, os: OsTime, voters: list[Known], *, late_ns: int, now_ns: int, own_ns: int) -> None:
    """The slew towards UTC, and what to tell others: an anchor its own OS clock, everybody else what it has gathered. ``late_ns``
    may have passed from ``now_ns`` to the reading of the OS clock."""
    own = _own_anchor(machine, os, late_ns, own_ns)
    anchors = _heard_anchors(machine, own is not None, now_ns, own_ns)
    if own is not None:
        anchors.append(Witness(0, own, _span(own)))
    # Only from those who are nearest to a source: what was passed on and comes back is not another witness.
    fewest = min((witness.hops for witness in anchors), default=MOST_HOPS)
    nearest = [witness for witness in anchors if witness.hops == fewest]
    slews = [known.published.u for known in voters]
    machine.utc = utc_step([one.anchor for one in nearest], slews, machine.utc.slew, machine.settings.tuning)
    machine.utc_span_ns = span = within_most([one.span_ns for one in nearest])
    hops, said = 0, own
    if own is None and machine.utc.estimate is not None and span is not None:
        # Others rely on it: as far as UTC may be from there, whatever the best of the anchors admits.
        lead_ns, error_ns = machine.utc.estimate
        hops, said = fewest + 1, Anchor(lead_ns, max(error_ns, lead_ns - span[0], span[1] - lead_ns))
    machine.utc_said = None
    if said is not None:
        utc_ns = saturated_i64(own_ns + to_i64(said.lead_ns))
        machine.utc_said = Said(now_ns, utc_ns, to_u64(math.ceil(said.error_ns)), hops)


def _own_anchor(machine: Machine, os: OsTime, late_ns: int, own_ns: int) -> Anchor | None:
    """This member's own OS clock, where it counts as UTC: one that may be wrong by more than a second says nothing, to nobody."""
    policy = machine.settings.anchor
    error_ns = os.error_ns if policy is None else None if policy == NEVER else policy
    if error_ns is None or error_ns + late_ns > WORST_ANCHOR_NS:
        return None
    return Anchor(float(os.wall_ns - own_ns), float(error_ns + late_ns))


def _heard_anchors(machine: Machine, own: bool, now_ns: int, own_ns: int) -> list[Witness]:
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
    round_ns, witnesses = float(machine.settings.tuning.round_ns), []
    for _, known in one_of_each(heard):
        anchor, span = _heard_anchor(known), _heard_span(known, now_ns, own_ns, round_ns)
        if anchor is not None and span is not None:
            witnesses.append(Witness(*anchor, span))
    return witnesses


def _heard_anchor(known: Known) -> tuple[int, Anchor] | None:
    """What a peer says of UTC, seen from here, where that is of use."""
    if known.anchor is None or known.lead_ns is None:
        return None
    error_ns = float(known.anchor.error_ns) + known.lead_error_ns
    if known.anchor.hops > MOST_HOPS or error_ns > WORST_ANCHOR_NS:
        return None
    return known.anchor.hops, Anchor(float(known.anchor.offset_ns) + known.lead_ns, error_ns)


def _span(anchor: Anchor) -> tuple[float, float]:
    return anchor.lead_ns - anchor.error_ns, anchor.lead_ns + anchor.error_ns


def _heard_span(known: Known, now_ns: int, own_ns: int, round_ns: float) -> tuple[float, float] | None:
    """Where UTC lies, if the peer was right when it said so. From there on by its oscillator, whatever its clock has done."""
    said, estimate = known.anchor, known.filter.estimate(now_ns)
    if said is None or estimate is None:
        return None
    line = known.published
    age_ns = max(0, wrapped_u64(now_ns + estimate.offset_ns) - line.h0_ns)
    utc_ns = line.l0_ns + said.offset_ns + age_ns
    # Known at the beginning of a round, and sent before it ended, or the next one where it was late.
    drifted_ns = DRIFT * (float(age_ns) + ROUNDS * round_ns)
    error_ns = float(said.error_ns) + CAUTION * estimate.error_ns + drifted_ns
    return _span(Anchor(float(utc_ns - own_ns), error_ns))
