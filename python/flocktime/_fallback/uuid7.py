"""A timestamp as a UUID of version 7 (RFC 9562, section 5.7), and back. Order holds within an epoch.

::

    unix_ts_ms 48 | 0111 | microseconds 10, logical 2 (high) | 10 | logical 10 (low), node 48, epoch 4
"""

from __future__ import annotations

from flocktime._fallback.layout import MAX_NODE, MAX_PHYSICAL
from flocktime.errors import _invalid

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any, Final
    from uuid import UUID

#: The four spare bits hold epochs up to this one.
MAX_EPOCH: Final = 15


def pack(epoch: int, physical_us: int, logical: int, node: int) -> UUID:
    from uuid import UUID  # its import costs more than this whole package

    milliseconds, microseconds = divmod(physical_us, 1000)
    high = milliseconds << 16 | 7 << 12 | microseconds << 2 | logical >> 10
    low = 2 << 62 | (logical & 0x3FF) << 52 | node << 4 | epoch
    return UUID(int=high << 64 | low)


def unpack(value: Any) -> tuple[int, int, int, int]:
    """``(epoch, physical_us, logical, node)``."""
    from uuid import UUID

    if not isinstance(value, UUID):
        raise TypeError(f"value must be a UUID, not {type(value).__name__}")
    high, low = value.int >> 64, value.int & (1 << 64) - 1
    if high >> 12 & 0xF != 7:
        raise _invalid("uuid", "must be of version 7", None, str(value))
    if low >> 62 != 2:
        raise _invalid("uuid", "must be of the RFC 9562 variant", None, str(value))
    microseconds = high >> 2 & 0x3FF
    if microseconds > 999:
        raise _invalid("uuid", "microseconds must lie in 0..=999", None, str(value))
    physical_us = (high >> 16) * 1000 + microseconds
    if physical_us > MAX_PHYSICAL:
        raise _invalid("uuid", f"physical_us must lie in 0..={MAX_PHYSICAL}", None, str(value))
    logical = (high & 3) << 10 | low >> 52 & 0x3FF
    return low & 0xF, physical_us, logical, low >> 4 & MAX_NODE
