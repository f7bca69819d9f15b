"""The standing member of a flock in this process: one thread that drives a gossip machine on a UDP socket and says to this
process's clocks what to follow; a second thread only while there are names to resolve.

A forked child has neither thread nor socket. Its copy of a member says that it is detached, every call on it returns at once
and takes no lock, and sources that follow its steering show their base.
"""

from flocktime._fallback.member.standing import FlockMember

__all__ = ["FlockMember"]
