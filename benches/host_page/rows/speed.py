"""What a clock on a page costs beside one in memory."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benches.flock.figures import Table

from flocktime.cli.bench import forms, timer
from flocktime.cli.bench.timer import Subject
from flocktime.clock import Clock

if TYPE_CHECKING:
    from benches.host_page.options import Options

__all__ = ["speed"]

ON_PAGE, IN_MEMORY = "a page", "memory"
MOST = 1.25
BUDGET_S = 60.0


def speed(options: Options) -> Table:
    """now() and update() of a clock on a page against one in memory, in interleaved blocks of one run."""
    table = Table("speed", "a clock on a page beside one in memory", options.settings("blocks"))
    with tempfile.TemporaryDirectory(dir=options.directory or None) as directory:
        remote = Clock().now() + timedelta(seconds=-10)  # from elsewhere, and old
        clocks = {ON_PAGE: Clock.open(Path(directory, "page")), IN_MEMORY: Clock()}
        subjects = {
            (operation, who): Subject(operation, who, form, values)
            for who, clock in clocks.items()
            for operation, form, values in (
                ("now", forms.call, (clock.now,)), ("update", forms.call_with, (clock.update, remote)),
            )
        }  # fmt: skip
        measured = timer.measure(list(subjects.values()), blocks=options.blocks, budget_s=BUDGET_S, seed=options.seed)
    for subject in subjects.values():
        table.add(subject.label, measured.ns(subject).median, "ns")
    for operation in ("now", "update"):
        ratio = measured.ratio(subjects[operation, ON_PAGE], subjects[operation, IN_MEMORY])
        table.add(f"{operation}: on a page, times in memory", ratio.median, most=MOST)
        table.add("  quartiles, lower", ratio.lower)
        table.add("  quartiles, upper", ratio.upper)
    table.remarks.append(
        f"{measured.blocks} interleaved blocks, loops of {measured.loop_s * 1e3:.2f} ms, {forms.TIMED_BY}; the empty loop, "
        f"{measured.ns(timer.EMPTY).median:.1f} ns, is contained in every figure"
    )
    return table
