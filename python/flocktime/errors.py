"""Every error of the clock, once, for both backends.

The compiled core and the pure fallback report *what* went wrong as numbers; the sentence is written here. So the two
cannot drift apart, and every message names the offender and the numbers that it broke.

All of them pickle and copy: the message is the only positional argument, the evidence is in attributes.
"""

from __future__ import annotations

from datetime import timedelta

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any

    from flocktime._backend import Timestamp

__all__ = [
    "ClockError",
    "DriftError",
    "EpochError",
    "FlockError",
    "ForkedClock",
    "HeaderError",
    "InvalidKey",
    "InvalidTimestamp",
    "NodeCollision",
    "NotReady",
    "SourceError",
]


class ClockError(Exception):
    """The base of every error that a clock or a timestamp raises.

    Whatever raised it, the clock is exactly as it was before the call.
    """


class InvalidTimestamp(ClockError, ValueError):
    """A value that is no timestamp: malformed bytes or text, or a field out of its range.

    Attributes:
        form: which decoder refused it (``"fields"``, ``"bytes"``, ``"hex"``, ``"str"``, ``"int"``, ``"datetime"``,
            ``"uuid"`` or ``"json"``).
        reason: what is wrong, in words.
        position: index of the first offending byte or character, or ``None`` where there is no such place.
    """

    def __init__(self, message: str, *, form: str = "", reason: str = "", position: int | None = None) -> None:
        super().__init__(message)
        self.form = form
        self.reason = reason
        self.position = position


