"""A status as flat plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from flocktime.flock.status import FlockState

if TYPE_CHECKING:
    from flocktime.flock.status import FlockStatus

__all__ = ["metrics_of"]

#: How many there are now; all other numbers of ``io`` count up.
_GAUGES: Final = frozenset({"unsupported_peers"})


def metrics_of(status: FlockStatus) -> dict[str, float]:
    """Names end in their unit; counters in ``_total``. The state is one number for each name of a state: 1 for that it is
    in. What is not known is left out.
    """
    values: dict[str, float | None] = {
        "flocktime_offset_us": status.offset_us,
        "flocktime_error_us": status.error_us,
        "flocktime_rate_ppm": status.rate_ppm,
        "flocktime_slew_ppm": status.slew_ppm,
        "flocktime_utc_slew_ppm": status.utc_slew_ppm,
        "flocktime_os_offset_us": status.os_offset_us,
        "flocktime_utc_offset_us": None if status.utc is None else status.utc.offset_us,
        "flocktime_utc_error_us": None if status.utc is None else status.utc.error_us,
        "flocktime_epoch": status.epoch,
        "flocktime_stamps_ahead_us": status.ahead_us,
        "flocktime_gate_us": status.gate_us,
        "flocktime_max_drift_us": status.max_drift_us,
        "flocktime_voters": status.voters,
        "flocktime_quorum": status.quorum,
        "flocktime_steering": status.steering,
        "flocktime_suspects_itself": status.suspects_itself,
        "flocktime_peers": len(status.peers),
        "flocktime_peers_heard": sum(peer.verdict != "silent" for peer in status.peers),
        "flocktime_peers_wrong": len(status.wrong),
        "flocktime_namesakes": len(status.namesakes),
    }
    values |= {f"flocktime_state_{state}": state == status.state for state in get_args(FlockState)}
    values |= {f"flocktime_{name}_total": count for name, count in status.counters.items()}
    values |= {
        f"flocktime_io_{name}{'' if name in _GAUGES else '_total'}": count
        for name, count in status.io.items()
        if isinstance(count, int) and not isinstance(count, bool)
    }
    return {name: float(value) for name, value in values.items() if value is not None}
