"""Rows of the benchmark as tests: short on a machine that may be busy, whole under ``--campaign``."""

from __future__ import annotations

from collections.abc import Mapping

from benches.flock.figures import Table, print_table
from benches.flock.options import Options

from flocktime import BACKEND

__all__ = ["COMPILED", "STRICT", "hold", "options_for"]

COMPILED = BACKEND != "pure"
#: Every bar as it stands.
STRICT: Mapping[str, float] = {}


def options_for(campaign: bool, seed: int, **short: float) -> Options:
    """The options of the whole row; or of a short one, with rounds of a fraction of a second."""
    if campaign:
        return Options(seed=seed)
    chosen = {"members": 5, "round_s": 0.05 if COMPILED else 0.1, "settle_s": 0.5, "seconds": 1.0, "pause_s": 1.0}
    return Options(**{**chosen, "flood": 10_000, "seed": seed, **short})  # type: ignore[arg-type]


def hold(table: Table, loosened: Mapping[str, float] = STRICT) -> None:
    """Every bar is met. ``loosened``: beginnings of the names of figures, and how many times their bar they may be, for what
    other programs do to a short run on a busy machine, and what Python's own speed does to the fallback.
    """
    print_table(table)
    assert any(figure.met is not None for figure in table.figures), "nothing was held against a bar"
    for figure in table.missed:
        factor = max((times for begin, times in loosened.items() if figure.what.startswith(begin)), default=1.0)
        loosely = figure.most is not None and figure.value <= factor * figure.most
        assert loosely, (
            f"{figure.what}: {figure.value} {figure.unit}, and the bar is {figure.bar}, times {factor:g} here"
        )
