"""What a process has stamped, in shared memory that outlives it, however it ends.

A stamp is noted before the process goes on. So a kill loses no evidence but one stamp that was issued and not yet noted, which
nobody else can have seen either.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["CAPACITY", "HEADER", "STAMP", "Journal"]

#: Bytes of a stamp, and of what lies in front of the first one: words that mean what the process that writes them says.
STAMP, HEADER = 16, 4096
#: Stamps that there is room for, unless a process needs more. A file has holes where nothing was noted.
CAPACITY = 1 << 20
STARTED = 0


class Journal:
    """Stamps, one after another; behind the last one all is zero, which is no stamp.

    One process notes, any may look meanwhile.
    """

    def __init__(self, path: Path, capacity: int = CAPACITY) -> None:
        self.path, self.capacity = path, capacity
        with path.open("a+b") as file:
            file.truncate(HEADER + capacity * STAMP)
            self.memory = mmap.mmap(file.fileno(), 0)
        self._words = memoryview(self.memory)[:HEADER].cast("Q")

    def __getitem__(self, word: int) -> int:
        """A word of the header."""
        return self._words[word]

    def __setitem__(self, word: int, value: int) -> None:
        self._words[word] = value

    def noting(self, start: int = 0) -> Callable[[bytes], None]:
        """A function that notes one stamp after another. ``IndexError`` where there is no room left."""
        memory, at, end = self.memory, HEADER + start * STAMP, len(self.memory)

        def note(stamp: bytes) -> None:
            nonlocal at
            behind = at + STAMP
            if behind > end:
                raise IndexError("the journal is full")
            memory[at:behind] = stamp
            at = behind

        return note

    def __len__(self) -> int:
        """How many are noted: all in front of the first zero."""
        memory, low, high = self.memory, 0, self.capacity
        while low < high:
            middle = (low + high) // 2
            at = HEADER + middle * STAMP
            if any(memory[at : at + STAMP]):
                low = middle + 1
            else:
                high = middle
        return low

    def latest(self) -> bytes:
        """The last one; zero, which lies below every stamp, where there is none."""
        at = HEADER + (len(self) - 1) * STAMP
        return self.memory[at : at + STAMP] if at >= HEADER else bytes(STAMP)

    def stamps(self) -> list[bytes]:
        """All of them."""
        data = self.memory[HEADER : HEADER + len(self) * STAMP]
        return [data[at : at + STAMP] for at in range(0, len(data), STAMP)]

    def close(self) -> None:
        """Removes the file; who else has it open keeps it."""
        self._words.release()
        self.memory.close()
        self.path.unlink(missing_ok=True)
