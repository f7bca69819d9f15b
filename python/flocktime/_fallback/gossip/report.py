"""What a member says about itself to people: everything as plain numbers. A part of ``Machine``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from flocktime._fallback.gossip.compose import error_ns, state
from flocktime._fallback.gossip.host import Host
from flocktime._fallback.gossip.peer import Known, Peer, Route
from flocktime._fallback.gossip.suspicion import SUSPECT
from flocktime._fallback.gossip.voters import HEARD_ROUNDS

if TYPE_CHECKING:
    from flocktime._fallback.gossip.machine import Machine


def report(machine: Machine, host: Host) -> dict[str, Any]:
    """How it stands now. Nanoseconds; rates and slews are dimensionless."""
    raw_ns = host.raw_ns()
    line, last, settings = machine.discipline, machine.last, machine.settings
    time_ns = line.at(raw_ns)
    slewing = line.is_slewing(raw_ns)
    return {
        "state": state(machine).word,
        "joined": machine.progress.joined,  # synchronised once; its disciplined clock is what its stamps follow
        "node": settings.node,
        "incarnation": settings.incarnation,
        "origin": settings.origin,
        "round": machine.round,  # since the start
        "raw_ns": raw_ns,  # H of this report
        "time_ns": time_ns,  # the disciplined clock at that H, since 1970
        "offset_ns": 0.0 if last is None else last.offset_ns,  # the flock's mean less this member's clock
        "error_ns": error_ns(machine),  # what this member may be away from its flock
        "rate": line.y,
        "rate_settled": machine.progress.rated_rounds >= settings.tuning.settling_rounds,
        "slew": line.s if slewing else 0.0,
        "utc_slew": line.u if slewing else 0.0,
        "os_lead_ns": float(host.os().wall_ns - time_ns),  # the OS clock less the disciplined clock
        "utc": None if machine.utc.estimate is None else tuple(machine.utc.estimate),  # UTC less the disciplined clock
        "voters": 0 if last is None else len(last.outside),
        "quorum": last is not None and last.quorum,
        "gate_ns": 0.0 if last is None else last.gate_ns,
        "suspects_itself": machine.own_suspicion >= SUSPECT,  # it, or the OS clock beneath it, is the odd one out
        "shared_origins": _shared_origins(machine),
        "peers": [_peer(machine, peer) for peer in machine.table.peers],  # in the order they were met
        "counters": machine.counters.as_dict(),
    }


def _shared_origins(machine: Machine) -> int:
    """Origins that more than one living process shows, this one included: copies of one identity, or somebody who says it is
    somebody else. A member that was restarted under another address counts for sixteen rounds."""
    heard = [known for known in machine.table.known() if machine.round - known.heard_round <= HEARD_ROUNDS]
    processes = {(known.origin, known.incarnation) for known in heard}
    processes.add((machine.settings.origin, machine.settings.incarnation))
    return sum(count > 1 for count in Counter(origin for origin, _ in processes).values())


def wrong_peers(machine: Machine) -> list[tuple[Route, int, float | None]]:
    """The route, node and offset of each peer that is called wrong."""
    return [
        (peer.route, peer.known.node, peer.known.lead_ns)
        for peer in machine.table.peers
        if peer.known is not None and peer.known.suspicion >= SUSPECT
    ]


def _peer(machine: Machine, peer: Peer) -> dict[str, Any]:
    seen: dict[str, Any] = {
        "name": str(peer.route),
        "node": None,  # before it proved to be there
        "origin": None,
        "state": None,  # what it says of itself
        "offset_ns": None,  # its disciplined clock less this member's; None while it is not known
        "error_ns": None,  # what that may be wrong by
        "delay_ns": None,  # the least round-trip delay among the samples kept
        "rate": None,  # how much faster its oscillator runs; None while that is not known well enough
        "voted": False,  # in the latest round
        "verdict": "silent",
        "silent_rounds": machine.round - peer.since_round,  # since it was heard
        "oscillator_jumps": 0,  # times that its oscillator (or this member's) was found to have jumped
    }
    known = peer.known
    if known is not None:
        least_ns, rate = known.filter.least_error_ns(), known.filter.rate
        seen |= {
            "node": known.node,
            "origin": known.origin,
            "state": known.state.word,
            "offset_ns": known.lead_ns,
            "error_ns": None if known.lead_ns is None else known.lead_error_ns,
            "delay_ns": None if least_ns is None else 2.0 * least_ns,
            "rate": None if rate is None else rate.value,
            "voted": known.voted,
            "verdict": _verdict(known),
            "silent_rounds": machine.round - known.heard_round,
            "oscillator_jumps": known.filter.jumps,
        }
    return seen


def _verdict(known: Known) -> str:
    """What a member makes of a peer."""
    if known.suspicion >= SUSPECT:
        return "wrong"  # outside the gate for ten rounds, by more than what was measured may be wrong by
    if known.lead_ns is None:
        return "silent"  # it has not proven to be there, or not lately
    # It votes, and lies inside the gate or not long enough outside to be called wrong; or it has been heard for too short a
    # time, or is in no state, to vote.
    return "good" if known.voted else "listening"
