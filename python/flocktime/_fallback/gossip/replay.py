"""Which sequence numbers of a sender have been here before."""

from __future__ import annotations

from typing import Final

#: How far behind the latest sequence number one may come and still be told from a repetition.
WIDTH: Final = 128
_ALL: Final = (1 << WIDTH) - 1


class ReplayWindow:
    """The sequence numbers of one incarnation of one sender that have been admitted: the latest, and a bit for each of the
    ``WIDTH`` up to it. What lies further back is refused: whether it was here before cannot be told.

    **Ask only for packets that are authenticated**: a forged number far ahead would shut everybody else's out.

    >>> window = ReplayWindow()
    >>> [window.admit(sequence) for sequence in (5, 3, 3, 0)]  # 3 comes late, but new, and then again; nobody sends 0
    [True, True, False, False]
    """

    __slots__ = ("_seen", "latest")

    def __init__(self) -> None:
        #: The greatest number admitted; 0: none yet.
        self.latest = 0
        self._seen = 0  # bit i: latest - i has been admitted

    @classmethod
    def since(cls, sequence: int) -> ReplayWindow:
        """A window that has admitted ``sequence`` and refuses everything up to it: for a sender that has just proved that it
        is alive, while of earlier packets nobody knows who has seen them."""
        window = cls()
        window.latest, window._seen = sequence, _ALL
        return window

    def copy(self) -> ReplayWindow:
        window = ReplayWindow()
        window.latest, window._seen = self.latest, self._seen
        return window

    def admit(self, sequence: int) -> bool:
        """Whether this number is new; from now on it is not."""
        if sequence == 0:
            return False
        if sequence > self.latest:
            ahead = sequence - self.latest
            kept = self._seen << ahead & _ALL if ahead < WIDTH else 0
            self.latest, self._seen = sequence, kept | 1
            return True
        behind = self.latest - sequence
        if behind >= WIDTH or self._seen >> behind & 1:
            return False
        self._seen |= 1 << behind
        return True
