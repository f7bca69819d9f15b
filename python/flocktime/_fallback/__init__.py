"""The clock in plain Python: the readable reference, and what runs where the compiled core was not built.

Same behaviour as ``flocktime._core`` down to messages, hashes and pickles; the same tests run on both.
"""

from __future__ import annotations

from flocktime._fallback.clock import Clock
from flocktime._fallback.event_buffer import EventBuffer
from flocktime._fallback.skewed_source import SkewedSource
from flocktime._fallback.sources import ManualSource
from flocktime._fallback.timestamp import Timestamp

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any

    from flocktime._fallback import member
    from flocktime._fallback.gossip import by_hand

__all__ = ["Clock", "EventBuffer", "FlockMember", "GossipMachine", "ManualSource", "SkewedSource", "Timestamp"]


# Called like the classes of the compiled core. Sockets, threads and hashes are imported with the first one that is made: most
# programs start with a clock, in a few milliseconds.


def FlockMember(**options: Any) -> member.FlockMember:  # noqa: N802
    """The member of a flock of this process."""
    from flocktime._fallback.member import FlockMember as Member

    return Member(**options)


def GossipMachine(**options: Any) -> by_hand.GossipMachine:  # noqa: N802
    """One member's rules without sockets, threads and clocks."""
    from flocktime._fallback.gossip.by_hand import GossipMachine as Machine

    return Machine(**options)
