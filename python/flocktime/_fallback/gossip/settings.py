"""What a machine is made with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from flocktime._fallback.flocking import Tuning
from flocktime._fallback.gossip.keyring import Keyring

#: The most peers that a member remembers, whatever it is told.
MAX_PEERS: Final = 4096
#: As an anchor: not this member's OS clock.
NEVER: Final = -1


@dataclass(slots=True, kw_only=True)
class Settings:
    """What a machine is made with: four requests a second to sixteen partners in turn, no key, steering."""

    node: int
    """The clock's node id, 48 bits."""
    incarnation: int
    """Another one for each start: what tells a restarted member from its former self."""
    origin: int
    """The same for each start: what a member is known by, with one vote, whatever ids it shows."""
    keyring: Keyring = field(default_factory=Keyring)
    """Signs and verifies."""
    fanout: int = 4
    """Requests a round."""
    view: int = 16
    """Partners that requests go to in turn; one is replaced from time to time."""
    steer: bool = True
    """False: measure and report only."""
    refuse_until_ready: bool = False
    """Until the first synchronisation the clock refuses instead of following the OS clock."""
    anchor: int | None = None
    """Whose OS clock counts as UTC. ``None``: this member's, while its operating system says that it is synchronised; ``NEVER``;
    else this member's, always, to within so many nanoseconds: an operator's word."""
    tuning: Tuning = field(default_factory=Tuning)
    """The control loop."""
