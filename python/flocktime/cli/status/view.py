"""A status as a table on the terminal: what ``flocktime node`` draws every second and ``flocktime status`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from flocktime.cli.status.words import clean, facts, ppm, span

if TYPE_CHECKING:
    from flocktime.flock.status import FlockStatus, PeerStatus

#: So many peers get a row; the worst come first, the rest is a number.
MOST_ROWS: Final = 40

_STATES: Final = {"synchronised": "green", "degraded": "yellow", "undecided": "yellow", "failed": "red"}
_VERDICTS: Final = {"good": "green", "wrong": "red", "silent": "dim"}
_ORDER: Final = {"wrong": 0, "good": 1, "listening": 2, "silent": 3}


def view(status: FlockStatus, most_rows: int = MOST_ROWS) -> Group:
    """Everything there is to see, with at most so many peers."""
    about = Table.grid(padding=(0, 2))
    about.add_column(style="bold", no_wrap=True)
    about.add_column()
    for name, words in facts(status):
        style = {"state": _STATES.get(status.state, ""), "warning": "yellow"}.get(name, "")
        about.add_row(Text(name), Text(words, style))
    if not status.peers:
        return Group(about)
    left = len(status.peers) - most_rows
    below = [Text(f"and {left} more peers", "dim")] if left > 0 else []
    return Group(about, Text(), _peers(status, most_rows), *below)


def _peers(status: FlockStatus, most_rows: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("peer", overflow="fold")
    table.add_column("state", no_wrap=True)
    for heading in ("offset", "±", "delay", "rate"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("voted", "verdict"):
        table.add_column(heading, no_wrap=True)
    order = sorted(status.peers, key=lambda peer: _ORDER.get(peer.verdict, 0))  # stable: as they were met
    for peer in order[:most_rows]:
        table.add_row(*_row(peer))
    return table


def _row(peer: PeerStatus) -> list[Text]:
    style = _VERDICTS.get(peer.verdict, "")
    faint = "dim" if peer.verdict == "silent" else ""
    return [
        Text(clean(peer.name), "red" if peer.verdict == "wrong" else faint),
        Text(clean(peer.state or "-"), faint),
        Text(span(peer.offset_us, sign=True), faint),
        Text(span(peer.error_us), faint),
        Text(span(peer.delay_us), faint),
        Text(ppm(peer.rate_ppm), faint),
        Text("yes" if peer.voted else "no", faint),
        Text(clean(peer.verdict), style),
    ]
