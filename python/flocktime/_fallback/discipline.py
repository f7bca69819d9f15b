"""``Discipline``: the disciplined clock as a line over the raw counter. Pure arithmetic, for any numbers."""

from __future__ import annotations

from collections import namedtuple

from flocktime._fallback.arithmetic import MAX_U64, saturated_i64, to_i64

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Final

#: Binary places of a rate error in fixed point: 1e-18, a ten-thousandth of a nanosecond in a day. Errors up to 8 fit.
POINT: Final = 60


class Discipline(
    namedtuple(
        "Discipline",
        (
            "h0_ns",  # where it begins, raw nanoseconds; before that it stands still
            "l0_ns",  # what it shows there, nanoseconds since 1970
            "y",  # rate correction
            "s",  # phase slew
            "u",  # slow slew towards UTC
            "slew_ns",  # how long the slews last, raw nanoseconds
        ),
        defaults=(0, 0, 0.0, 0.0, 0.0, 0),
    )
):
    """``L(H) = L0 + (1 + y)(1 + s + u)(H - H0)``; after ``slew_ns``, ``s`` and ``u`` are zero.

    The slews end by themselves, so that a stalled agent, a stopped process or a forked child does not run away: 5 % for a
    minute would be 3 s.

    >>> fast = Discipline(h0_ns=1_000, l0_ns=50_000, s=0.05, slew_ns=2_000)
    >>> fast.at(2_000), fast.at(11_000)  # 2,000 ns of slewing, not 10,000
    (51050, 60100)
    """

    __slots__ = ()
    h0_ns: int
    l0_ns: int
    y: float
    s: float
    u: float
    slew_ns: int

    def at(self, h_ns: int) -> int:
        """L at this H, to the nanosecond, rounded down. Beyond 64 bits it is the nearest that fits."""
        elapsed = max(0, h_ns - self.h0_ns)
        slewing = min(elapsed, self.slew_ns)
        # Exact, hence monotonic: one nanosecond of H adds one, and a product that falls by less than one.
        gained = slewing * _fixed(self._error_slewing()) + (elapsed - slewing) * _fixed(self.y)
        return saturated_i64(self.l0_ns + elapsed + (gained >> POINT))

    def slope_at(self, h_ns: int) -> float:
        """Nanoseconds of L in a nanosecond of H. Before ``h0_ns`` it is what it will be there."""
        return 1.0 + (self._error_slewing() if self.is_slewing(h_ns) else self.y)

    def holds_ns(self, h_ns: int) -> int:
        """For how many nanoseconds of H that slope holds: none before ``h0_ns``, for ever once the slews are over."""
        elapsed = h_ns - self.h0_ns
        if elapsed < 0:
            return 0
        return self.slew_ns - elapsed if elapsed <= self.slew_ns else MAX_U64

    def is_slewing(self, h_ns: int) -> bool:
        """Whether ``s`` and ``u`` are in force at this H."""
        return max(0, h_ns - self.h0_ns) <= self.slew_ns

    def rebased(self, h_ns: int, y: float, s: float, u: float, slew_ns: int) -> Discipline:
        """Another line from here on, which shows at this H what this one does, also where that lies before its beginning."""
        return Discipline(h_ns, self.at(h_ns), y, s, u, slew_ns)

    def _error_slewing(self) -> float:
        """The slope less one while it slews. From the small numbers: adding them to one first would cost digits."""
        slew = self.s + self.u
        return self.y + slew + self.y * slew


def _fixed(error: float) -> int:
    """A rate error in fixed point. What does not fit is as far off as fits; what is no number is none."""
    return to_i64(error * float(1 << POINT))
