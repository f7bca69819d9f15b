"""The flock: clocks that agree by talking to a few neighbours, and refuse to be dragged."""

from flocktime.errors import FlockError, HeaderError, InvalidKey, NotReady
from flocktime.flock.flock import Flock
from flocktime.flock.keys import new_key
from flocktime.flock.status import FlockState, FlockStatus, PeerStatus, StateChange, Suspect, UtcEstimate

__all__ = [
    "Flock",
    "FlockError",
    "FlockState",
    "FlockStatus",
    "HeaderError",
    "InvalidKey",
    "NotReady",
    "PeerStatus",
    "StateChange",
    "Suspect",
    "UtcEstimate",
    "new_key",
]