class DriftError(ClockError, ValueError):
    """A remote timestamp lies further in the future than the drift limit allows; it was not adopted.

    The node that the timestamp names may only have relayed a time that it was given itself.

    Attributes:
        remote: the timestamp that was refused.
        node: its node, 48 bits.
        offset: how far it leads the time this clock believes in.
        limit: the largest lead that is accepted, inclusive.
    """

    def __init__(
        self,
        message: str,
        *,
        remote: Timestamp | None = None,
        offset: timedelta | None = None,
        limit: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.remote = remote
        self.node = None if remote is None else remote.node
        self.offset = offset
        self.limit = limit


class EpochError(ClockError):
    """An epoch was refused: a step too far or too soon, one without the operator's word, or two that do not compare.

    Attributes:
        remote: the timestamp that proposed the epoch, or ``None``.
        epoch: the epoch that stays in force.
        proposed: the epoch that was refused.
    """

    def __init__(
        self, message: str, *, remote: Timestamp | None = None, epoch: int | None = None, proposed: int | None = None
    ) -> None:
        super().__init__(message)
        self.remote = remote
        self.epoch = epoch
        self.proposed = proposed


class NodeCollision(ClockError):
    """A received timestamp carries this clock's own node, yet lies above everything this clock has issued.

    Somebody else stamps under the same node id, or this process lost its state in a restart.

    Attributes:
        remote: the timestamp that was refused.
        node: the node that both sides use.
        last: what this clock had reached.
    """

    def __init__(self, message: str, *, remote: Timestamp | None = None, last: Timestamp | None = None) -> None:
        super().__init__(message)
        self.remote = remote
        self.node = None if remote is None else remote.node
        self.last = last


class ForkedClock(ClockError):
    """A clock with a fixed node was used in a forked child, where it would repeat its parent's timestamps.

    Give the child a clock of its own, or call ``clock.reset(reason=...)`` in it: that takes a new node id.

    Attributes:
        node: the node that still belongs to the parent.
    """

    def __init__(self, message: str, *, node: int | None = None) -> None:
        super().__init__(message)
        self.node = node


class _FileError(ClockError, OSError):
    """A file that cannot be used, with ``errno`` and ``filename`` as an ``OSError`` has them."""

    def __init__(self, message: str, *, path: str | None = None, reason: str = "", errno: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.reason = reason
        self.errno = errno
        self.filename = path

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        # An OSError keeps these two where pickle does not look.
        return type(self), self.args, {**self.__dict__, "errno": self.errno, "filename": self.filename}


class NotReady(ClockError):
    """This clock's flock has not synchronised yet, and the clock was told to refuse until then.

    Wait with ``flock.ready()`` before the first timestamp is needed.
    """


class FlockError(ClockError):
    """A member of a flock cannot do what it was asked to: an address that cannot be listened on, a member that is stopped."""


class InvalidKey(FlockError, ValueError):
    """A key that is none, or keys that do not go together. The message never shows a secret."""


class HeaderError(FlockError, ValueError):
    """A header that the flock does not take. Nothing has changed but the counters in ``flock.status()``.

    Attributes:
        reason: ``"malformed"``, ``"version"``, ``"unknown_key"``, ``"unauthenticated"`` (no signature), ``"forged"`` (a wrong
            one), ``"replayed"`` (seen before), ``"own"`` (this member's, come back), ``"not_received"`` (asked to reply to
            a header that was not taken in), ``"busy"`` (too many strangers at once) or ``"label"`` (a receiver's name that is
            empty or too long).
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class SourceError(ClockError):
    """A time source written in Python returned something that is no ``int`` of nanoseconds.

    What the source itself raises passes through unchanged.
    """


# What the backends call: numbers in, the finished error out. Timestamps are those of either backend.


def _show(value: object) -> str:
    """``repr`` that stays short and never raises: hostile input ends up in messages and logs."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"an int of {value.bit_length()} bits"
    if isinstance(value, str | bytes | bytearray):
        return ascii(value) if len(value) <= 64 else f"{value[:48]!a}... (length {len(value)})"
    return ascii(value) if isinstance(value, int | float | timedelta | None) else f"a {type(value).__name__}"


def _invalid(form: str, reason: str, position: int | None, value: object) -> InvalidTimestamp:
    where = "" if position is None else f" at position {position}"
    message = f"not a timestamp ({form}): {reason}{where}, got {_show(value)}"
    return InvalidTimestamp(message, form=form, reason=reason, position=position)


def _drift(remote: Any, offset: timedelta, limit: timedelta) -> DriftError:
    message = (
        f"timestamp of node {remote.node:012x} is {offset.total_seconds():.6f} s ahead of this clock's time, "
        f"{limit.total_seconds():.6f} s are allowed (the node may only be relaying a time it was given)"
    )
    return DriftError(message, remote=remote, offset=offset, limit=limit)


def _epoch(why: str, epoch: int, proposed: int, remote: Any = None, wait_s: float = 0.0) -> EpochError:
    sender = "" if remote is None else f" of node {remote.node:012x}"
    message = {
        "jump": f"timestamp{sender} is of epoch {proposed}, this clock of {epoch}: one step at a time unless trusted",
        "too soon": f"timestamp{sender} is of epoch {proposed}, this clock of {epoch}: the next step is allowed in "
        f"{wait_s:.1f} s unless trusted",
        "force": f"moving from epoch {epoch} to {proposed} without a quorum needs force=True",
        "top": f"epoch {epoch} is the last one",
        "subtraction": f"timestamps of epochs {epoch} and {proposed} have no time between them: it was corrected in between",
    }[why]
    return EpochError(message, remote=remote, epoch=epoch, proposed=proposed)


def _collision(remote: Any, last: Any) -> NodeCollision:
    message = (
        f"received {remote} of this clock's own node {remote.node:012x}, above its last {last}: "
        "another clock uses the same node id, or this one lost its state"
    )
    return NodeCollision(message, remote=remote, last=last)


def _forked(node: int) -> ForkedClock:
    message = f"node {node:012x} belongs to the parent process: give the child its own clock, or reset() this one"
    return ForkedClock(message, node=node)


def _exhausted(epoch: int) -> ClockError:
    return ClockError(f"the timestamps of epoch {epoch} are used up: advance the epoch")


def _not_ready() -> NotReady:
    return NotReady("this clock's flock has not synchronised yet; wait with flock.ready(), or for this host's member")


_HEADER_REASONS = {
    "malformed": "it is no packet of a flock",
    "version": "it is of another major version",
    "unknown_key": "it is signed with a key that this member does not have",
    "unauthenticated": "it is not signed, and this member has keys",
    "forged": "its signature is wrong",
    "replayed": "it was seen before",
    "own": "it is this member's own",
    "not_received": "it was not taken in before, or too long ago",
    "busy": "too many senders at once have yet to prove that they are there",
}


def _header(reason: str, length: int | None = None) -> HeaderError:
    if reason == "label":
        message = f"no header: the name of its receiver must have 1 to 255 bytes, this one has {length}"
        return HeaderError(message, reason=reason)
    return HeaderError(f"header refused: {_HEADER_REASONS.get(reason, reason)}", reason=reason)


def _flock(message: str) -> FlockError:
    return FlockError(message)


def _key(message: str) -> InvalidKey:
    return InvalidKey(message)
