"""``Flock``: this process as a member of a flock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, Self

from flocktime._backend import FlockMember
from flocktime.clock import Clock, SkewedSource, Timestamp
from flocktime.errors import FlockError
from flocktime.flock.arguments import anchor_ns, check_str, count, member_name, text, within
from flocktime.flock.candidates import Candidates, checked_names
from flocktime.flock.hosting import page_clock, skewed
from flocktime.flock.keys import normalised
from flocktime.flock.naming import Identity
from flocktime.flock.readiness import Readiness
from flocktime.flock.reading import status_of, vouches
from flocktime.flock.status import FlockState, FlockStatus, StateChange
from flocktime.flock.threads import in_its_own_thread
from flocktime.flock.watching import Watcher

__all__ = ["Flock"]

Peers = Iterable[str] | Callable[[], Iterable[str]]
Keys = str | tuple[str, ...] | list[str]

_NO_SOCKET = "peers cannot be given without listen: there is no socket to ask them from"


class Flock:
    """A member of a flock: clocks that agree by talking to a few neighbours, and refuse to be dragged.

    One background thread, outside the interpreter's lock, asks four neighbours a second for their time and steers the
    clock of this process, ``flock.clock``. Everything it sends has the same small size in a flock of any size. Close it,
    or use it as a (sync or async) context manager.

    Until the first synchronisation the clock's stamps follow the OS clock. Afterwards they follow the flock; the drift
    limit that received stamps are held against then tightens to ten times this member's error bound, at least 5 ms.

    Args:
        listen: ``"host:port"`` for datagrams, IPv6 in brackets; port 0: any. ``None``: no socket, see ``header``.
        peers: where neighbours listen: ``"host:port"``, at most 4,096, 256 names among them; a name may stand for many
            addresses and is resolved again and again. Or a callable that returns such a list: asked here and now, then every
            ``resolve_every`` seconds in a thread of its own. Not all members have to be listed; a few random ones are asked.
            Not without ``listen``: there would be no socket to ask them from.
        key: the cluster's key, as ``flocktime key new`` prints it, or several: the first signs, all verify. Without one
            everybody who can reach the socket can tell the time; use that on a trusted network only.
        steer: ``False``: measure and report, never steer; for hosts that another service synchronises.
        name: what its one vote hangs on: no other member's in the flock, and the same after a restart. ``None``: host name
            and address; with port 0, or without a socket, it is another one after each start.
        max_drift: as for ``Clock``, from a millisecond to a day; also how far apart clocks may be that come together by
            themselves, so there has to be one. node, on_drift, last, epoch: as for ``Clock``.
        until_ready: what stamps do before the first synchronisation: ``"os"``: follow the OS clock; ``"raise"``:
            ``now()`` raises ``NotReady``.
        anchor: whether this host's OS clock counts as UTC: ``None``: while the operating system says that it is
            synchronised; ``False``: never; ``True``, or up to a second: always, within one millisecond or so much.
        source: a ``SkewedSource`` instead of the operating system's clocks, for tests and demonstrations.
        page: the file of a host page. The flock's clock is then the one that all processes of the host share (``Clock.open``),
            and this member, the only one there, tells all of them what to follow. It is refused while another one publishes on
            the page; after one that was killed it waits for five rounds. Not with ``steer=False``.
        fanout: requests a round. round: seconds from one step to the next. resolve_every: seconds.

    Raises:
        InvalidKey, FlockError: a key that is none; an address that cannot be listened on. PageError: the page cannot be used, or
            another member publishes there. ValueError, TypeError: other arguments that name no such thing; a callable ``peers``
            that fails the first time, with its error as the cause.

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
        key: Keys | None = None,
        steer: bool = True,
        name: str | None = None,
        node: int | bytes | None = None,
        max_drift: float | timedelta = 0.5,
        on_drift: Literal["reject", "adopt", "ignore", "clamp"] = "reject",
        last: Timestamp | None = None,
        epoch: int = 0,
        until_ready: Literal["os", "raise"] = "os",
        anchor: bool | float | timedelta | None = None,
        source: SkewedSource | None = None,
        page: str | os.PathLike[str] | None = None,
        fanout: int = 4,
        round: float = 1.0,
        resolve_every: float = 30.0,
    ) -> None:
        if until_ready not in ("os", "raise"):
            raise ValueError(f"until_ready must be 'os' or 'raise', got {until_ready!r}")
        identity = Identity(member_name(name), text("listen", listen))
        self._steer = bool(steer)
        keys = () if key is None else normalised(key)
        self._drift_us = int(within("max_drift", max_drift, 0.001, 86_400.0) * 1e6 + 0.5)
        every_s = within("resolve_every", resolve_every, 0.01, 86_400.0)
        names = [] if callable(peers) else checked_names(peers)
        if listen is None and (callable(peers) or names):
            raise ValueError(_NO_SOCKET)
        settings: dict[str, Any] = {"name": name, "max_drift": max_drift, "on_drift": on_drift}
        own = {"node": node, "last": last, "epoch": epoch or None}
        self._member = FlockMember(
            listen=listen,
            keys=keys,
            origin=identity.origin,
            steer=self._steer,
            max_drift_us=self._drift_us,
            refuse=until_ready == "raise",
            anchor=anchor_ns(anchor),
            fanout=count("fanout", fanout, 0, 256),
            round_s=within("round", round, 0.001, 3600.0),
            resolve_s=every_s,
            source=skewed(source),
            # The last of them, so that a mistake in another one leaves no file behind.
            page=(paged := page_clock(page, source, own, steer=self._steer, **settings)),
        )
        self._name = identity.name(self._member.address)
        self._watcher = Watcher(self._member)
        self._candidates: Candidates | None = None
        try:
            steered = self._member.source
            self._clock = paged or Clock(node=node, source=steered, last=last, epoch=epoch, **settings)
            self._member.attach(self._clock)
            if callable(peers):
                self._candidates = Candidates(self._member, peers, every_s)
            else:
                self._member.set_peers(names)
        except BaseException:
            self._member.stop()
            raise

    @property
    def clock(self) -> Clock:
        """The clock that follows this flock: the same object each time, usable from any thread.

        It outlives the flock: after ``close`` it runs on at the last rate. In a forked child it follows the OS clock. On a page
        it follows what is published there, as the clocks of all other processes do: in a forked child too, and after ``close``,
        which tells them that the member has left, the OS clock.
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
        self._readiness(timeout).wait()

    async def wait_ready(self, timeout: float | timedelta | None = None) -> None:
        """The same for a coroutine: the event loop runs on meanwhile, and a cancelled wait leaves nothing behind."""
        await self._readiness(timeout).wait_in_a_coroutine()

    def _readiness(self, timeout: float | timedelta | None) -> Readiness:
        return Readiness(self._member, self.status, steers=self._steer, timeout=timeout)

    def status(self) -> FlockStatus:
        """How this member stands now, with all its peers. Takes some microseconds; the flock goes on meanwhile."""
        failure = None if self._candidates is None else self._candidates.error
        return status_of(self._member, self._name, self._clock, float(self._drift_us), failure)

    def metrics(self) -> dict[str, float]:
        """The same as flat plain numbers, for a metrics system. Names end in their unit; counters end in ``_total``."""
        from flocktime.flock.metrics import metrics_of

        return metrics_of(self.status())

    def on_state(self, callback: Callable[[StateChange], object]) -> Callable[[StateChange], object]:
        """Call back with the present state, then with each change of it or of whom the member calls wrong, up to its end.

        Calls come one after the other from a thread of the callback's own; one that takes long delays its own later ones and
        nothing else, and ``close`` waits for it no longer than a moment. What it raises goes to ``threading.excepthook``.
        Returns the callback, so that it can be a decorator.

        Raises:
            FlockError: this is a forked child's copy. TypeError: it cannot be called.
        """
        if not callable(callback):
            raise TypeError(f"callback must be callable, not {type(callback).__name__}")
        self._watcher.add(callback)
        return callback

    def set_peers(self, peers: Iterable[str]) -> None:
        """Replace the neighbours that may be asked.

        Raises:
            ValueError, TypeError: one of them is no ``host:port``, there are too many, or there is no socket to ask them from;
                nothing has changed then.
            FlockError: ``peers`` is a callable, whose next answer would undo it; the flock was closed or has failed; this is
                a forked child's copy.
        """
        if self._candidates is not None:
            raise FlockError("this flock asks a callable for its peers, whose next answer would replace these")
        names = checked_names(peers)
        if names and self.address is None:
            raise ValueError(_NO_SOCKET)
        self._member.set_peers(names)

    def rotate(self, key: Keys) -> None:
        """Replace the keys. Without a gap: give all members both keys, the old one first; then both, the new one first;
        then the new one alone.

        Raises:
            InvalidKey: it is none, or no key is given: authentication cannot be taken away from a flock that runs.
                TypeError: neither text nor a list. FlockError: as ``header``. Nothing has changed then.
        """
        self._member.rotate(normalised(key))

    def header(self, to: str) -> str:
        """A header, 224 characters of text, to send along with a message to ``to``.

        It carries what a datagram would, and a fresh stamp of the clock. ``to`` is what this member calls the receiver: the
        same name for the same process, 1 to 255 bytes of UTF-8.

        Raises:
            HeaderError: the name is empty or too long. TypeError: it is no text. FlockError: the flock was closed or has failed,
                and why; this is a forked child's copy.
        """
        check_str("to", to)
        return self._member.header(to)

    def receive(self, header: str) -> Timestamp:
        """Take in the header that came with a message, as soon as it came; merge its stamp and return the receipt's.

        Raises:
            HeaderError: it is no header of this flock, or was seen before and its sender has proven to be there, which takes an
                answer to an earlier header. DriftError, EpochError, NodeCollision: the clock refuses its stamp. The clock is
                then as it was. FlockError: as ``header``. TypeError: it is no text.
        """
        remote, trusted = self.take(header)
        return self._clock.update(remote, trusted=trusted)

    def take(self, header: str) -> tuple[Timestamp, bool]:
        """Take in a header without merging its stamp: the sender's stamp, and whether the cluster's key vouches for its epoch.

        For those who want to see the stamp first; merge it with ``flock.clock.update(stamp, trusted=trusted)``.

        Raises:
            HeaderError, FlockError, TypeError: as ``receive``; nothing has changed but the counters.
        """
        check_str("header", header)
        # Text beyond ASCII is refused and counted like any other that is no header.
        return self._member.take(header if header.isascii() else "")

    def reply(self, header: str) -> str:
        """The header for the answer to a message, whose header ``receive`` has taken in.

        Raises:
            HeaderError: it was not taken in, or too long ago, or replied to already; too many strangers write at once.
                FlockError: as ``header``.
        """
        check_str("header", header)
        return self._member.reply(header)

    def advance_epoch(self, reason: str, *, force: bool = False) -> Timestamp:
        """The way back from stamps of a future that was never real: a new epoch, whose time begins where the flock is.

        Once, on one member: ordinary messages carry it to all others, signed ones over any distance. Without ``force`` the
        flock must vouch for the time: three voters or more that agree, and a clock that follows them (or, where the member
        monitors only, lies within the drift limit of them). See ``docs/runbook-wrong-clock.md``.

        Raises:
            EpochError: nobody vouches for the time, and ``force`` is not given; or this is the last epoch.
        """
        return self._clock.advance_epoch(reason, force=force or vouches(self.status()))

    def close(self) -> None:
        """Stop talking. The clock runs on as it was last steered. Closing twice changes nothing.

        It waits for the flock's thread, which ends at once, and half a second at most for each kind of code that is not the
        flock's own: callbacks, and a callable ``peers``.
        """
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
        await in_its_own_thread(self.close)

    def __repr__(self) -> str:
        return f"<flocktime.Flock name={self._name!r} listen={self.address!r} state={self.state!r}>"

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'flocktime.Flock' object: give the other process a flock of its own")
