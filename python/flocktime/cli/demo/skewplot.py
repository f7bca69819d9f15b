"""The report's picture of the flock: how far apart its clocks truly were, all the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flocktime.cli.demo.plots import svg
from flocktime.cli.demo.skew import spread_us

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from flocktime.cli.demo.flocking import FlockJudgement
    from flocktime.cli.demo.verdict import Judgement

#: Below this, in microseconds, there is nothing to be told apart by two looks.
LEAST_US: Final = 0.5
#: And above, everything is out of the picture: years.
MOST_US: Final = 2e10

_UNITS: Final = {1.0: "1 µs", 1e2: "100 µs", 1e4: "10 ms", 1e6: "1 s", 1e8: "100 s", 1e10: "3 h"}


def skews(judgement: Judgement) -> str | None:
    """The largest distance of synchronised members, each member's from the middle, and that of the wall clocks."""
    flock = judgement.flock
    if flock is None or len(flock.moments) < 2:
        return None
    return svg(lambda figure: _draw(figure, judgement, flock), 9, 4.6)


def _draw(figure: Figure, judgement: Judgement, flock: FlockJudgement) -> None:
    axes = figure.subplots()
    start_ns = flock.timeline.together_ns or flock.moments[0].true_ns
    seconds = [(moment.true_ns - start_ns) / 1e9 for moment in flock.moments]
    for index, service in enumerate(judgement.plan.services):
        distance = [
            abs(moment.ahead_ns[service.name] - (moment.middle_ns or 0.0)) / 1e3
            if service.name in moment.ahead_ns
            else None
            for moment in flock.moments
        ]
        axes.plot(seconds, _shown(distance), color=f"C{index % 10}", lw=1, alpha=0.8, label=service.name)
    honest = [service.name for service in judgement.plan.services if service.role == "honest"]
    walls = [spread_us([m.wall_ns[name] for name in honest if name in m.wall_ns]) for m in flock.moments]
    axes.plot(seconds, _shown(walls), color="#b0552b", lw=1.5, ls="--", label="honest wall clocks, farthest pair")
    together = [moment.skew_us for moment in flock.moments]
    axes.plot(seconds, _shown(together), color="black", lw=2, label="synchronised members, farthest pair")
    for true_ns, what in flock.timeline.marks():
        at_s = (true_ns - start_ns) / 1e9
        axes.axvline(at_s, color="0.6", lw=0.8)
        axes.text(at_s, 0.99, f" {what}", transform=axes.get_xaxis_transform(), va="top", size="x-small", rotation=90)
    axes.set_yscale("log")
    axes.set_ylim(LEAST_US, MOST_US)
    axes.set_yticks(list(_UNITS), list(_UNITS.values()))
    axes.set_xlabel("true time, seconds")
    axes.set_ylabel("from the flock's middle")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=5, frameon=False, fontsize="small")


def _shown(values: list[float | None]) -> list[float]:
    return [float("nan") if value is None else min(max(value, LEAST_US), MOST_US) for value in values]
