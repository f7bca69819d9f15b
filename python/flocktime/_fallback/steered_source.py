"""``FlockSource``: a clock that follows what a flock has agreed on, as long as somebody steers it."""

from __future__ import annotations

import math
from collections import namedtuple

from flocktime._fallback import forks
from flocktime._fallback.arithmetic import saturated_u64, to_u64
from flocktime._fallback.discipline import Discipline
from flocktime._fallback.interval import DRIFT_PPB, Bound, Vouched, grown
from flocktime._fallback.sources import OwnSource, Source
from flocktime.errors import _not_ready

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn


class Guidance(
    namedtuple(
        "Guidance",
        (
            "discipline",  # the flock's time as this member has it
            "in_force",  # whether that is what the source shows; else it shows its base's wall time
            "limit_us",  # how far remote timestamps may lead, inclusive, where that is less than the clock's own limit; or None
            "refuse",  # whether the source fails as long as the discipline is not in force
            "error_ns",  # what the discipline may be wrong by against UTC where it begins; None: nobody vouches for it
            "free_running",  # that is what an earlier round knew, grown: nobody vouches any more
        ),
        defaults=(Discipline(), False, None, False, None, False),
    )
):
    """What a flock says about time. The default: nothing yet, the base is in force."""

    __slots__ = ()
    discipline: Discipline
    in_force: bool
    limit_us: int | None
    refuse: bool
    error_ns: int | None
    free_running: bool

    def bound_at(self, h_ns: int) -> Bound | None:
        """What it may be wrong by at this H, against UTC. It grows with its age: by what the line slews, and by what an
        oscillator may drift. ``None`` where nobody vouches, and before the line begins: H went back.

        Free running is also what has not been renewed for as long as a line slews, which is two rounds."""
        line = self.discipline
        age_ns = h_ns - line.h0_ns
        if self.error_ns is None or age_ns < 0:
            return None
        slewed = to_u64(float(math.ceil(float(min(age_ns, line.slew_ns)) * (abs(line.s) + abs(line.u)))))
        error_ns = grown(saturated_u64(self.error_ns + slewed), age_ns, DRIFT_PPB)
        return Bound(error_ns, self.free_running or age_ns > line.slew_ns, "flock")


class Steering:
    """The rudder of one flock: its agent publishes, any number of sources follow.

    Belongs to the process that made it. In a forked child, which has no agent, nothing steers: the child needs another one.
    """

    __slots__ = ("_generation", "guidance")

    def __init__(self) -> None:
        #: What was published last, also in a forked child. Replaced as a whole: readers see all of it or nothing.
        self.guidance = Guidance()
        self._generation = forks.generation

    @property
    def is_copied(self) -> bool:
        """Whether a fork lies between this and the process that it belongs to."""
        return self._generation != forks.generation


class FlockSource(OwnSource):
    """The time that a flock has agreed on, as a source for a clock; until then that of the source beneath."""

    __slots__ = ("_base", "_steering")
    __module__ = "flocktime"

    def __init__(self, base: Source, steering: Steering) -> None:
        self._base = base
        self._steering = steering

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'flocktime.FlockSource' is not an acceptable base type")

    def __call__(self) -> int:
        if self._steering.is_copied:
            return self._base.wall_ns()
        guidance = self._steering.guidance
        if guidance.in_force:
            return guidance.discipline.at(self._base.raw_ns())
        if guidance.refuse:
            raise _not_ready()
        return self._base.wall_ns()

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds of the source beneath."""
        return self._base.monotonic_ns()

    def _raw_ns(self) -> int:
        return self._base.raw_ns()

    def _max_drift_us(self, configured: int | None) -> int | None:
        limit = None if self._steering.is_copied else self._steering.guidance.limit_us
        return configured if configured is None or limit is None else min(configured, limit)

    def _vouched(self, system: Callable[[], Vouched]) -> Vouched:
        """What it shows, with the flock's bound where the flock has one, else whatever is beneath has to say."""
        guidance = self._steering.guidance
        raw_ns = self._base.raw_ns()
        bound = guidance.bound_at(raw_ns)
        if bound is None or not guidance.in_force or self._steering.is_copied:
            return self._base.vouched(system)
        return Vouched(guidance.discipline.at(raw_ns), bound)

    @property
    def _on_os_clock(self) -> bool:
        return self._base.on_os_clock

    @property
    def _moved_by_hand(self) -> bool:
        return self._base.moved_by_hand

    def __repr__(self) -> str:
        return "<flocktime.FlockSource>"
