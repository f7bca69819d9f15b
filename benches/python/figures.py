"""A measurement as plain text, for files and terminals that have nothing installed but flocktime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flocktime.cli.bench import forms, subjects, timer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flocktime.cli.bench.timer import Measurement, Subject

__all__ = ["print_figures"]


def print_figures(measured: Measurement, timed: Sequence[Subject], machine: Mapping[str, str | int]) -> None:
    """The machine, how it was measured, and one line for each subject, grouped by operation."""
    loops = f"loops of {measured.loop_s * 1e3:.2f} ms, {forms.TIMED_BY}"
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"{measured.blocks} interleaved blocks, {loops}, seed {measured.seed}")
    print(f"empty loop: {measured.ns(timer.EMPTY).median:.1f} ns, contained in every figure below\n")
    print(f"{'call':10} {'whose':24} {'ns':>9} {'quartiles':>17} {'x time_ns':>10}")
    for subject in sorted(timed, key=lambda one: subjects.OPERATIONS.index(one.operation)):
        ns, ratio = measured.ns(subject), measured.ratio(subject, subjects.TIME_NS)
        quartiles = f"{ns.lower:.1f}-{ns.upper:.1f}"
        print(f"{subject.operation:10} {subject.who:24} {ns.median:9.1f} {quartiles:>17} {ratio.median:10.2f}")
