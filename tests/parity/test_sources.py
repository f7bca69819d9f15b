"""Manual and skewed sources, and callables of Python, seen through both backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parity.backends import BACKENDS, on_both, same
from tests.support import NOW_US

MOST_US = 9_223_372_036_854_775
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["set", "advance", "step_back", "pause", "resume"]),
        st.one_of(st.integers(-1, 10**7), st.sampled_from([MOST_US, -MOST_US, MOST_US + 1, 2**63, -(2**70)])),
    ),
    max_size=12,
)


@given(st.one_of(st.just(NOW_US), st.integers(-MOST_US - 2, MOST_US + 2)), MOVES)
def test_manual_sources_move_alike(start_us: int, moves: list[tuple[str, int]]) -> None:
    """The same moves show the same times, the same text and the same refusals, at the ends of 64 bits as well."""
    if on_both(lambda backend: backend.ManualSource(start_us)())[0] == "raised":
        return
    sources = [backend.ManualSource(start_us) for backend in BACKENDS]
    for method, by in moves:

        def move(source: Any, method: str = method, by: int = by) -> Any:
            result = getattr(source, method)(*(() if method in ("pause", "resume") else (by,)))
            return None if method == "pause" else result

        same([lambda each=each: move(each) for each in sources])
        for look in (lambda source: source(), lambda source: source.monotonic_ns(), repr):
            same([lambda each=each, look=look: look(each) for each in sources])


@given(
    st.one_of(st.integers(0, 10**16), st.sampled_from([MOST_US, -MOST_US])),
    st.one_of(st.floats(-4e9, 4e9), st.integers(-4 * 10**9, 4 * 10**9), st.timedeltas()),
    st.one_of(st.floats(-1.1e6, 1.1e6), st.integers(-1_000_001, 1_000_001)),
    st.integers(0, 10**12),
)
def test_skewed_sources_are_wrong_alike(start_us: int, offset: Any, ppm: float, passed_us: int) -> None:
    """Any offset and any rate: the same nanoseconds, rounding and saturation included, alone and one upon the other."""

    def readings(backend: Any) -> list[Any]:
        base = backend.ManualSource(start_us)
        skewed = backend.SkewedSource(offset, ppm, source=base)
        twice = backend.SkewedSource(offset, -ppm, source=skewed)
        found = [skewed(), twice(), repr(skewed), repr(twice)]
        base.advance(passed_us)
        return [*found, skewed(), twice(), skewed.monotonic_ns()]

    on_both(readings)


@pytest.mark.parametrize(
    "answer",
    [0, 1, 999, 1_000, -1, NOW_US * 1000 + 999, 2**62, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**100, -(10**100),
     True, None, 1.5, "1", b"1", [1], "x" * 100_000, float("nan")],
    ids=lambda answer: str(answer)[:24],
)  # fmt: skip
def test_callables_are_read_alike(answer: Any) -> None:
    """What a callable returns becomes the same timestamp, or the same ``SourceError``, on every call that reads."""
    calls: list[Callable[[Any, Any], Any]] = [
        lambda clock, backend: clock.now(),
        lambda clock, backend: clock.now_many(2),
        lambda clock, backend: clock.update(backend.Timestamp(5, node=2), on_drift="adopt"),
        lambda clock, backend: clock.update_many([]),
        lambda clock, backend: clock.observe(backend.Timestamp(5)),
        lambda clock, backend: clock.ahead_by,
        lambda clock, backend: clock.advance_epoch("why", force=True),
        lambda clock, backend: clock.stats(),
    ]

    def script(backend: Any) -> list[Any]:
        clock = backend.Clock(node=1, source=lambda: answer)
        return [call(clock, backend) for call in calls]

    on_both(script)
    for call in calls:
        on_both(lambda backend, call=call: call(backend.Clock(node=1, source=lambda: answer), backend))


def test_errors_of_callables_pass_alike() -> None:
    """The very exception that a callable raises comes out of both."""
    error = LookupError("broken")

    def broken() -> int:
        raise error

    for backend in BACKENDS:
        with pytest.raises(LookupError) as caught:
            backend.Clock(source=broken).now()
        assert caught.value is error


def test_sources_of_the_other_backend_are_callables() -> None:
    """A source of the other backend is a callable like any other: it is read, and its monotonic time is not."""
    for own, other in (BACKENDS, BACKENDS[::-1]):
        source = other.ManualSource(NOW_US)
        assert own.Clock(source=source).now().physical_us == NOW_US
        with pytest.raises(TypeError, match="source must be None, a ManualSource or a SkewedSource"):
            own.SkewedSource(source=source)
