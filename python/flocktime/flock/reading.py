"""From the numbers of a member to a ``FlockStatus``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flocktime.errors import NotReady
from flocktime.flock.status import FlockStatus, PeerStatus, UtcEstimate

if TYPE_CHECKING:
    from flocktime._backend import FlockMember
    from flocktime.clock import Clock

__all__ = ["status_of", "vouches"]

#: A member that does not know its error says an hour.
_UNKNOWN_ERROR_NS = 3_600_000_000_000


def status_of(
    member: FlockMember, name: str, clock: Clock, max_drift_us: float, peers_error: str | None = None
) -> FlockStatus:
    """How a member stands now, with the clock that follows it."""
    report = member.report()
    flock: dict[str, Any] | None = report["flock"]
    time_us, last = _shown_us(member), clock.last
    common = {
        "address": member.address,
        "name": name,
        "node": clock.node,
        "epoch": clock.epoch,
        "time_us": time_us,
        "max_drift_us": max_drift_us,
        "ahead_us": 0 if last is None or time_us is None else max(0, last.physical_us - time_us),
        "io": report["io"],
        "names": tuple(report["names"]),
        "peers_error": peers_error,
        "replaced_by": report["replaced_by"],
    }
    if flock is None:
        return FlockStatus(state=report["status"], steering=False, **common)
    utc = flock["utc"]
    return FlockStatus(
        state=flock["state"] if report["status"] == "running" else report["status"],
        steering=flock["joined"] and flock["state"] != "monitoring",
        origin=flock["origin"],
        round=flock["round"],
        offset_us=flock["offset_ns"] / 1e3,
        error_us=None if flock["error_ns"] >= _UNKNOWN_ERROR_NS else flock["error_ns"] / 1e3,
        rate_ppm=flock["rate"] * 1e6,
        slew_ppm=flock["slew"] * 1e6,
        utc_slew_ppm=flock["utc_slew"] * 1e6,
        os_offset_us=flock["os_lead_ns"] / 1e3,
        utc=None if utc is None else UtcEstimate(utc[0] / 1e3, utc[1] / 1e3),
        voters=flock["voters"],
        quorum=flock["quorum"],
        gate_us=flock["gate_ns"] / 1e3,
        suspects_itself=flock["suspects_itself"],
        peers=tuple(_peer(peer) for peer in flock["peers"]),
        counters=flock["counters"],
        **common,
    )


def vouches(status: FlockStatus) -> bool:
    """Whether a flock stands behind the time that this member's clock shows, so that an epoch may begin there."""
    if not status.quorum:
        return False
    if status.state == "monitoring":
        return abs(status.offset_us or 0.0) <= status.max_drift_us and not status.suspects_itself
    return status.state in ("synchronised", "degraded")  # else stamps follow the OS clock, right or wrong


def _shown_us(member: FlockMember) -> int | None:
    """What the clock's source shows; ``None`` where it was told to show nothing yet."""
    try:
        return member.source() // 1000
    except NotReady:
        return None


def _peer(peer: dict[str, Any]) -> PeerStatus:
    return PeerStatus(
        name=peer["name"],
        node=peer["node"],
        origin=peer["origin"],
        state=peer["state"],
        offset_us=_thousandth(peer["offset_ns"]),
        error_us=_thousandth(peer["error_ns"]),
        delay_us=_thousandth(peer["delay_ns"]),
        rate_ppm=None if peer["rate"] is None else peer["rate"] * 1e6,
        voted=peer["voted"],
        verdict=peer["verdict"],
        silent_rounds=peer["silent_rounds"],
        oscillator_jumps=peer["oscillator_jumps"],
    )


def _thousandth(value: float | None) -> float | None:
    return None if value is None else value / 1e3
