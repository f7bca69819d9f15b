"""The interleaved block timer: its arithmetic on scripted loops, and the loops themselves."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from flocktime.cli.bench import forms, timer
from flocktime.cli.bench.timer import EMPTY, LEAST_BLOCKS, Measurement, Spread, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable


def scripted(ns_per_step: int, log: list[str] | None = None, name: str = "") -> Subject:
    """A subject whose loop takes no time and reports what it was told to."""

    def loop(steps: Iterable[object]) -> int:
        if log is not None:
            log.append(name)
        return sum(ns_per_step for _ in steps)

    return Subject("now", name or f"{ns_per_step} ns", loop)


def measured(**columns: list[float]) -> tuple[Measurement, dict[str, Subject]]:
    """A finished measurement with these figures."""
    found = {name: Subject("now", name, forms.nothing) for name in columns}
    samples = {EMPTY: [10.0] * 5, **{found[name]: column for name, column in columns.items()}}
    return Measurement(5, 0.001, 1, samples), found


class TestTimer:
    def test_every_subject_once_a_block(self) -> None:
        """Each subject, the empty loop included, has exactly one figure for each block, and the right one."""
        a, b = scripted(100), scripted(50)
        result = timer.measure([a, b], blocks=7, budget_s=60, seed=3)
        assert result.blocks == 7
        assert {len(column) for column in result.samples.values()} == {7}
        assert set(result.samples) == {EMPTY, a, b}
        assert result.samples[a] == [100.0] * 7
        assert result.ratio(a, b) == Spread(2.0, 2.0, 2.0)

    def test_results_of_one_step_share_its_time(self) -> None:
        """A step that makes a thousand results costs each of them a thousandth."""
        batch = Subject("now_many", "x", scripted(5000).loop, makes=1000)
        assert timer.measure([batch], blocks=5, budget_s=60, seed=1).ns(batch).median == 5.0

    def test_seed_decides_the_order(self) -> None:
        """The same seed gives the same order within the blocks, another seed another one; blocks differ."""

        def order(seed: int) -> list[str]:
            log: list[str] = []
            names = "abcdef"
            timer.measure([scripted(1000, log, name) for name in names], blocks=10, budget_s=60, seed=seed)
            return log[-60:]

        assert order(1) == order(1) != order(2)
        blocks = [tuple(order(1)[start : start + 6]) for start in range(0, 60, 6)]
        assert all(sorted(block) == list("abcdef") for block in blocks)
        assert len(set(blocks)) > 1

    def test_budget_ends_it(self) -> None:
        """A spent budget ends the measurement, but never below the least number of blocks."""
        result = timer.measure([scripted(100)], blocks=1000, budget_s=0, seed=1)
        assert result.blocks == LEAST_BLOCKS

    def test_too_few_blocks(self) -> None:
        """Fewer blocks than quartiles need are refused, with the numbers."""
        with pytest.raises(ValueError, match=f"at least {LEAST_BLOCKS} blocks are needed, got 2"):
            timer.measure([], blocks=2, budget_s=1, seed=1)

    def test_progress_counts_blocks(self) -> None:
        """Progress is told the number of finished blocks, after each."""
        told: list[int] = []
        timer.measure([scripted(100)], blocks=6, budget_s=60, seed=1, progress=told.append)
        assert told == [1, 2, 3, 4, 5, 6]

    @pytest.mark.parametrize("on", [True, False])
    def test_collector_is_put_back(self, on: bool) -> None:
        """Garbage collection is off while loops run and afterwards as it was, even when a subject raises."""
        seen: list[bool] = []

        def failing(steps: Iterable[object]) -> int:
            seen.append(gc.isenabled())
            raise RuntimeError("as told")

        was_on = gc.isenabled()
        (gc.enable if on else gc.disable)()
        try:
            with pytest.raises(RuntimeError, match="as told"):
                timer.measure([Subject("now", "x", failing)], blocks=5, budget_s=1, seed=1)
            assert gc.isenabled() is on
        finally:
            (gc.enable if was_on else gc.disable)()
        assert seen == [False]


class TestRatios:
    def test_a_slower_machine_changes_no_ratio(self) -> None:
        """Ratios are taken within a block: a machine that gets slower halfway moves the figures, not the ratio."""
        result, by = measured(a=[30.0, 30.0, 60.0, 90.0, 90.0], b=[20.0, 20.0, 40.0, 60.0, 60.0])
        assert result.ratio(by["a"], by["b"]) == Spread(1.5, 1.5, 1.5)
        assert result.ns(by["a"]).lower < result.ns(by["a"]).upper

    def test_net_ratio_leaves_the_loop_out(self) -> None:
        """Without the loop's 10 ns, 30 ns against 20 ns is twice as much, not one and a half times."""
        result, by = measured(a=[30.0] * 5, b=[20.0] * 5)
        assert result.net_ratio(by["a"], by["b"]) == 2.0

    def test_nothing_left_has_no_net_ratio(self) -> None:
        """Against something no slower than the loop itself there is no net ratio, rather than an absurd one."""
        result, by = measured(a=[30.0] * 5, b=[10.0] * 5)
        assert result.net_ratio(by["a"], by["b"]) is None

    def test_quartiles(self) -> None:
        """The spread is the median between the quartiles."""
        assert Spread.of([1.0, 2.0, 3.0, 4.0, 5.0]) == Spread(3.0, 2.0, 4.0)


class TestForms:
    def test_each_subject_has_its_own_code(self) -> None:
        """Two subjects never share a code object, so neither runs through the other's specialised instructions."""
        one, two = forms.fresh(forms.call, "one"), forms.fresh(forms.call, "two")
        assert len({one.__code__, two.__code__, forms.call.__code__}) == 3

    def test_only_plain_functions_are_loops(self) -> None:
        """What has no code of its own is refused by name."""
        with pytest.raises(TypeError, match="loop must be a plain function, not builtin_function_or_method"):
            forms.fresh(len, "x")

    def test_forms_do_what_they_say(self) -> None:
        """Each form makes its call once a step."""
        calls: list[Any] = []

        class Value:
            @property
            def bytes(self) -> bytes:
                calls.append("bytes")
                return b""

            def __lt__(self, other: object) -> bool:
                calls.append("<")
                return True

            def __eq__(self, other: object) -> bool:
                calls.append("==")
                return True

            __hash__ = None  # type: ignore[assignment]

        value = Value()
        forms.nothing(range(2))
        forms.call(range(2), lambda: calls.append("call"))
        forms.call_with(range(2), calls.append, "argument")
        forms.less(range(2), value, value)
        forms.equal(range(2), value, value)
        forms.attribute(range(2), value)
        assert calls == ["call"] * 2 + ["argument"] * 2 + ["<"] * 2 + ["=="] * 2 + ["bytes"] * 2
