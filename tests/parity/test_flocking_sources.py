"""What is done to a wrong clock while it runs, on both backends: jumps, settings, freezes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parity.backends import core, on_both
from tests.support import NOW_US

if not hasattr(core.SkewedSource, "freeze"):
    pytest.skip("the sources of this compiled core cannot be frozen yet", allow_module_level=True)

SECONDS = st.one_of(
    st.floats(-10.0, 10.0), st.integers(-(10**6), 10**6), st.timedeltas(timedelta(-9), timedelta(9)),
    st.sampled_from([3e9, -3e9, 4e9]),
)  # fmt: skip
DEEDS = st.one_of(
    st.tuples(st.sampled_from(["step", "set_wall"]), SECONDS.map(lambda each: (each,))),
    st.tuples(st.sampled_from(["freeze", "thaw"]), st.just(())),
    st.tuples(st.just("advance"), st.integers(0, 10**9).map(lambda each: (each,))),
)


@given(st.floats(-1e6, 1e6), st.floats(-100.0, 100.0), st.lists(DEEDS, max_size=15))
def test_the_same_wrong_clock(ppm: float, offset: float, deeds: list[tuple[str, Any]]) -> None:
    """Any order of deeds: the same wall and raw time after each, on a clock and on one upon it, saturation included."""

    def life(backend: Any) -> list[Any]:
        base = backend.ManualSource(NOW_US)
        wrong = backend.SkewedSource(offset, ppm, source=base)
        upon = backend.SkewedSource(-offset, -ppm, source=wrong)
        seen: list[Any] = []
        for place, (deed, arguments) in enumerate(deeds):
            target = base if deed == "advance" else (wrong, upon)[place % 2]
            try:
                getattr(target, deed)(*arguments)
            except ValueError as error:
                seen.append(str(error))
            seen += [[each(), each.raw_ns(), each.monotonic_ns(), each.frozen] for each in (wrong, upon)]
        return seen

    on_both(life)


@pytest.mark.parametrize("deed", ["step", "set_wall"])
@pytest.mark.parametrize("wrong", [None, "x", float("nan"), 10**12, True])
def test_the_same_refusals(deed: str, wrong: Any) -> None:
    """What is no number of seconds: the same error, word for word, and nothing moves."""

    def refused(backend: Any) -> None:
        getattr(backend.SkewedSource(source=backend.ManualSource(NOW_US)), deed)(wrong)

    assert on_both(refused)[0] == "raised"
