"""The report's pictures, as SVG text."""

from __future__ import annotations

from collections import Counter, defaultdict
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flocktime.cli.demo.verdict import Judgement
    from flocktime.cli.judgement import Event

#: More points of one service than this are thinned out: nobody could tell them apart.
MOST_POINTS: Final = 1_200

_WALL, _STAMP, _BACKWARDS = "#b0552b", "#1f6f8b", "#c22f2f"
_STYLE: Final[Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "font.size": 9.0,
    "svg.hashsalt": "flocktime",
}


def distances(judgement: Judgement) -> str:
    """Each honest service's distance from true time: its wall clock as a line, its stamps as dots."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        start = min(event.true_us or 0 for event in judgement.events)
        for index, service in enumerate(_honest(judgement)):
            own = _thinned([event for event in judgement.events if event.process == service])
            seconds = [((event.true_us or 0) - start) / 1e6 for event in own]
            wall = [((event.wall_us or 0) - (event.true_us or 0)) / 1e3 for event in own]
            stamp = [(event.stamp.physical_us - (event.true_us or 0)) / 1e3 for event in own]
            colour = f"C{index % 10}"
            axes.plot(seconds, wall, color=colour, lw=1.5, label=service)
            axes.scatter(seconds, stamp, s=5, color=colour, alpha=0.6, linewidths=0, rasterized=True)
        axes.axhline(0, color="black", lw=0.6)
        axes.set_xlabel("true time, seconds")
        axes.set_ylabel("ahead of true time, ms")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=7, frameon=False)

    return svg(draw, 9, 4)


def delays(judgement: Judgement) -> str:
    """How long after its cause each effect is placed: what lies left of zero is sorted backwards."""

    def draw(figure: Figure) -> None:
        judged = [edge for edge in judgement.messages if not edge.exempt]
        pairs = [(judgement.events[edge.cause], judgement.events[edge.effect]) for edge in judged]
        pairs = [(cause, effect) for cause, effect in pairs if _close(cause, effect)]
        wall = [((b.wall_us or 0) - (a.wall_us or 0)) / 1e3 for a, b in pairs]
        stamp = [(b.stamp.physical_us - a.stamp.physical_us) / 1e3 for a, b in pairs]
        upper, lower = figure.subplots(2, 1, sharex=True)
        bins = _bins([*wall, *stamp])
        for axes, values, colour, label in (
            (upper, wall, _WALL, "by wall clock"),
            (lower, stamp, _STAMP, "by flocktime"),
        ):
            axes.hist(values, bins=bins, color=colour)
            axes.axvspan(bins[0], 0, color=_BACKWARDS, alpha=0.08, lw=0)
            axes.set_title(label, loc="left")
            axes.set_ylabel("messages")
            axes.set_yscale("symlog", linthresh=10)
            axes.set_xlim(bins[0], bins[-1])
        lower.set_xlabel("received after sent, ms")

    return svg(draw, 9, 4)


def pairs(judgement: Judgement) -> str:
    """Who sent to whom: messages sorted backwards by wall clock, and messages refused."""

    def draw(figure: Figure) -> None:
        names = judgement.plan.names
        refused: Counter[tuple[str, str]] = Counter()
        for entry in judgement.refused:
            refused[entry.sender, entry.receiver] += entry.count
        left, right = figure.subplots(1, 2)
        _matrix(left, names, judgement.wall.by_pair, "sorted backwards by wall clock", "Oranges")
        _matrix(right, names, refused, "refused by drift policy", "Purples")

    size = len(judgement.plan.names)
    return svg(draw, 9, max(3.2, 0.42 * size + 1.2))


def one_request(judgement: Judgement) -> tuple[str, str] | None:
    """A request drawn twice, by wall clock and by flocktime, and its id; ``None`` if none was sorted backwards."""
    request = _most_backwards(judgement)
    if request is None:
        return None

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        _space_time(left, judgement, request, lambda event: event.wall_us or 0, "sorted by wall clock")
        _space_time(right, judgement, request, lambda event: event.stamp, "sorted by flocktime")

    return svg(draw, 9, 3.2), request


def _honest(judgement: Judgement) -> list[str]:
    return [service.name for service in judgement.plan.services if service.role == "honest"]


def _thinned(events: Sequence[Event]) -> Sequence[Event]:
    return events[:: max(1, len(events) // MOST_POINTS)]


def _bins(values: Sequence[float]) -> list[float]:
    """Sixty of equal width with an edge at zero."""
    width = max(max(values) - min(values), 1.0) / 60
    first, last = int(min(values) // width), int(max(values) // width) + 1
    return [step * width for step in range(first, last + 1)]


def _matrix(axes: Any, names: Sequence[str], counts: dict[tuple[str, str], int], title: str, colours: str) -> None:
    table = [[counts.get((sender, receiver), 0) for receiver in names] for sender in names]
    most = max(max(row) for row in table)
    axes.imshow(table, cmap=colours, vmin=0, vmax=max(1, most))
    small = "x-small" if len(names) > 8 else "small"
    for y, row in enumerate(table):
        for x, count in enumerate(row):
            if count:
                axes.text(
                    x, y, count, ha="center", va="center", size=small, color="white" if 2 * count > most else "black"
                )
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("received by")
    axes.set_ylabel("sent by")
    axes.set_title(title, loc="left")


def _most_backwards(judgement: Judgement) -> str | None:
    """Of the requests with something backwards by wall clock and nothing refused, the one through the most services."""
    backwards: Counter[str] = Counter()
    visited: defaultdict[str, set[str]] = defaultdict(set)
    spoiled = set()
    for edge in judgement.messages:
        request = judgement.of_request[edge.cause]
        cause, effect = judgement.events[edge.cause], judgement.events[edge.effect]
        visited[request] |= {cause.process, effect.process}
        backwards[request] += (effect.wall_us or 0) < (cause.wall_us or 0)
        if edge.exempt or not _close(cause, effect):
            spoiled.add(request)
    shown = [request for request, count in backwards.items() if count and request not in spoiled]
    return max(shown, key=lambda request: (len(visited[request]), backwards[request]), default=None)


def _close(cause: Event, effect: Event) -> bool:
    """Within a second by wall clock, so that both fit one picture."""
    return abs((effect.wall_us or 0) - (cause.wall_us or 0)) < 1_000_000


def _space_time(axes: Any, judgement: Judgement, request: str, key: Callable[[Event], Any], title: str) -> None:
    """One line a service, the order of the merged log to the right, an arrow a message."""
    events = {index: judgement.events[index] for index, name in enumerate(judgement.of_request) if name == request}
    position = {index: place for place, index in enumerate(sorted(events, key=lambda index: key(events[index])), 1)}
    lanes = {name: lane for lane, name in enumerate(dict.fromkeys(event.process for event in events.values()))}
    spots = {index: (position[index], lanes[event.process]) for index, event in events.items()}
    for lane in lanes.values():
        axes.axhline(lane, color="0.8", lw=1, zorder=0)
    for edge in judgement.messages:
        if edge.cause in events:
            backwards = position[edge.effect] < position[edge.cause]
            arrow = {"arrowstyle": "-|>", "color": _BACKWARDS if backwards else _STAMP, "shrinkA": 2, "shrinkB": 2}
            axes.annotate("", xy=spots[edge.effect], xytext=spots[edge.cause], arrowprops=arrow)
    axes.scatter(*zip(*spots.values(), strict=True), s=12, color="black", zorder=3)
    axes.set_yticks(list(lanes.values()), list(lanes))
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    axes.set_xlabel("position in the merged log")
    axes.set_title(title, loc="left")


def svg(draw: Callable[[Figure], None], width: float, height: float) -> str:
    """What was drawn, as text."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        out = StringIO()
        figure.savefig(out, format="svg", dpi=160, metadata={"Date": None})
    return out.getvalue()
