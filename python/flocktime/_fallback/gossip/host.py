"""What a machine asks of its surroundings."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from flocktime._fallback.timestamp import Timestamp


class OsTime(NamedTuple):
    """The OS clock at one instant."""

    wall_ns: int  # since 1970
    error_ns: int | None  # what it may be wrong by, where the operating system says that it is synchronised to UTC


class Host(Protocol):
    """The world around a machine: the operating system, or numbers."""

    def raw_ns(self) -> int:
        """H: nanoseconds of the free-running oscillator. It should never go back; a machine survives it."""

    def os(self) -> OsTime:
        """The OS clock."""

    def random(self) -> int:
        """Sixty-four bits that nobody can guess."""

    def stamp(self) -> Timestamp | None:
        """A send event of this member's clock; ``None`` while it has no time to give."""

    def node(self) -> int | None:
        """The node id that this member's clock stamps under by now: a reset changes it. ``None``: that of the settings."""

    def merge(self, remote: Timestamp, trusted: bool) -> None:
        """A receive event: merge what came in an accepted packet. ``trusted``: the cluster's key vouches for its epoch."""
