"""Every scenario that the flock has to pass, as data."""

from __future__ import annotations

from typing import Final

from flocktime.simulation.catalogue import contraction, faults, liars, networks, runaways, troubles
from flocktime.simulation.judging import Row
from flocktime.simulation.running import ScenarioError

__all__ = ["CATALOGUE", "find"]

#: In the order of the tables.
CATALOGUE: Final[dict[str, Row]] = {
    row.name: row
    for rows in (contraction.ROWS, networks.ROWS, runaways.ROWS, liars.ROWS, faults.ROWS, troubles.ROWS)
    for row in rows
}


def find(name: str) -> Row:
    """A row by its name.

    Raises:
        ScenarioError: there is none, with those that it may have meant.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    from difflib import get_close_matches

    close = get_close_matches(name, CATALOGUE, n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    raise ScenarioError(f"no scenario is called {name!r}{hint}")
