"""What a person sees while it runs: a live table on a terminal, plain lines elsewhere. All of it on standard error."""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flocktime.cli.demo.looking import State
from flocktime.cli.demo.skew import Moment, spread_us
from flocktime.cli.demo.words import counted, lasting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flocktime.cli.demo.driver import Load
    from flocktime.cli.demo.looking import Looking
    from flocktime.cli.demo.perform import Watcher
    from flocktime.cli.demo.plan import Plan, ServicePlan

#: Plain lines come this far apart.
PLAIN_EVERY_S: Final = 2.0
#: How much of the past the little curve of skews shows, and between which skews (microseconds, on a logarithmic scale).
CURVE_LOOKS: Final = 60
CURVE_FROM_US: Final = 10.0
CURVE_TO_US: Final = 1e9

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BARS: Final = "▁▂▃▄▅▆▇█"
_STYLES: Final = {"synchronised": "green", "joining": "cyan", "degraded": "red", "undecided": "yellow"}


@contextmanager
def display(console: Console) -> Iterator[Watcher]:
    """The watcher that suits the console."""
    if not console.is_terminal:
        yield PlainWatcher(console)
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield LiveWatcher(live)


def apart(moment: Moment | None) -> tuple[str, float | None]:
    """The largest distance of those that are synchronised; of all, before there are two."""
    if moment is None:
        return "nobody seen yet", None
    if moment.skew_us is not None:
        return f"{len(moment.together)} synchronised, {lasting(round(moment.skew_us))} apart", moment.skew_us
    skew_us = spread_us(list(moment.ahead_ns.values()))
    return "not synchronised" + ("" if skew_us is None else f", {lasting(round(skew_us))} apart"), skew_us


class PlainWatcher:
    """A line when something begins, and one every other second in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._plan: Plan | None = None
        self._began = time.monotonic()
        self._next_s = 0.0

    def starting(self, plan: Plan) -> None:
        self._plan = plan
        self._say(f"starting {len(plan.services)} services")

    def joining(self, looking: Looking) -> None:
        if self._is_due():
            self._say(f"joining: {apart(looking.moment())[0]}")

    def running(self, elapsed_s: float, load: Load, looking: Looking) -> None:
        if not self._is_due() or self._plan is None:
            return
        events = sum(state.events for state in looking.states.values())
        refused = sum(state.refused for state in looking.states.values())
        self._say(
            f"running: {elapsed_s:.1f} of {self._plan.seconds:g} s, {counted(load.requests, 'request')}, "
            f"{counted(events, 'event')}, {counted(refused, 'message')} refused; {apart(looking.moment())[0]}"
        )

    def judging(self) -> None:
        self._say("judging the logs")

    def _is_due(self) -> bool:
        elapsed_s = time.monotonic() - self._began
        if elapsed_s < self._next_s:
            return False
        self._next_s = elapsed_s + PLAIN_EVERY_S
        return True

    def _say(self, what: str) -> None:
        elapsed_s = time.monotonic() - self._began
        self._console.print(f"[{elapsed_s:5.1f} s] {what}", markup=False, highlight=False, soft_wrap=True)


class LiveWatcher:
    """A table that shows every service's idea of the time, how far they are apart, and a bar."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._plan: Plan | None = None
        self._skews: deque[float] = deque(maxlen=CURVE_LOOKS)

    def starting(self, plan: Plan) -> None:
        self._plan = plan
        self._show(Text(f"starting {len(plan.services)} services ..."))

    def joining(self, looking: Looking) -> None:
        self._show_states(looking, Text("the flock is forming; no requests yet", "dim"))

    def running(self, elapsed_s: float, load: Load, looking: Looking) -> None:
        if self._plan is None:
            return
        done_s = min(elapsed_s, self._plan.seconds)
        below = Table.grid(padding=(0, 2))
        below.add_row(
            ProgressBar(total=self._plan.seconds, completed=done_s, width=40),
            f"{done_s:.1f} of {self._plan.seconds:g} s",
            f"{counted(load.requests, 'request')}, {load.under_way} under way",
        )
        self._show_states(looking, below)

    def judging(self) -> None:
        self._show(Text("judging the logs ..."))

    def _show_states(self, looking: Looking, below: Table | Text) -> None:
        if self._plan is None:
            return
        moment = looking.moment()
        words, skew_us = apart(moment)
        if skew_us is not None:
            self._skews.append(skew_us)
        line = Text.assemble(("skew  ", "bold"), (_curve(self._skews), "green"), f"  {words}")
        self._show(_states_table(self._plan, looking, moment), Text(), line, below)

    def _show(self, *what: Table | Text) -> None:
        self._live.update(Group(*what), refresh=True)


def _curve(skews: deque[float]) -> str:
    """One character a look: as high as the skew's logarithm."""
    width = math.log(CURVE_TO_US / CURVE_FROM_US)
    heights = [math.log(max(skew, CURVE_FROM_US) / CURVE_FROM_US) / width for skew in skews]
    return "".join(_BARS[min(len(_BARS) - 1, int(height * len(_BARS)))] for height in heights)


def _states_table(plan: Plan, looking: Looking, moment: Moment | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for heading in ("service", "its wall clock", "its flock"):
        table.add_column(heading, no_wrap=True)
    table.add_column("from the middle", justify="right", no_wrap=True, min_width=15)
    for heading in ("events", "refused"):
        table.add_column(heading, justify="right")
    table.add_column("calls wrong")
    names = looking.names()
    for service in plan.services:
        table.add_row(*_state_row(service, looking.states.get(service.name), moment, names))
    return table


def _state_row(service: ServicePlan, state: State | None, moment: Moment | None, names: dict[int, str]) -> list[Text]:
    style = "" if service.role == "honest" else "yellow"
    if state is None or not state.looks:
        note = "..." if state is None or state.note is None else state.note
        return [Text(service.name, style), Text(""), Text(note, "dim")]
    look = state.looks[-1]
    wrong = [names.get(node, f"{node:012x}") for node in look.wrong]
    return [
        Text(service.name, style),
        Text(_moment(state.wall_us), style),
        Text(look.state, _STYLES.get(look.state, "dim")),
        Text(_from_the_middle(service.name, moment)),
        Text(f"{state.events:,}"),
        Text(f"{state.refused:,}"),
        Text(", ".join([*wrong, *(["itself"] if look.suspects_itself else [])]), "yellow"),
    ]


def _from_the_middle(name: str, moment: Moment | None) -> str:
    if moment is None or name not in moment.ahead_ns or moment.middle_ns is None:
        return ""
    away_us = round((moment.ahead_ns[name] - moment.middle_ns) / 1e3)
    return f"{'+' if away_us > 0 else ''}{lasting(away_us)}"


def _moment(us: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=us):%Y-%m-%d %H:%M:%S.%f}"[:-5]
