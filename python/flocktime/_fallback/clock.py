"""``Clock``: the rules of ``merge`` behind one lock, joined to a source of time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import islice

from flocktime._fallback import commit_wait, forks, merge, pages, receiving
from flocktime._fallback.arguments import ON_COLLISION, ON_DRIFT, choice, cut_reason, new_node, node_id, start
from flocktime._fallback.blame import ENOUGH, Blame
from flocktime._fallback.epoch_gate import StepRecord
from flocktime._fallback.fields import checked_bool, checked_int, field, from_delta_us, seconds_us
from flocktime._fallback.jumps import JumpWatch
from flocktime._fallback.keeper import keeper
from flocktime._fallback.layout import MAX_BATCH, MAX_EPOCH
from flocktime._fallback.merge import Rules, State
from flocktime._fallback.sources import Source, usable_us
from flocktime._fallback.timestamp import Timestamp
from flocktime.errors import DriftError, EpochError, NodeCollision, _epoch, _exhausted, _forked, _show
from flocktime.stats import COUNTERS, ClockStats

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from os import PathLike
    from typing import NoReturn


class Clock:
    """A clock that issues strictly increasing timestamps and merges those of others.

    Whatever the wall clock does, each timestamp is greater than every one that this clock has issued or adopted before,
    from any thread, across ``now`` and ``update``. Any thread may call any method at any time. A forked child gets a new
    node id, or ``ForkedClock`` where the node was fixed. A call that raises has changed nothing.

    Args:
        name: a label for people; it is in no timestamp.
        node: 48 bits as an int or 6 bytes; ``None``: random. Two clocks of one node issue equal timestamps.
        max_drift: how far a remote timestamp may lead, inclusive, in seconds or as ``timedelta``; ``None``: no limit.
        on_drift: beyond that ``"reject"`` (raise), ``"adopt"`` (take it), ``"ignore"`` or ``"clamp"`` (go on without it, or
            with as much as is allowed: the result may then lie *below* the remote timestamp).
        on_collision: a remote timestamp of this node from above: ``"reject"`` (raise) or ``"adopt"``.
        source: ``None``: the operating system's clock; else a callable that returns ``int`` nanoseconds since 1970.
        last: start after this timestamp.
        epoch: start in this epoch.
        clockbound: the file of a ClockBound daemon, whose word on the OS clock's error then counts instead of the kernel's.

    Raises:
        ValueError, TypeError: an argument that names no such thing. ClockBoundError: the file cannot be used.

    >>> clock = Clock(name="billing")
    >>> sent = clock.now()
    >>> received = clock.update(sent)
    >>> sent < received
    True
    """

    __slots__ = (
        "__weakref__",
        "_blame",
        "_counts",
        "_fixed_node",
        "_generation",
        "_jumps",
        "_keeper",
        "_loaded",
        "_lock",
        "_max_drift_us",
        "_name",
        "_node",
        "_on_collision",
        "_on_drift",
        "_reasons",
        "_source",
        "_state",
        "_steps",
    )  # fmt: skip
    __module__ = "flocktime"

    def __init__(
        self,
        *,
        name: str | None = None,
        node: int | bytes | None = None,
        max_drift: float | timedelta | None = 0.5,
        on_drift: str = "reject",
        on_collision: str = "reject",
        source: Callable[[], int] | None = None,
        last: Timestamp | None = None,
        epoch: int = 0,
        clockbound: str | PathLike[str] | None = None,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a str, not {type(name).__name__}")
        self._name = name
        self._fixed_node = node is not None
        self._node = new_node() if node is None else node_id(node)
        self._max_drift_us = None if max_drift is None else seconds_us("max_drift", max_drift)
        self._on_drift = choice("on_drift", on_drift, ON_DRIFT)
        self._on_collision = choice("on_collision", on_collision, ON_COLLISION)
        self._source = Source(source)
        self._keeper = keeper(clockbound, self._source)
        self._state = max(State(field("epoch", epoch, MAX_EPOCH), 0, 0), start(last))
        self._loaded = last  # what was given, until it is exceeded
        self._lock = threading.RLock()
        self._generation = forks.generation
        self._steps = StepRecord()
        self._jumps = JumpWatch()
        self._blame = Blame()
        self._counts: dict[str, int] = dict.fromkeys(COUNTERS, 0)
        self._reasons: dict[str, str | None] = {"last_reset": None, "last_advance": None}
        forks.remember(self)

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'flocktime.Clock' is not an acceptable base type")

    open, page = classmethod(pages.open), property(pages.page)
    interval, after, before = commit_wait.interval, commit_wait.after, commit_wait.before
    wait_until, wait_until_async, _look = commit_wait.wait_until, commit_wait.wait_until_async, commit_wait.look

    # Issuing.

    def now(self) -> Timestamp:
        """Stamp a local or send event.

        Returns:
            A timestamp greater than all that this clock has issued or adopted.

        Raises:
            ForkedClock: in a forked child, where the node was fixed. What a source written in Python raises passes through.
            NotReady: its flock refuses until it has synchronised. LeaseExpired: it is on a page, whose lease has no room.
        """
        physical = self._read()
        with self._lock:
            return self._issue(merge.as_it_is, physical)

    def now_many(self, n: int) -> list[Timestamp]:
        """Reserve ``n`` consecutive timestamps, ``0..=65536``, with one step: no other thread's lies between them.

        Raises:
            ValueError: ``n`` out of range; else as ``now``.

        >>> stamps = Clock().now_many(3)
        >>> stamps == sorted(set(stamps))
        True
        """
        count = checked_int("n", n)
        if not 0 <= count <= MAX_BATCH:
            raise ValueError(f"n must lie in 0..={MAX_BATCH}, got {_show(count)}")
        physical = self._read()
        with self._lock:
            if count and not merge.has_room(self._state, physical, count - 1):
                raise _exhausted(self._state.epoch)
            return [self._issue(merge.as_it_is, physical) for _ in range(count)]

    # Merging.

    def update(self, ts: Timestamp, *, on_drift: str | None = None, trusted: bool = False) -> Timestamp:
        """Stamp a receive event: merge the remote timestamp, tick, return.

        Hybrid logical clock (Kulkarni et al. 2014) inside an epoch; a higher epoch wins (after Moore 2015).

        Args:
            ts: what came with the message.
            on_drift: this call's policy instead of the clock's.
            trusted: the caller vouches for the timestamp's epoch, whatever distance it jumps.

        Returns:
            A timestamp greater than ``ts`` and than all before, but for ``"ignore"`` and ``"clamp"`` beyond the limit, and
            for a timestamp of a lower epoch that still carries a later time.

        Raises:
            DriftError: ``ts`` leads by more than the limit, or lies within the last day that can be represented (under every
                policy). EpochError: its epoch is more than one step up, or the last step was less than a minute ago.
            NodeCollision: it carries this clock's node and lies above it. Else as ``now``.

        >>> clock = Clock(max_drift=0.5)
        >>> clock.update(clock.now() + timedelta(hours=1))
        Traceback (most recent call last):
            ...
        flocktime.errors.DriftError: ...
        """
        if not isinstance(ts, Timestamp):
            raise TypeError(f"ts must be a Timestamp, not {type(ts).__name__}")
        return self._receive([ts], on_drift, trusted)

    def update_many(
        self, timestamps: Iterable[Timestamp], *, on_drift: str | None = None, trusted: bool = False
    ) -> Timestamp:
        """Merge all of them and tick once: all or nothing. At most 65,536; of none it is ``now``.

        Raises:
            ValueError: too many. For the first one that is refused as ``update``; none is adopted then.
        """
        remotes = list(islice(timestamps, MAX_BATCH + 1))
        if len(remotes) > MAX_BATCH:
            raise ValueError(f"at most {MAX_BATCH} timestamps at once")
        for remote in remotes:
            if not isinstance(remote, Timestamp):
                raise TypeError(f"timestamps must hold Timestamp, not {type(remote).__name__}")
        return self._receive(remotes, on_drift, trusted)

    def observe(self, ts: Timestamp) -> timedelta:
        """How far a remote timestamp leads this clock's time: positive when the remote is ahead. Moves and counts nothing."""
        if not isinstance(ts, Timestamp):
            raise TypeError(f"ts must be a Timestamp, not {type(ts).__name__}")
        return from_delta_us(ts.physical_us - usable_us(self._source.wall_ns())[0])

    def _receive(self, remotes: list[Timestamp], on_drift: str | None, trusted: bool) -> Timestamp:
        policy = self._on_drift if on_drift is None else choice("on_drift", on_drift, ON_DRIFT)
        trusted = checked_bool("trusted", trusted)
        physical = self._read()
        rules: Rules | None = None
        counted: list[str | None] = []

        def merged(state: State) -> State:
            nonlocal rules, counted
            rules, counted = receiving.rules(self, state, physical, policy, trusted), []
            for remote in remotes:
                state, name = merge.adopt(state, remote, rules)
                counted.append(name)
            return state

        with self._lock:
            try:
                issued = self._issue(merged, physical)
            except (DriftError, EpochError, NodeCollision) as refusal:
                receiving.refused(self, refusal)
                raise
            for name in counted:
                if name is not None:
                    self._counts[name] += 1
            if rules is not None and issued.epoch > rules.epoch_from:
                if rules.epoch_steps is not None:
                    self._steps.take(self._source.monotonic_ns())
                self._counts["epochs_adopted"] += 1
            return issued

    # The operator's ways back.

    def advance_epoch(self, reason: str, *, force: bool = False) -> Timestamp:
        """The operator's way back from a poisoned future: go one epoch up, with wall time as the source shows it.

        Every timestamp of the new epoch beats every older one, so causality holds and the step spreads with ordinary
        messages. ``reason`` is kept in ``stats()``, its first 200 characters.

        Returns:
            The first timestamp of the new epoch.

        Raises:
            EpochError: without ``force=True`` while no quorum of a flock agrees, or in the last epoch.
        """
        reason, force = cut_reason(reason), checked_bool("force", force)
        physical = self._read()

        def advanced(state: State) -> State:
            if state.epoch == MAX_EPOCH:
                raise _epoch("top", state.epoch, state.epoch + 1)
            if not force:
                raise _epoch("force", state.epoch, state.epoch + 1)
            return State(state.epoch + 1, physical, 0)

        with self._lock:
            issued = self._issue(advanced, physical)
            self._counts["epochs_advanced"] += 1
            self._reasons["last_advance"] = reason
            return issued

    def reset(self, reason: str) -> Timestamp:
        """A new identity for a clock that has already stamped a wrong time: new random node, wall time as the source shows it.

        It is a new clock from here on: its first timestamp may lie *below* earlier ones of the old identity. ``reason`` is
        kept in ``stats()``, its first 200 characters.

        Returns:
            The first timestamp of the new identity.

        Raises:
            PageError: on a page, whose processes share the identity.
        """
        reason = cut_reason(reason)
        wall_ns = self._source.wall_ns()
        # From here on nothing fails. The node is drawn after the reading: a source may itself fork, and a node that was
        # drawn before would then be in two processes.
        self._fixed_node = False
        if self._generation != forks.generation:
            self._adopt_child()
        physical = self._judged(wall_ns)
        with self._lock:
            self._node = new_node()
            self._loaded = None  # the state may pass the same instant again, under another node
            self._counts["resets"] += 1
            self._reasons["last_reset"] = reason
            self._blame.clear()
            return self._issue(lambda state: State(state.epoch, physical, 0), physical)

    # Looking.

    @property
    def last(self) -> Timestamp | None:
        """The latest timestamp, issued, adopted or given as ``last=``; ``None`` before the first. The next one lies above it."""
        state, loaded = self._state, self._loaded
        if loaded is not None and state == start(loaded):
            return loaded
        return None if state[1:] == (0, 0) else self._stamp(state)

    @property
    def name(self) -> str | None:
        """The label, or ``None``."""
        return self._name

    @property
    def node(self) -> int:
        """The node id, 48 bits."""
        if self._generation != forks.generation and not self._fixed_node:
            self._adopt_child()
        return self._node

    @property
    def epoch(self) -> int:
        """The epoch of the latest timestamp."""
        return self._state.epoch

    @property
    def ahead_by(self) -> timedelta:
        """How far the timestamps lead the source, a ``timedelta``; zero when they do not."""
        return from_delta_us(max(0, self._state.physical - usable_us(self._source.wall_ns())[0]))

    def stats(self) -> ClockStats:
        """The counters so far, as ``ClockStats``. Other threads may count on meanwhile."""
        with self._lock:
            self._jumps.compare(self._source, None)
            suspects = self._blame.suspects(self._source.monotonic_ns())
            return ClockStats(
                **self._counts,
                **self._reasons,
                backward_jumps=self._jumps.backward,
                forward_jumps=self._jumps.forward,
                suspects=suspects,
                suspect_self=len(suspects) >= ENOUGH,
            )

    def __repr__(self) -> str:
        return f"<flocktime.Clock name={self._name!r} node=0x{self._node:012x} epoch={self.epoch} last={self.last}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle 'flocktime.Clock' object: give the other process a clock of its own")

    # Inside.

    def _read(self) -> int:
        """One physical reading, before any lock is taken: a source may be slow, or call this very clock."""
        wall_ns = self._source.wall_ns()
        if self._generation != forks.generation:
            if self._fixed_node:
                raise _forked(self._node)
            self._adopt_child()
        return self._judged(wall_ns)

    def _judged(self, wall_ns: int) -> int:
        """A reading as a timestamp can hold it, watched for jumps."""
        physical, bent = usable_us(wall_ns)
        with self._lock:
            self._counts["readings_out_of_range"] += bent
            self._jumps.saw(self._source, wall_ns // 1000)
        return physical

    def _adopt_child(self) -> None:
        """First use after a fork, by whichever thread of the child comes first: the node is the parent's."""
        node = new_node()
        with self._lock:
            if self._generation != forks.generation:
                self._node = node
                self._generation = forks.generation
                self._counts["forks"] += 1

    def _issue(self, step: Callable[[State], State], physical: int) -> Timestamp:
        """Take the step, tick, and keep what comes of it; called with the lock held.

        The lock keeps other threads out. A finaliser or a signal handler runs in this very one, in the middle of anything,
        and may stamp as well: the state has then moved on, and the step is taken again.
        """
        while True:
            before = self._state
            after = merge.tick(step(before), physical)
            if self._state is before:  # the interpreter runs nothing else between this line and the next
                self._state = after
                self._counts["carries"] += after.logical == 0 and after.physical > physical
                return self._stamp(after)

    def _stamp(self, state: State) -> Timestamp:
        return Timestamp(state.physical, state.logical, node=self._node, epoch=state.epoch)

    def _is_fresh(self) -> bool:
        """Neither issued nor loaded anything: a newcomer must be able to join at any epoch."""
        return self._loaded is None and self._state[1:] == (0, 0)
