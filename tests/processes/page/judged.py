"""What all processes of a page have stamped, together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from flocktime import Timestamp

__all__ = ["one_clock"]


def one_clock(sequences: Iterable[Sequence[bytes]], node: int) -> None:
    """No stamp twice; each sequence, of one process in its order, rises; all carry the node of the page."""
    sequences = list(sequences)
    for sequence in sequences:
        assert all(a < b for a, b in pairwise(sequence)), "a process went back"
    everything = [stamp for sequence in sequences for stamp in sequence]
    assert everything, "nothing was stamped"
    assert len(set(everything)) == len(everything), "a timestamp twice"
    assert {Timestamp.from_bytes(stamp).node for stamp in everything} == {node}
