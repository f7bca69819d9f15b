"""Statuses of members that do not exist: one with everything in it, one of whom nobody hears."""

from __future__ import annotations

from flocktime.flock import FlockStatus, PeerStatus, UtcEstimate

PEER = PeerStatus(
    name="10.0.0.3:7700",
    node=0x2A,
    origin=7,
    state="synchronised",
    offset_us=788_400_000e6,
    error_us=54.6,
    delay_us=120.0,
    rate_ppm=None,
    voted=True,
    verdict="wrong",
    silent_rounds=0,
    oscillator_jumps=0,
)
FULL = FlockStatus(
    state="synchronised",
    steering=True,
    address="10.0.0.1:7700",
    name="billing",
    node=1,
    epoch=3,
    time_us=1_795_399_074_123_456,
    ahead_us=788_400_000_000_000,
    offset_us=-1.25,
    error_us=1234.5,
    rate_ppm=3.2,
    os_offset_us=-2_500_000.0,
    utc=UtcEstimate(1500.0, 300.0),
    voters=4,
    quorum=True,
    suspects_itself=True,
    peers=(PEER,),
    counters={"received": 7},
    io={"last_error": "send 10.0.0.9:7700: Network is unreachable", "failure": None},
    names=({"name": "flock.local:7700", "error": "no such host"},),
    peers_error="ConnectionError: away",
)
ALONE = FlockStatus(state="alone", steering=False, address="10.0.0.1:7700", name="billing", node=1, round=10)
