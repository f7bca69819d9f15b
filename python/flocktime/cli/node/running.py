"""The loop of a node: signals, changes of the flock, and once a second everything else."""

from __future__ import annotations

import signal
import time
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from flocktime.cli.key_options import BadKeys
from flocktime.cli.node.files import BadFile
from flocktime.cli.status.words import standing
from flocktime.errors import ClockError, EpochError
from flocktime.flock.status import StateChange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flocktime.cli.node.files import KeyFile, WatchedFile
    from flocktime.cli.node.telling import Teller
    from flocktime.flock import Flock

EVERY_S: Final = 1.0
#: So often an epoch is asked for in vain before the node says that it waits: a flock takes some seconds to come together.
_LOOKS_BEFORE_A_WORD: Final = 20
#: And then once a minute.
_LOOKS_BETWEEN_WORDS: Final = 60
#: A member whose thread has ended cannot be brought back.
_ENDED: Final = ("failed", "stopped", "detached")


class signals:  # noqa: N801  # used like a function
    """An inbox that SIGINT, SIGTERM and SIGHUP write to. The second of them has its usual effect: it kills."""

    def __init__(self) -> None:
        # The one queue of the standard library that a signal handler may put into at any moment.
        self.queue: SimpleQueue[StateChange | signal.Signals] = SimpleQueue()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _stopping():
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)
        self.queue.put(signal.Signals(number))


def _stopping() -> list[signal.Signals]:
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup has it ignored
        numbers.append(signal.SIGHUP)
    return numbers


class Node:
    """A flock, those who are told about it, and the files that it follows."""

    def __init__(
        self,
        flock: Flock,
        teller: Teller,
        inbox: signals,
        *,
        named: Sequence[str],
        peers: WatchedFile | None,
        keys: KeyFile | None,
        advance: str | None,
    ) -> None:
        self._flock = flock
        self._teller = teller
        self._queue = inbox.queue
        self._named = named
        self._peers = peers
        self._keys = keys
        self._advance = advance
        self._looks_in_vain = 0
        self._replaced_by: int | None = None

    def run(self) -> int:
        """Until a signal comes (0), or the flock's thread ends (1)."""
        self._flock.on_state(self._queue.put)
        next_s = time.monotonic() + EVERY_S
        while True:
            try:
                item = self._queue.get(timeout=max(0.0, next_s - time.monotonic()))
            except Empty:
                next_s = max(next_s + EVERY_S, time.monotonic())
                if not self._look():
                    return 1
                continue
            if isinstance(item, StateChange):
                self._teller.changed(item, self._flock.status())
            else:
                self._teller.stopped(f"stopped by {item.name}")
                return 0

    def _look(self) -> bool:
        self._follow_peers()
        self._follow_keys()
        status = self._flock.status()
        self._teller.looked(status)
        if status.replaced_by != self._replaced_by:
            self._replaced_by = status.replaced_by
            self._teller.note(
                f"process {status.replaced_by} has taken its place on the host's page: it was stopped for a while"
            )
        if status.state in _ENDED:
            self._teller.stopped(f"{status.state}: {status.io.get('failure')}")
            return False
        if self._advance is not None:
            self._advance_epoch(self._advance)
        return True

    def _follow_peers(self) -> None:
        if self._peers is None or not self._peers.has_changed():
            return
        try:
            self._flock.set_peers([*self._named, *self._peers.read()])
        except (BadFile, ClockError, ValueError) as error:
            self._teller.note(f"the peers stay as they were: {error}")
        else:
            self._teller.note(f"{len(self._peers.lines)} peers from {self._peers.path}")

    def _follow_keys(self) -> None:
        if self._keys is None or not self._keys.has_changed():
            return
        try:
            keys = self._keys.read()
            self._flock.rotate(keys)
        except (BadKeys, ClockError) as error:
            self._teller.note(f"the keys stay as they were: {error}")
        else:
            ids = [key.partition(":")[0] for key in keys]
            self._teller.note(f"keys from {self._keys.path}: {', '.join(ids)}, {ids[0]} signs")

    def _advance_epoch(self, reason: str) -> None:
        try:
            stamp = self._flock.advance_epoch(reason)
        except EpochError as error:
            if error.epoch == 65535:
                self._advance = None
                self._teller.note(str(error))
            else:  # no quorum yet: the next second it may have one
                self._tell_why_it_waits(error)
            return
        self._advance = None
        self._teller.note(f"epoch {stamp.epoch} begins at {stamp}: {reason}")

    def _tell_why_it_waits(self, error: EpochError) -> None:
        self._looks_in_vain += 1
        since_first = self._looks_in_vain - _LOOKS_BEFORE_A_WORD
        if since_first >= 0 and since_first % _LOOKS_BETWEEN_WORDS == 0:
            status = self._flock.status()
            how = f"{standing(status)}, {status.voters} voted"
            self._teller.note(f"the new epoch waits for a quorum that vouches for the time; {how} ({error})")
