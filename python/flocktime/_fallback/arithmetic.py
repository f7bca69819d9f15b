"""Numbers as a processor keeps them: what Python's endless integers and its careful floats do not do by themselves.

The disciplined clock and the flock are the same to the bit in both backends. IEEE 754 sums, products, quotients and square
roots are the same in every language; the edges of 64 bits, and from a float to an integer, are written down here.
"""

from __future__ import annotations

import math
import struct

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Final

MAX_I64: Final = (1 << 63) - 1
MIN_I64: Final = -(1 << 63)
MAX_U64: Final = (1 << 64) - 1

_DOUBLE = struct.Struct(">d")
_SIGNED = struct.Struct(">q")


def saturated_i64(number: int) -> int:
    """The nearest that fits 64 bits with a sign."""
    return MIN_I64 if number < MIN_I64 else MAX_I64 if number > MAX_I64 else number


def saturated_u64(number: int) -> int:
    """The nearest that fits 64 bits without a sign."""
    return 0 if number < 0 else MAX_U64 if number > MAX_U64 else number


def wrapped_i64(number: int) -> int:
    """The lowest 64 bits, read with a sign."""
    return ((number - MIN_I64) & MAX_U64) + MIN_I64


def wrapped_u64(number: int) -> int:
    """The lowest 64 bits."""
    return number & MAX_U64


def to_i64(number: float) -> int:
    """Cut towards zero; what does not fit is as far off as fits, and what is no number is zero."""
    if math.isnan(number):
        return 0
    return MIN_I64 if number < MIN_I64 else MAX_I64 if number >= MAX_I64 else int(number)


def to_u64(number: float) -> int:
    """The same without a sign."""
    if not number > 0.0:
        return 0
    return MAX_U64 if number >= MAX_U64 else int(number)


def clamp(number: float, least: float, most: float) -> float:
    """Within the limits, inclusively. Unlike ``min`` and ``max`` it leaves the sign of a zero alone."""
    return least if number < least else most if number > most else number


def total_order(number: float) -> int:
    """A key that sorts floats by IEEE 754's ``totalOrder``: minus zero comes before zero, and what is no number has a place."""
    bits: int = _SIGNED.unpack(_DOUBLE.pack(number))[0]
    return bits if bits >= 0 else bits ^ MAX_I64


def to_bits(number: float) -> int:
    """The 64 bits of a float."""
    return int.from_bytes(_DOUBLE.pack(number), "big")


def from_bits(bits: int) -> float:
    """The float of 64 bits."""
    number: float = _DOUBLE.unpack(bits.to_bytes(8, "big"))[0]
    return number
