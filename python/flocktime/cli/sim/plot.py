"""Pairwise skew over true time, and who is in which state, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from flocktime.simulation import Outcome, Sample

#: More instants than this are thinned out: nobody could tell them apart.
MOST_POINTS: Final = 2_000
#: A skew of zero has no place on a logarithmic axis.
LEAST_US: Final = 0.1
_STYLE: Final[Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9.0,
    "svg.hashsalt": "flocktime",
}
_STATES: Final = (
    ("in step", "#1f6f8b"),
    ("joining", "#d9d9d9"),
    ("undecided", "#e0b040"),
    ("degraded", "#b0552b"),
)


def draw(outcomes: Sequence[Outcome], scenario: Mapping[str, Any], path: Path) -> None:
    """Write the picture. The first run is drawn in full, of the others the greatest skew alone."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 5), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        first = outcomes[0]
        _skews(upper, outcomes)
        _states(lower, _thinned(first.series))
        for axes in (upper, lower):
            _troubled_times(axes, scenario, first.seconds)
        upper.set_title(f"{first.name or 'flock'}: {first.nodes} members, seed {first.seed}", loc="left")
        lower.set_xlabel("true time, seconds")
        lower.set_xlim(0, first.seconds)
        metadata: dict[str, Any] = {"Date": None} if path.suffix.lower() == ".svg" else {}
        figure.savefig(path, dpi=160, metadata=metadata)


def _skews(axes: Any, outcomes: Sequence[Outcome]) -> None:
    for other in outcomes[1:]:
        _line(axes, other.series, lambda sample: sample.skew_ns, color="#1f6f8b", alpha=0.25, lw=0.6)
    series = outcomes[0].series
    _line(axes, series, lambda sample: sample.all_skew_ns, color="0.7", lw=1, label="L, in step or not")
    _line(axes, series, _stamp_skew_ns, color="#b0552b", lw=0.8, ls=":", label="stamps")
    _line(axes, series, lambda sample: sample.skew_ns, color="#1f6f8b", lw=1.4, label="L, in step: all pairs")
    _line(axes, series, lambda sample: sample.p50_ns, color="#7fb3c4", lw=1, label="half of the pairs")
    axes.set_yscale("log")
    axes.set_ylabel("greatest skew, µs")
    axes.grid(axis="y", color="0.92", lw=0.6)
    axes.legend(loc="upper right", ncols=2, frameon=False)


def _stamp_skew_ns(sample: Sample) -> float | None:
    return None if sample.stamp_skew_us is None else sample.stamp_skew_us * 1e3


def _line(axes: Any, series: Sequence[Sample], number: Callable[[Sample], float | None], **style: Any) -> None:
    points = [(sample.t_s, number(sample)) for sample in _thinned(series)]
    seconds = [t for t, _ in points]
    # Not a number breaks the line where nobody is in step.
    values = [float("nan") if value is None else max(value / 1e3, LEAST_US) for _, value in points]
    if any(value == value for value in values):  # noqa: PLR0124 - only what is a number equals itself
        axes.plot(seconds, values, **style)


def _states(axes: Any, series: Sequence[Sample]) -> None:
    seconds = [sample.t_s for sample in series]
    in_step = [min(sample.synchronised, sample.alive) for sample in series]
    undecided = [sample.undecided for sample in series]
    degraded = [sample.degraded for sample in series]
    rest = [
        max(0, sample.alive - others)
        for sample, others in zip(series, map(sum, zip(in_step, undecided, degraded, strict=True)), strict=True)
    ]
    colours = [colour for _, colour in _STATES]
    labels = [label for label, _ in _STATES]
    axes.stackplot(seconds, in_step, rest, undecided, degraded, colors=colours, labels=labels, lw=0)
    axes.set_ylabel("honest members")
    axes.legend(loc="lower right", ncols=len(_STATES), frameon=True, framealpha=0.8, fontsize="x-small")


def _troubled_times(axes: Any, scenario: Mapping[str, Any], seconds: float) -> None:
    """Shade what begins and ends: partitions, and faults that do not last the whole run."""
    for trouble in (*scenario.get("partitions", ()), *scenario.get("faults", ())):
        begin, end = trouble.get("from_s", 0.0), trouble.get("to_s")
        if begin > 0 or end is not None:
            axes.axvspan(begin, min(end or seconds, seconds), color="#c22f2f", alpha=0.07, lw=0)


def _thinned(series: Sequence[Sample]) -> Sequence[Sample]:
    return series[:: max(1, len(series) // MOST_POINTS)]
