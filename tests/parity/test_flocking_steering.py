"""What a clock of the pure backend follows on a flock's source, by hand: the discipline, its limit, its refusal.

The compiled one is held to the same in ``rust/core/tests/steered_source.rs``.
"""

from __future__ import annotations

from typing import Any

import pytest

from flocktime._fallback import Clock, ManualSource, SkewedSource, Timestamp, forks
from flocktime._fallback.discipline import Discipline
from flocktime._fallback.sources import Source
from flocktime._fallback.steered_source import FlockSource, Guidance, Steering
from flocktime.errors import DriftError, NotReady
from tests.support import NOW_US

SECOND_US = 1_000_000


def _steered(**guidance: Any) -> tuple[ManualSource, Steering, FlockSource]:
    base, steering = ManualSource(NOW_US), Steering()
    steering.guidance = Guidance(**guidance)
    return base, steering, FlockSource(Source(base), steering)


def test_the_base_is_in_force_at_first() -> None:
    """Before a flock has agreed the source shows its base, and moves the limit of no clock."""
    base, _, source = _steered(discipline=Discipline(l0_ns=5))
    assert source() == base()
    assert Clock(source=source).now().physical_us == NOW_US


def test_a_discipline_in_force_is_followed() -> None:
    """In force, readings are the line over the raw counter, whatever is done to the base's wall time; slews end by themselves."""
    line = Discipline(h0_ns=0, l0_ns=50_000_000_000, y=0.0, s=0.05, u=0.0, slew_ns=2_000_000_000)
    base, steering, source = _steered(discipline=line, in_force=True)
    base.set(1)
    base.advance(10 * SECOND_US)
    assert source() == 50_000_000_000 + 10_100_000_000
    steering.guidance = Guidance(discipline=line._replace(l0_ns=7), in_force=True)
    assert source() == 7 + 10_100_000_000, "the next guidance shows at once"


@pytest.mark.parametrize("configured", [0.5, 0.001, None])
def test_the_limit_tightens_and_never_widens(configured: float | None) -> None:
    """Remote stamps are judged by the smaller of both limits; a clock without a limit keeps none."""
    line = Discipline(l0_ns=NOW_US * 1000)
    _, _, source = _steered(discipline=line, in_force=True, limit_us=5_000)
    clock = Clock(source=source, max_drift=configured)
    limit_us = None if configured is None else min(5_000, round(configured * SECOND_US))
    if limit_us is None:
        clock.update(Timestamp(NOW_US + 3_600 * SECOND_US, node=2))
        return
    clock.update(Timestamp(NOW_US + limit_us, node=2))
    with pytest.raises(DriftError):
        Clock(source=source, max_drift=configured).update(Timestamp(NOW_US + limit_us + 1, node=2))


def test_refusing() -> None:
    """Told to refuse, the source has no time before the discipline is in force; the clock's call then changes nothing."""
    _, steering, source = _steered(refuse=True)
    clock = Clock(source=source)
    for call in (source, clock.now, lambda: clock.update(Timestamp(NOW_US, node=2))):
        with pytest.raises(NotReady):
            call()
    assert clock.last is None
    steering.guidance = Guidance(discipline=Discipline(l0_ns=NOW_US * 1000), in_force=True, refuse=True)
    assert clock.now().physical_us == NOW_US


def test_a_copy_in_a_child_shows_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fork nobody steers: the base is shown, nothing is refused, and the configured limit holds."""
    _, steering, source = _steered(discipline=Discipline(l0_ns=5), in_force=True, limit_us=5_000, refuse=True)
    monkeypatch.setattr(forks, "generation", forks.generation + 1)
    assert steering.is_copied
    assert source() == NOW_US * 1000
    Clock(source=source).update(Timestamp(NOW_US + 400_000, node=2))


def test_a_wrong_oscillator_beneath() -> None:
    """The raw counter that is followed is the base's own: its rate error and its jumps are in it."""
    true = ManualSource(NOW_US)
    wrong, steering = SkewedSource(100, 1000, source=true), Steering()
    steering.guidance = Guidance(discipline=Discipline(l0_ns=0), in_force=True)
    source = FlockSource(Source(wrong), steering)
    true.advance(SECOND_US)
    assert source() == 1_001_000_000
    wrong.step(2)
    assert source() == 3_001_000_000
    wrong.set_wall(-50)
    assert source() == 3_001_000_000
    wrong.freeze()
    true.advance(SECOND_US)
    assert source() == 3_001_000_000
    wrong.thaw()
    assert source() == 3_001_000_000
