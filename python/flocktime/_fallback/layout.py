"""Where each field sits in the 128 bits, and the limits that follow. The same numbers as ``rust/core/src/layout.rs``.

::

    most significant                                                     least significant
    | epoch 16 | physical 52 (microseconds since 1970-01-01 UTC) | logical 12 | node 48 |
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Final


NODE_BITS: Final = 48
LOGICAL_BITS: Final = 12
PHYSICAL_BITS: Final = 52
EPOCH_BITS: Final = 16

MAX_NODE: Final = (1 << NODE_BITS) - 1
MAX_LOGICAL: Final = (1 << LOGICAL_BITS) - 1
MAX_PHYSICAL: Final = (1 << PHYSICAL_BITS) - 1
MAX_EPOCH: Final = (1 << EPOCH_BITS) - 1
MAX_INT: Final = (1 << 128) - 1

LOGICAL_SHIFT: Final = NODE_BITS
PHYSICAL_SHIFT: Final = NODE_BITS + LOGICAL_BITS
EPOCH_SHIFT: Final = NODE_BITS + LOGICAL_BITS + PHYSICAL_BITS

#: One step of the counter. Adding it to a full counter carries into ``physical``, which is what is wanted.
UNIT: Final = 1 << LOGICAL_SHIFT

#: The last instant that a clock accepts or reads: a day before the end, so that no carry can reach the epoch. Carrying
#: through that day would take 3.5e14 timestamps without the physical clock moving.
HORIZON: Final = MAX_PHYSICAL - 86_400_000_000

#: The most timestamps that one reservation takes: 65,536 are 16 microseconds of counter.
MAX_BATCH: Final = 65_536
