"""``Flock``: this process as a member of a flock."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from flocktime._backend import FlockMember
from flocktime.clock import Clock, SkewedSource, Timestamp
from flocktime.errors import NotReady
from flocktime.flock.arguments import anchor_ns, count, origin_of, seconds, within
from flocktime.flock.candidates import Candidates, checked_names
from flocktime.flock.keys import normalised
from flocktime.flock.reading import status_of, vouches
from flocktime.flock.status import FlockState, FlockStatus, StateChange
from flocktime.flock.watching import Watcher, changes_since

__all__ = ["Flock"]

Peers = Iterable[str] | Callable[[], Iterable[str]]
_SLICE_S = 0.5  # a wait is cut into such pieces, so that an interrupt is served


class Flock:
    """A member of a flock: clocks that agree by talking to a few neighbours, and refuse to be dragged.

    One background thread, outside the interpreter's lock, asks four neighbours a second for their time and steers the
    clock of this process, ``flock.clock``. Everything it sends has the same small size in a flock of any size. Close it,
    or use it as a (sync or async) context manager.

    Until the first synchronisation the clock's stamps follow the OS clock. Afterwards they follow the flock; the drift
    limit that received stamps are held against then tightens to ten times this member's error bound, at least 5 ms.

    Args:
        listen: ``"host:port"`` for datagrams, IPv6 in brackets; port 0: any. ``None``: no socket, see ``header``.
        peers: where neighbours listen: ``"host:port"``, names or addresses; a name may stand for many addresses and is
            resolved again and again. Or a callable that returns such a list, asked every ``resolve_every`` seconds in a
            thread of its own. Not all members have to be listed; a few random ones are asked.
        key: the cluster's key, as ``flocktime key new`` prints it, or several: the first signs, all verify. Without one
            everybody who can reach the socket can tell the time; use that on a trusted network only.
        steer: ``False``: measure and report, never steer; for hosts that another service synchronises.
        name: what this member is known by over restarts; it has one vote. ``None``: host name and ``listen``.
        node, max_drift, on_drift, last, epoch: as for ``Clock``.
        until_ready: what stamps do before the first synchronisation: ``"os"``: follow the OS clock; ``"raise"``:
            ``now()`` raises ``NotReady``.
        anchor: whether this host's OS clock counts as UTC: ``None``: while the operating system says that it is
            synchronised; ``False``: never; ``True`` or seconds: always, within one millisecond or so much.
        source: a ``SkewedSource`` instead of the operating system's clocks, for tests and demonstrations.
        fanout: requests a round. round: seconds from one step to the next. resolve_every: seconds.

    Raises:
        InvalidKey, FlockError: a key that is none; an address that cannot be listened on. ValueError, TypeError: other
            arguments that name no such thing.

    >>> with Flock("127.0.0.1:0", peers=["127.0.0.1:7700"], name="billing") as flock:
    ...     stamp = flock.clock.now()
    ...     flock.status().state
    'alone'
    """

    def __init__(
        self,
        listen: str | None = None,
        peers: Peers = (),
        *,
        key: str | tuple[str, ...] | list[str] | None = None,
        steer: bool = True,
        name: str | None = None,
        node: int | bytes | None = None,
        max_drift: float | timedelta = 0.5,
        on_drift: Literal["reject", "adopt", "ignore", "clamp"] = "reject",
        last: Timestamp | None = None,
        epoch: int = 0,
        until_ready: Literal["os", "raise"] = "os",
        anchor: bool | float | None = None,
        source: SkewedSource | None = None,
        fanout: int = 4,
        round: float = 1.0,
        resolve_every: float = 30.0,
    ) -> None:
        if until_ready not in ("os", "raise"):
            raise ValueError(f"until_ready must be 'os' or 'raise', got {until_ready!r}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a str, not {type(name).__name__}")
        self._name = name if name is not None else f"{socket.gethostname()}/{listen or Path(sys.argv[0]).name}"
        self._steer = bool(steer)
        keys = normalised(key)
        self._drift_s = within("max_drift", max_drift, 0.001, 86_400.0)
        self._every_s = within("resolve_every", resolve_every, 0.01, 86_400.0)
        names = [] if callable(peers) else checked_names(peers)
        self._member = FlockMember(
            listen=listen,
            keys=keys,
            origin=origin_of(self._name),
            steer=self._steer,
            max_drift_us=int(self._drift_s * 1e6 + 0.5),
            refuse=until_ready == "raise",
            anchor=anchor_ns(anchor),
            fanout=count("fanout", fanout, 0, 256),
            round_s=within("round", round, 0.001, 3600.0),
            resolve_s=self._every_s,
            source=source,
        )
        self._watcher = Watcher(self._member)
        self._candidates: Candidates | None = None
        try:
            steered = self._member.source
            self._clock = Clock(
                name=name, node=node, max_drift=max_drift, on_drift=on_drift, source=steered, last=last, epoch=epoch
            )
            self._member.attach(self._clock)
            if callable(peers):
                self._candidates = Candidates(self._member, peers, self._every_s)
            else:
                self._member.set_peers(names)
        except BaseException:
            self._member.stop()
            raise

    @property
    def clock(self) -> Clock:
        """The clock that follows this flock: the same object each time, usable from any thread.

        It outlives the flock: after ``close`` it runs on at the last rate. In a forked child it follows the OS clock.
        """
        return self._clock

    @property
    def name(self) -> str:
        """What this member is known by over restarts."""
        return self._name

    @property
    def address(self) -> str | None:
        """Where it listens, with the port that was bound; ``None`` without a socket."""
        return self._member.address

    @property
    def state(self) -> FlockState:
        """How it stands; see ``FlockStatus.state``."""
        return self.status().state

    def ready(self, timeout: float | timedelta | None = None) -> None:
        """Wait until this member is synchronised. Returns at once where it is; ``None``: waits for as long as it takes.

        Raises:
            NotReady: the timeout passed, or it never will be: it monitors only, was closed, or is a forked child's copy.
                It says how the member stands.
        """
        timeout_s = None if timeout is None else seconds("timeout", timeout)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        serial = 0
        while True:
            left = _SLICE_S if deadline is None else min(_SLICE_S, deadline - time.monotonic())
            changes = changes_since(self._member, serial, max(0.0, left))
            if changes:
                serial = changes[-1].serial
            if self._is_ready(changes):
                return
            if deadline is not None and time.monotonic() >= deadline:
                raise NotReady(f"not synchronised after {timeout_s:g} s: {self._why_not()}")

    async def wait_ready(self, timeout: float | timedelta | None = None) -> None:
        """The same for a coroutine: the event loop runs on meanwhile."""
        await asyncio.to_thread(self.ready, timeout)

    def status(self) -> FlockStatus:
        """How this member stands now, with all its peers. Takes some microseconds; the flock goes on meanwhile."""
        failure = None if self._candidates is None else self._candidates.error
        return status_of(self._member, self._name, self._clock, failure)

    def metrics(self) -> dict[str, float]:
        """The same as flat plain numbers, for a metrics system. Names end in their unit; counters end in ``_total``."""
        from flocktime.flock.metrics import metrics_of

        return metrics_of(self.status())

    def on_state(self, callback: Callable[[StateChange], object]) -> Callable[[StateChange], object]:
        """Call back with each change of the state, or of whom the member calls wrong, beginning with the present one.

        Calls come one after the other from a thread of the flock's; one that takes long delays later ones and nothing else.
        What a callback raises goes to ``threading.excepthook``. Returns the callback, so that it can be a decorator.
        """
        if not callable(callback):
            raise TypeError(f"callback must be callable, not {type(callback).__name__}")
        self._watcher.add(callback)
        return callback

    def set_peers(self, peers: Iterable[str]) -> None:
        """Replace the neighbours that may be asked.

        Raises:
            ValueError: one of them is no ``host:port``; nothing has changed then.
        """
        self._member.set_peers(checked_names(peers))

    def rotate(self, key: str | tuple[str, ...] | list[str]) -> None:
        """Replace the keys. Without a gap: give all members both keys, the old one first; then both, the new one first;
        then the new one alone.

        Raises:
            InvalidKey: nothing has changed then.
        """
        self._member.rotate(normalised(key))

    def header(self, to: str) -> str:
        """A header, 224 characters of text, to send along with a message to ``to``.

        It carries what a datagram would, and a fresh stamp of the clock. ``to`` is what this member calls the receiver: the
        same name for the same process, at most 255 bytes of it.
        """
        return self._member.header(to)

    def receive(self, header: str) -> Timestamp:
        """Take in the header that came with a message, as soon as it came; merge its stamp and return the receipt's.

        Raises:
            HeaderError: it is no header of this flock, or was seen before. DriftError, EpochError, NodeCollision: the
                clock refuses its stamp. The clock is then as it was.
        """
        remote, trusted = self.take(header)
        return self._clock.update(remote, trusted=trusted)

    def take(self, header: str) -> tuple[Timestamp, bool]:
        """Take in a header without merging its stamp: the sender's stamp, and whether the cluster's key vouches for its epoch.

        For those who want to see the stamp first; merge it with ``flock.clock.update(stamp, trusted=trusted)``.

        Raises:
            HeaderError: as ``receive``.
        """
        # Text beyond ASCII is refused and counted like any other that is no header.
        return self._member.take(header if header.isascii() else "")

    def reply(self, header: str) -> str:
        """The header for the answer to a message, whose header ``receive`` has taken in.

        Raises:
            HeaderError: its sender is a stranger, and it was not taken in, or too long ago.
        """
        return self._member.reply(header)

    def advance_epoch(self, reason: str, *, force: bool = False) -> Timestamp:
        """The way back from stamps of a future that was never real: a new epoch, whose time begins where the flock is.

        Once, on one member: ordinary messages carry it to all others, signed ones over any distance. Without ``force`` the
        flock must vouch for the time: three voters or more that agree, and a clock that follows them (or, where the member
        monitors only, lies within the drift limit of them). See ``docs/runbook-wrong-clock.md``.

        Raises:
            EpochError: nobody vouches for the time, and ``force`` is not given; or this is the last epoch.
        """
        return self._clock.advance_epoch(reason, force=force or vouches(self.status(), self._drift_s * 1e6))

    def close(self) -> None:
        """Stop talking. The clock runs on as it was last steered. Closing twice changes nothing."""
        if self._candidates is not None and not self._member.detached:
            self._candidates.stop()
        self._member.stop()
        self._watcher.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def __repr__(self) -> str:
        return f"<flocktime.Flock name={self._name!r} listen={self.address!r} state={self.state!r}>"

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'flocktime.Flock' object: give the other process a flock of its own")

    def _is_ready(self, changes: list[StateChange]) -> bool:
        if not self._steer:
            raise NotReady("this member monitors only (steer=False): it never becomes synchronised")
        if not self._member.running:  # also where it was synchronised to the end
            raise NotReady(f"this member is {self.status().state}: it will not become synchronised")
        if changes and changes[-1].state == "synchronised":
            return True
        return not changes and self.state == "synchronised"

    def _why_not(self) -> str:
        status = self.status()
        heard = sum(peer.verdict != "silent" for peer in status.peers)
        text = f"{status.state}, {heard} of {len(status.peers)} peers heard, {status.voters} voted"
        apart = status.apart()
        if apart:
            text += f"; farther apart than can be decided: {', '.join(map(str, apart[:5]))}"
        if self._candidates is not None and self._candidates.error is not None:
            text += f"; peers() failed: {self._candidates.error}"
        return text
