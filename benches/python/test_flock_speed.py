"""``python -m pytest benches/python``: the speed of a flock's clock is measured on a synchronised one, against both bars."""

from __future__ import annotations

import pytest
from benches.python import flock_speed

from flocktime.cli.bench.subjects import TIME_NS


def test_both_operations_against_both_bars() -> None:
    """A short run has a ratio for each call and each opponent, each with its bar, from a member that is synchronised."""
    table = flock_speed.speed(seed=1, round_s=0.05, blocks=5)
    found = {figure.what: figure for figure in table.figures}
    assert found["synchronised at the end"].met
    for operation in flock_speed.OPERATIONS:
        for who, limit in flock_speed.BARS.items():
            figure = found[f"{operation}: {flock_speed.FLOCK} times {who}"]
            assert figure.most == limit
            assert figure.value > 0
    assert set(flock_speed.BARS) == {flock_speed.PLAIN, TIME_NS.who}


def test_too_few_blocks_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with 2 and says how many there must be."""
    assert flock_speed.main(["--blocks", "1", "--round", "0.05"]) == 2
    assert "at least 5 blocks" in capsys.readouterr().err
