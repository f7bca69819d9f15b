"""``Clock``: the rules of ``merge`` behind one lock, joined to a source of time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import islice
from typing import Any, NoReturn, final
from weakref import WeakSet

from flocktime._fallback import merge
from flocktime._fallback.blame import ENOUGH, Blame
from flocktime._fallback.fields import checked_bool, checked_int, field, from_delta_us, seconds_us
from flocktime._fallback.jumps import JumpWatch
from flocktime._fallback.layout import HORIZON, MAX_BATCH, MAX_EPOCH, MAX_NODE
from flocktime._fallback.merge import Rules, State
from flocktime._fallback.sources import Source, usable_us
from flocktime._fallback.timestamp import Timestamp
from flocktime.errors import DriftError, EpochError, NodeCollision, _epoch, _forked, _invalid, _show
from flocktime.stats import ClockStats

ON_DRIFT = ("reject", "adopt", "ignore", "clamp")
ON_COLLISION = ("reject", "adopt")
#: A step to a higher epoch that nobody vouches for is allowed once in so long.
EPOCH_PAUSE_NS = 60_000_000_000
#: Reasons are kept for people; a longer one is cut.
MAX_REASON = 200

_generation = 0  # how many forks lie between the first process and this one
_clocks: WeakSet[Clock] = WeakSet()


def _forked_child() -> None:
    """Runs alone, before any other code of the child: a thread that was not copied may hold a lock for ever."""
    global _generation
    _generation += 1
    for clock in _clocks:
        clock._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked_child)


@final
class Clock:
    __slots__ = (
        "__weakref__", "_blame", "_counts", "_epoch_stepped_ns", "_fixed_node", "_generation", "_jumps", "_loaded",
        "_lock", "_max_drift_us", "_name", "_node", "_on_collision", "_on_drift", "_reasons", "_source", "_state",
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
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a str, not {type(name).__name__}")
        self._name = name
        self._fixed_node = node is not None
        self._node = _new_node() if node is None else _node_id(node)
        self._max_drift_us = None if max_drift is None else seconds_us("max_drift", max_drift)
        self._on_drift = _choice("on_drift", on_drift, ON_DRIFT)
        self._on_collision = _choice("on_collision", on_collision, ON_COLLISION)
        self._source = Source(source)
        self._state = max(State(field("epoch", epoch, MAX_EPOCH), 0, 0), _start(last))
        self._loaded = last  # what was given, until it is exceeded
        self._lock = threading.Lock()
        self._generation = _generation
        self._epoch_stepped_ns: int | None = None
        self._jumps = JumpWatch()
        self._blame = Blame()
        self._counts: dict[str, int] = dict.fromkeys(_COUNTED, 0)
        self._reasons: dict[str, str | None] = {"last_reset": None, "last_advance": None}
        _clocks.add(self)

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'flocktime.Clock' is not an acceptable base type")

    # Issuing.

    def now(self) -> Timestamp:
        physical = self._read()
        with self._lock:
            return self._ticked(self._state, physical)

    def now_many(self, n: int) -> list[Timestamp]:
        count = checked_int("n", n)
        if not 0 <= count <= MAX_BATCH:
            raise ValueError(f"n must lie in 0..={MAX_BATCH}, got {_show(count)}")
        physical = self._read()
        with self._lock:
            return [self._ticked(self._state, physical) for _ in range(count)]

    # Merging.

    def update(self, ts: Timestamp, *, on_drift: str | None = None, trusted: bool = False) -> Timestamp:
        if not isinstance(ts, Timestamp):
            raise TypeError(f"ts must be a Timestamp, not {type(ts).__name__}")
        return self._receive([ts], on_drift, trusted)

    def update_many(
        self, timestamps: Iterable[Timestamp], *, on_drift: str | None = None, trusted: bool = False
    ) -> Timestamp:
        remotes = list(islice(timestamps, MAX_BATCH + 1))
        if len(remotes) > MAX_BATCH:
            raise ValueError(f"at most {MAX_BATCH} timestamps at once")
        for remote in remotes:
            if not isinstance(remote, Timestamp):
                raise TypeError(f"timestamps must hold Timestamp, not {type(remote).__name__}")
        return self._receive(remotes, on_drift, trusted)

    def observe(self, ts: Timestamp) -> timedelta:
        if not isinstance(ts, Timestamp):
            raise TypeError(f"ts must be a Timestamp, not {type(ts).__name__}")
        return from_delta_us(ts.physical_us - usable_us(self._source.wall_ns())[0])

    def _receive(self, remotes: list[Timestamp], on_drift: str | None, trusted: bool) -> Timestamp:
        policy = self._on_drift if on_drift is None else _choice("on_drift", on_drift, ON_DRIFT)
        trusted = checked_bool("trusted", trusted)
        physical = self._read()
        with self._lock:
            rules = self._rules(physical, policy, trusted)
            state, counted = self._state, []
            try:
                for remote in remotes:
                    state, name = merge.adopt(state, remote, rules)
                    counted.append(name)
            except (DriftError, EpochError, NodeCollision) as refusal:
                self._refused(refusal)
                raise
            for name in counted:
                if name is not None:
                    self._counts[name] += 1
            if state.epoch > self._state.epoch:
                if rules.epoch_steps is not None:
                    self._epoch_stepped_ns = self._source.monotonic_ns()
                self._counts["epochs_adopted"] += 1
            return self._ticked(state, physical)

    def _rules(self, physical: int, on_drift: str, trusted: bool) -> Rules:
        steps: int | None = None
        wait_ns = 0
        if not (trusted or self._is_fresh()):
            if self._epoch_stepped_ns is not None:
                wait_ns = max(0, self._epoch_stepped_ns + EPOCH_PAUSE_NS - self._source.monotonic_ns())
            steps = 0 if wait_ns else 1
        return Rules(
            node=self._node,
            reference=physical,
            max_drift=self._max_drift_us,
            on_drift=on_drift,
            on_collision=self._on_collision,
            epoch_from=self._state.epoch,
            epoch_steps=steps,
            epoch_wait_s=wait_ns / 1e9,
        )

    def _refused(self, refusal: DriftError | EpochError | NodeCollision) -> None:
        if isinstance(refusal, DriftError):
            self._counts["refused_drift"] += 1
            if refusal.node is not None:
                self._blame.refused(refusal.node, self._source.monotonic_ns())
        elif isinstance(refusal, EpochError):
            self._counts["refused_epoch"] += 1
        else:
            self._counts["refused_collision"] += 1

    # The operator's ways back.

    def advance_epoch(self, reason: str, *, force: bool = False) -> Timestamp:
        reason, force = _reason(reason), checked_bool("force", force)
        physical = self._read()
        with self._lock:
            epoch = self._state.epoch
            if epoch == MAX_EPOCH:
                raise _epoch("top", epoch, epoch + 1)
            if not force:
                raise _epoch("force", epoch, epoch + 1)
            self._counts["epochs_advanced"] += 1
            self._reasons["last_advance"] = reason
            return self._ticked(State(epoch + 1, physical, 0), physical)

    def reset(self, reason: str) -> Timestamp:
        reason = _reason(reason)
        if self._generation != _generation:
            self._adopt_child()
        physical = self._read()
        with self._lock:
            self._node = _new_node()
            self._fixed_node = False
            self._loaded = None  # the state may pass the same instant again, under another node
            self._counts["resets"] += 1
            self._reasons["last_reset"] = reason
            self._blame.clear()
            return self._ticked(State(self._state.epoch, physical, 0), physical)

    # Looking.

    @property
    def last(self) -> Timestamp | None:
        state, loaded = self._state, self._loaded
        if loaded is not None and state == _start(loaded):
            return loaded
        return None if state[1:] == (0, 0) else self._stamp(state)

    @property
    def name(self) -> str | None:
        return self._name

    @property
    def node(self) -> int:
        if self._generation != _generation and not self._fixed_node:
            self._adopt_child()
        return self._node

    @property
    def epoch(self) -> int:
        return self._state.epoch

    @property
    def ahead_by(self) -> timedelta:
        return from_delta_us(max(0, self._state.physical - usable_us(self._source.wall_ns())[0]))

    def stats(self) -> ClockStats:
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
        if self._generation != _generation:
            if self._fixed_node:
                raise _forked(self._node)
            self._adopt_child()
        physical, bent = usable_us(wall_ns)
        with self._lock:
            self._counts["readings_out_of_range"] += bent
            self._jumps.saw(self._source, wall_ns // 1000)
        return physical

    def _adopt_child(self) -> None:
        """First use after a fork, by whichever thread of the child comes first: the node is the parent's."""
        node = _new_node()
        with self._lock:
            if self._generation != _generation:
                self._node = node
                self._generation = _generation
                self._counts["forks"] += 1

    def _ticked(self, state: State, physical: int) -> Timestamp:
        """Tick and keep; called with the lock held."""
        after = merge.tick(state, physical)
        self._counts["carries"] += after.logical == 0 and after.physical > physical
        self._state = after
        return self._stamp(after)

    def _stamp(self, state: State) -> Timestamp:
        return Timestamp(state.physical, state.logical, node=self._node, epoch=state.epoch)

    def _is_fresh(self) -> bool:
        """Neither issued nor loaded anything: a newcomer must be able to join at any epoch."""
        return self._loaded is None and self._state[1:] == (0, 0)


_COUNTED = tuple(
    name
    for name in ClockStats.__slots__
    if name not in {"backward_jumps", "forward_jumps", "last_reset", "last_advance", "suspects", "suspect_self"}
)


def _new_node() -> int:
    return int.from_bytes(os.urandom(6), "big")


def _node_id(node: Any) -> int:
    if isinstance(node, bytes):
        if len(node) != 6:
            raise _invalid("fields", "node must be 6 bytes long", None, node)
        return int.from_bytes(node, "big")
    return field("node", node, MAX_NODE)


def _start(last: Timestamp | None) -> State:
    if last is None:
        return State(0, 0, 0)
    if not isinstance(last, Timestamp):
        raise TypeError(f"last must be a Timestamp, not {type(last).__name__}")
    if last.physical_us > HORIZON:
        raise _invalid("fields", f"last must not lie beyond {HORIZON} us", None, last.physical_us)
    return State(last.epoch, last.physical_us, last.logical)


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {_show(value)}")
    return value


def _reason(reason: Any) -> str:
    if not isinstance(reason, str):
        raise TypeError(f"reason must be a str, not {type(reason).__name__}")
    return reason[:MAX_REASON]
