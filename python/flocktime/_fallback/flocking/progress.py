"""What rounds add up to: who is synchronised, who is degraded, who has come back."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from flocktime._fallback.flocking.step import QUORUM, Step
from flocktime._fallback.flocking.tuning import Tuning

#: Ahead or behind for so many rounds is no accident.
LASTING_ROUNDS: Final = 3
#: Behind for so many: the quorum is right, and this member's own OS clock is not.
REJOIN_ROUNDS: Final = 10


class State(IntEnum):
    """How a member stands in its flock. The numbers are those of the packet."""

    ALONE = 0  # nobody was heard lately
    JOINING = 1  # others were heard; not yet together
    UNDECIDED = 2  # too few voters, or too divided, to tell who is right
    SYNCHRONISED = 3  # within a millisecond of the flock for ten rounds
    DEGRADED = 4  # far from a quorum: stamps follow the flock instead of this member's own clock
    MONITORING = 5  # measures and reports, never steers

    @property
    def word(self) -> str:
        """The word for it."""
        return self.name.lower()


class Standing(NamedTuple):
    """What ``Progress.advance`` has to know of a round."""

    heard: int  # peers heard lately, voting or not
    voters: int  # peers that voted
    limit_ns: float  # the drift limit of those who are together: beyond it they refuse this member's stamps


class Progress:
    """Counts rounds. Pure: the same rounds lead to the same progress."""

    __slots__ = ("_astray", "_close", "_far", "_few", "_lonely", "degraded", "joined", "rated_rounds", "state")

    def __init__(self) -> None:
        #: How this member stood after the latest round.
        self.state = State.ALONE
        #: It has been synchronised once; never taken back.
        self.joined = False
        #: Rounds in which it has followed measured rates.
        self.rated_rounds = 0
        self._close = 0
        self._far = 0
        self._lonely = 0
        self._astray = 0
        self._few = 0
        #: It is far from a quorum: what it shows is the quorum's time.
        self.degraded = False

    @property
    def rejoining(self) -> bool:
        """Far from the quorum for so long that the quorum's word counts more than its own OS clock."""
        return self._astray >= REJOIN_ROUNDS

    def advance(self, step: Step, standing: Standing, tuning: Tuning) -> State:
        """Take a round in and say how this member stands."""
        close = standing.voters > 0 and not step.undecided and abs(step.offset_ns) < tuning.close_ns
        self._close = min(self._close + 1, tuning.close_rounds) if close else 0
        self._far = 0 if close else self._far + 1
        self._lonely = 0 if standing.voters > 0 else self._lonely + 1
        self.rated_rounds += step.rated > 0
        self._few = self._few + 1 if standing.voters < QUORUM else 0
        self._watch_distance(step, standing.limit_ns, tuning)
        was_synchronised = self.state == State.SYNCHRONISED
        # Who was synchronised stays so through a few bad rounds, but not alone and not divided.
        holds = was_synchronised and self._far < tuning.close_rounds and self._lonely < tuning.close_rounds
        if standing.heard == 0 and (self._lonely >= LASTING_ROUNDS or self.state == State.ALONE):
            self.state = State.ALONE
        elif step.undecided:
            self.state = State.UNDECIDED
        elif self.degraded:
            self.state = State.DEGRADED
        elif self._close == tuning.close_rounds or holds:
            self.joined = True
            self.state = State.SYNCHRONISED
        else:
            self.state = State.JOINING
        return self.state

    def _watch_distance(self, step: Step, limit_ns: float, tuning: Tuning) -> None:
        """Far ahead of a quorum or far behind it, for three rounds and until well back."""
        distance = abs(step.median_ns)
        if not (self.joined and step.quorum):
            self._astray = 0
            # A quorum that is lost leaves things as they are, but not for ever: the few who are left have to find together.
            self.degraded = self.degraded and self.joined and self._few < tuning.close_rounds
            return
        self._astray = self._astray + 1 if distance > limit_ns / 2.0 else 0
        if self._astray >= LASTING_ROUNDS:
            self.degraded = True
        elif distance < limit_ns / 4.0:
            self.degraded = False
