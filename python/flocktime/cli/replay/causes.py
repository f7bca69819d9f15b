"""Compare the vector clock of an event with those of its causes, also where hundreds of hosts know each other.

Entry by entry, an event that has heard from n others of n hosts would take n * n steps. So clocks are packed: the
entries of 128 hosts stand side by side in one integer, each below a spare bit. If all the spare bits of one clock are
set and another clock is subtracted, then a spare bit is left exactly where the first clock's entry is not the smaller
one: one subtraction compares 128 hosts. A clock that knows few hosts has few such blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOSTS_IN_A_BLOCK: Final = 128

Blocks = dict[int, int]  # number of the block -> its entries, those of 0 included


class Comparison:
    """All clocks of a log, packed.

    Args:
        clocks: the clock of each event, by position. No entry exceeds the number of its host's events.
        sizes: how many events each host has.
    """

    def __init__(self, clocks: Sequence[Mapping[str, int]], sizes: Mapping[str, int]) -> None:
        self._numbers = {host: number for number, host in enumerate(sizes)}
        self._width = max(sizes.values(), default=0).bit_length() + 1
        lowest = sum(1 << self._width * place for place in range(HOSTS_IN_A_BLOCK))
        self._spare = lowest << self._width - 1
        self._clocks = clocks
        self._packed = [self._pack(clock) for clock in clocks]

    def of(self, position: int, causes: Mapping[str, int]) -> tuple[str | None, set[str]]:
        """Hold an event against its causes, which are given as positions by host.

        Whoever knows an event knows what that event knew: else the clock was not merged, and is no vector clock. And a
        message must have come from a cause if none of the other causes could have brought the news of it.

        Returns:
            The first cause that knew more than the event, if there is one, and the hosts that a message came from.
        """
        if not causes:
            return None, set()
        own, spare = self._packed[position], self._spare
        wanted = self._pack({name: self._clocks[cause][name] for name, cause in causes.items()})
        guarded = {block: entries | spare for block, entries in own.items()}
        brought = dict.fromkeys(wanted, 0)  # spare bits of the hosts that some other cause knew as well
        for name, cause in causes.items():
            home, bit = self._place(name)
            for block, entries in self._packed[cause].items():
                if block not in guarded or (guarded[block] - entries) & spare != spare:
                    return name, set()
                if block in wanted:
                    known = (entries | spare) - wanted[block]
                    brought[block] |= known & ~bit if block == home else known
        return None, {name for name in causes if not self._is_in(brought, name)}

    def _is_in(self, blocks: Blocks, name: str) -> bool:
        block, bit = self._place(name)
        return blocks[block] & bit != 0

    def _place(self, name: str) -> tuple[int, int]:
        """The block of a host, and its spare bit in there."""
        block, place = divmod(self._numbers[name], HOSTS_IN_A_BLOCK)
        return block, 1 << self._width * (place + 1) - 1

    def _pack(self, clock: Mapping[str, int]) -> Blocks:
        blocks: Blocks = {}
        for name, count in clock.items():
            if count:  # nothing is known of the others, which may not even be in the log
                block, place = divmod(self._numbers[name], HOSTS_IN_A_BLOCK)
                blocks[block] = blocks.get(block, 0) | count << self._width * place
        return blocks
