"""What a person sees while it runs: a live table on a terminal, plain lines elsewhere. All of it on standard error."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flocktime.cli.demo.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flocktime.cli.demo.driver import Load
    from flocktime.cli.demo.perform import Watcher
    from flocktime.cli.demo.plan import Plan, ServicePlan

#: Plain lines come this far apart.
PLAIN_EVERY_S: Final = 2.0

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
States = dict[str, dict[str, Any]]


@contextmanager
def display(console: Console) -> Iterator[Watcher]:
    """The watcher that suits the console."""
    if not console.is_terminal:
        yield PlainWatcher(console)
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield LiveWatcher(live)


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

    def running(self, elapsed_s: float, load: Load, states: States) -> None:
        if elapsed_s < self._next_s or self._plan is None:
            return
        self._next_s = elapsed_s + PLAIN_EVERY_S
        events = sum(state["events"] for state in states.values())
        refused = sum(state["refused"] for state in states.values())
        self._say(
            f"running: {elapsed_s:.1f} of {self._plan.seconds:g} s, {counted(load.requests, 'request')}, "
            f"{counted(events, 'event')}, {counted(refused, 'message')} refused"
        )

    def judging(self) -> None:
        self._say("judging the logs")

    def _say(self, what: str) -> None:
        elapsed_s = time.monotonic() - self._began
        self._console.print(f"[{elapsed_s:5.1f} s] {what}", markup=False, highlight=False, soft_wrap=True)


class LiveWatcher:
    """A table that shows every service's idea of the time, and a bar."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._plan: Plan | None = None

    def starting(self, plan: Plan) -> None:
        self._plan = plan
        self._show(Text(f"starting {len(plan.services)} services ..."))

    def running(self, elapsed_s: float, load: Load, states: States) -> None:
        if self._plan is None:
            return
        done_s = min(elapsed_s, self._plan.seconds)
        below = Table.grid(padding=(0, 2))
        below.add_row(
            ProgressBar(total=self._plan.seconds, completed=done_s, width=40),
            f"{done_s:.1f} of {self._plan.seconds:g} s",
            f"{counted(load.requests, 'request')}, {load.under_way} under way",
        )
        self._show(_states_table(self._plan, states), below)

    def judging(self) -> None:
        self._show(Text("judging the logs ..."))

    def _show(self, *what: Table | Text) -> None:
        self._live.update(Group(*what), refresh=True)


def _states_table(plan: Plan, states: States) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for heading in ("service", "its wall clock", "its last timestamp"):
        table.add_column(heading, no_wrap=True)
    for heading in ("events", "refused"):
        table.add_column(heading, justify="right")
    table.add_column("suspects\nitself")
    for service in plan.services:
        table.add_row(*_state_row(service, states.get(service.name)))
    return table


def _state_row(service: ServicePlan, state: dict[str, Any] | None) -> list[Text]:
    style = "" if service.role == "honest" else "yellow"
    if state is None:
        return [Text(service.name, style), Text("...", "dim")]
    return [
        Text(service.name, style),
        Text(_moment(state["wall_us"]), style),
        Text("" if state["stamp_us"] is None else _moment(state["stamp_us"]), style),
        Text(f"{state['events']:,}"),
        Text(f"{state['refused']:,}"),
        Text("yes", "yellow") if state["suspects_self"] else Text("no", "dim"),
    ]


def _moment(us: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=us):%Y-%m-%d %H:%M:%S.%f}"[:-5]
