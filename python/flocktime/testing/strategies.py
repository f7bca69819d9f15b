"""Hypothesis strategies for timestamps, sources and clocks.

All of them favour the edges, where code that handles time breaks: a full counter, the first and the last instant, two
values that differ in one field alone.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hypothesis import strategies as st

from flocktime.clock import Clock, ManualSource, SkewedSource, Timestamp

__all__ = ["LAST_USABLE_US", "clocks", "manual_sources", "nodes", "skewed_sources", "timestamps"]

_MAX_EPOCH: Final = Timestamp.MAX.epoch
_MAX_PHYSICAL: Final = Timestamp.MAX.physical_us
_MAX_LOGICAL: Final = Timestamp.MAX.logical
_MAX_NODE: Final = Timestamp.MAX.node

#: The last instant that a clock adopts or reads, a day before the end of what a timestamp can hold.
LAST_USABLE_US: Final = _MAX_PHYSICAL - 86_400_000_000

#: Where busy clocks are: the years around now.
_USUAL_US: Final = (1_700_000_000_000_000, 1_900_000_000_000_000)


def nodes() -> st.SearchStrategy[int]:
    """Node ids: the edges, a handful that repeat often, and any of 48 bits."""
    return st.one_of(st.sampled_from([0, 1, 2, 3, _MAX_NODE]), st.integers(0, _MAX_NODE))


def timestamps(
    min_value: Timestamp = Timestamp.MIN,
    max_value: Timestamp = Timestamp.MAX,
    *,
    epochs: st.SearchStrategy[int] | None = None,
    nodes: st.SearchStrategy[int] | None = None,
) -> st.SearchStrategy[Timestamp]:
    """Timestamps from ``min_value`` to ``max_value``, both included.

    Args:
        min_value: the least one.
        max_value: the greatest one. ``Timestamp(LAST_USABLE_US, 4095, node=...)`` is the last that a clock takes.
        epochs: where epochs come from; by default most are 0, the others any within the bounds.
        nodes: where node ids come from; by default the edges, a handful that repeat often, and any of 48 bits.

    Raises:
        ValueError: ``min_value`` lies above ``max_value``.
    """
    if min_value > max_value:
        raise ValueError(f"min_value {min_value} lies above max_value {max_value}")

    @st.composite
    def build(draw: st.DrawFn) -> Timestamp:
        epoch = draw(_within(min_value.epoch, max_value.epoch, epochs, usual=(0, 0)))
        on_floor, on_ceiling = epoch == min_value.epoch, epoch == max_value.epoch
        physical_us = draw(
            _within(
                min_value.physical_us if on_floor else 0,
                max_value.physical_us if on_ceiling else _MAX_PHYSICAL,
                None,
                usual=_USUAL_US,
            )
        )
        on_floor = on_floor and physical_us == min_value.physical_us
        on_ceiling = on_ceiling and physical_us == max_value.physical_us
        low, high = min_value.logical if on_floor else 0, max_value.logical if on_ceiling else _MAX_LOGICAL
        logical = draw(_within(low, high, None, usual=(low, min(low + 3, high))))
        on_floor, on_ceiling = on_floor and logical == min_value.logical, on_ceiling and logical == max_value.logical
        low, high = min_value.node if on_floor else 0, max_value.node if on_ceiling else _MAX_NODE
        node = draw(_within(low, high, nodes, usual=(0, 3)))
        return Timestamp(physical_us, logical, node=node, epoch=epoch)

    return build()


def manual_sources(
    min_us: int = 0,
    max_us: int = LAST_USABLE_US,
) -> st.SearchStrategy[ManualSource]:
    """Manual sources that start anywhere from ``min_us`` to ``max_us``, both included."""
    return st.builds(ManualSource, _within(min_us, max_us, None, usual=_USUAL_US))


def skewed_sources(
    sources: st.SearchStrategy[ManualSource] | None = None,
    *,
    max_offset: float | timedelta = 1.0,
    max_ppm: float = 500.0,
) -> st.SearchStrategy[SkewedSource]:
    """Sources that are off by up to ``max_offset`` and run up to ``max_ppm`` too fast or too slow."""
    seconds = max_offset.total_seconds() if isinstance(max_offset, timedelta) else max_offset
    return st.builds(
        SkewedSource,
        st.floats(-seconds, seconds),
        st.floats(-max_ppm, max_ppm),
        source=manual_sources(*_USUAL_US) if sources is None else sources,
    )


def clocks(
    *,
    sources: st.SearchStrategy[ManualSource] | st.SearchStrategy[SkewedSource] | None = None,
    nodes: st.SearchStrategy[int] | None = None,
    max_drifts: st.SearchStrategy[float | None] | None = None,
    on_drift: str = "reject",
    last: st.SearchStrategy[Timestamp | None] | None = None,
) -> st.SearchStrategy[Clock]:
    """Clocks on sources that stand still until the test moves them.

    The clock does not give its source back: where the test moves time, draw a source first and pass ``st.just(source)``.
    """
    drifts = st.sampled_from([None, 0.0, 0.000_001, 0.5, 10.0]) if max_drifts is None else max_drifts
    return st.builds(
        Clock,
        source=manual_sources(*_USUAL_US) if sources is None else sources,
        node=_within(0, _MAX_NODE, nodes, usual=(0, 3)),
        max_drift=drifts,
        on_drift=st.just(on_drift),
        last=st.none() if last is None else last,
    )


def _within(
    low: int, high: int, given: st.SearchStrategy[int] | None, *, usual: tuple[int, int]
) -> st.SearchStrategy[int]:
    """What the caller gave, kept within the bounds; else the edges, the usual range where it overlaps, and anything."""
    if given is not None:
        return given.filter(lambda value: low <= value <= high)
    choices = [st.sampled_from(sorted({low, high})), st.integers(low, high)]
    inner_low, inner_high = max(low, usual[0]), min(high, usual[1])
    if inner_low <= inner_high:
        choices.insert(0, st.integers(inner_low, inner_high))
    return st.one_of(choices)
