"""The comparison as one small picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from benches.comparison.flock.worlds import CONTESTANTS, SECONDS, WORLDS, WRONG_FROM_S
from matplotlib.figure import Figure

_STYLE: Final[Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "font.size": 9.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "flocktime",
}
_MARKS: Final = ((10.0, "10 µs"), (1e3, "1 ms"), (1e6, "1 s"), (3.6e9, "1 h"), (3.15576e13, "1 year"))
#: By contestant and world: seconds and microseconds.
Curves = Mapping[tuple[int, int], Sequence[tuple[float, float]]]
#: The first three worlds are drawn: it is a small picture.
SHOWN: Final = 3


def draw(curves: Curves, path: Path) -> None:
    """Write the SVG: one seed, a panel for each world, a line for each contestant."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 3.1), layout="constrained")
        panels = figure.subplots(1, SHOWN, sharey=True)
        for number, axes in enumerate(panels):
            axes.set_title(WORLDS[number].name, loc="left")
            if number:
                axes.axvspan(WRONG_FROM_S, SECONDS, color="#c22f2f", alpha=0.06, lw=0)
            for contestant, way in enumerate(CONTESTANTS):
                points = curves[contestant, number]
                width = 1.8 if contestant == len(CONTESTANTS) - 1 else 1.1
                axes.plot(*zip(*points, strict=True), color=way.colour, lw=width, label=way.name)
            axes.set_xlim(0, SECONDS)
            axes.set_yscale("log")
            axes.set_ylim(5, 3e15)
            axes.set_yticks([mark for mark, _ in _MARKS], [name for _, name in _MARKS])
            axes.minorticks_off()
            axes.grid(axis="y", color="0.92", lw=0.6)
            axes.set_xlabel("true time, s")
        panels[0].set_ylabel("honest stamps are off by")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(CONTESTANTS), frameon=False)
        figure.savefig(path, metadata={"Date": None})
