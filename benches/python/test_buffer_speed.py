"""``python -m pytest benches/python``: a buffer's bars and the soak's verdicts, on short runs and on figures made up."""

from __future__ import annotations

import sys

import pytest
from benches.comparison.buffers import __main__ as comparison
from benches.comparison.buffers.contestants import CONTESTANTS
from benches.flock.figures import Table
from benches.python import buffer_memory, buffer_speed
from benches.soak.soak import PARTS, judge_memory, soak

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")


@ON_LINUX
def test_every_bar_is_measured() -> None:
    """A short run has a ratio to the queue for each operation, each with its bar, and the memory of an empty buffer."""
    table = buffer_speed.speed(seed=1, blocks=5, budget_s=1.0)
    found = {figure.what: figure for figure in table.figures}
    for bar in buffer_speed.BARS:
        figure = next(one for name, one in found.items() if name.startswith(f"{bar.operation}: "))
        assert figure.value > 0
        assert (figure.least if bar.faster else figure.most) == bar.limit
    memory = found[f"an empty buffer of {buffer_memory.CAPACITY:,}"]
    assert memory.most == buffer_speed.MEMORY_MIB
    assert memory.value > 0


def test_too_few_blocks_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with 2 and says how many there must be."""
    assert buffer_speed.main(["--blocks", "1"]) == 2
    assert "at least 5 blocks" in capsys.readouterr().err


@ON_LINUX
def test_a_short_soak_accounts_for_every_event() -> None:
    """No worker fails, every event is somewhere, none is out of order. Memory is not judged: it still grows then."""
    table = soak(seconds=2.0, seed=1)
    missed = [figure.what for figure in table.missed if not figure.what.startswith(("samples", "farthest"))]
    assert missed == [], table.remarks
    events = {figure.what: figure.value for figure in table.figures if figure.what.endswith(": taken")}
    assert all(value > 0 for what, value in events.items() if not what.startswith("short lives")), events


@pytest.mark.parametrize(
    ("samples", "flat"),
    [
        ([100.0] * 50, True),
        ([100.0, 100.0, 103.0, 100.0, 97.0] * 10, True),  # moves from sample to sample, stays where it is
        ([100.0 + 0.05 * number for number in range(50)], False),  # creeps
        ([100.0] * 45 + [97.0] * 5, False),  # gives some back: it was not needed
        ([100.0] * (PARTS - 1), False),  # too few to tell
        ([], False),
    ],
)
def test_memory_that_is_not_flat_is_seen(samples: list[float], flat: bool) -> None:
    """Only what stays within a hundredth all the time passes, and only on enough samples."""
    table = Table("soak", "", {})
    judge_memory(table, samples)
    assert (table.missed == []) is flat


def test_the_comparison_times_what_is_here() -> None:
    """Those of Python's own are timed beside ours in both operations; packages that are missing are named."""
    own = [one for one in CONTESTANTS if one.distribution is None]
    table = comparison.compare(own, blocks=5, seed=1)
    timed = {figure.what for figure in table.figures if figure.unit == "ns"}
    assert timed == {f"{what} of {one.name}" for what in (comparison.EXCHANGE, comparison.DRAIN) for one in own}
    for wrong in comparison.deviations():
        assert "is needed" in wrong
