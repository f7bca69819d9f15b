"""Each package behind the same few verbs, in the way its own documentation has people use it."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONTESTANTS", "Contestant", "NotOffered"]


class NotOffered(Exception):
    """The package does no such thing, or leaves it to its caller; the message says which."""


class Contestant(Protocol):
    """One clock or generator of a package.

    ``now`` returns a value that stays what it is; ``key`` makes it orderable in the package's own order; ``encoded`` is
    what the package writes for others to read; ``wall_ms`` is the time in it.
    """

    shared: bool  # whether one of it may be used by several threads

    def now(self) -> Any: ...
    def update(self, remote: Any) -> Any: ...
    def remote(self, ahead_ms: int) -> Any: ...
    def key(self, value: Any) -> Any: ...
    def encoded(self, value: Any) -> bytes: ...
    def wall_ms(self, value: Any) -> int: ...


class Flocktime:
    """A clock of its own, as anybody makes it."""

    shared = True

    def __init__(self, name: str) -> None:  # noqa: ARG002 names are labels, nodes are random
        import flocktime

        self._module = flocktime
        self._clock = flocktime.Clock()

    def now(self) -> Any:
        return self._clock.now()

    def update(self, remote: Any) -> Any:
        return self._clock.update(remote)

    def remote(self, ahead_ms: int) -> Any:
        return self._module.Timestamp((_now_ms() + ahead_ms) * 1000, node=7)

    def key(self, value: Any) -> Any:
        return value

    def encoded(self, value: Any) -> bytes:
        return bytes(value.to_bytes())

    def wall_ms(self, value: Any) -> int:
        return int(value.physical_us // 1000)


class Hlcpy:
    shared = True  # sync and merge take a lock

    def __init__(self, name: str) -> None:  # noqa: ARG002 its values carry no name
        self._type = importlib.import_module("hlcpy").HLC
        self._clock = self._type.from_now()

    def now(self) -> Any:
        self._clock.sync()
        return self._clock.tuple()

    def update(self, remote: Any) -> Any:
        self._clock.merge(self._type(*remote))
        return self._clock.tuple()

    def remote(self, ahead_ms: int) -> Any:
        return ((_now_ms() + ahead_ms) * 1_000_000, 0)

    def key(self, value: Any) -> Any:
        return value

    def encoded(self, value: Any) -> bytes:
        return bytes(self._type(*value).to_bytes())

    def wall_ms(self, value: Any) -> int:
        return int(value[0] // 1_000_000)


class Accordsync:
    shared = False  # immutable values: the caller keeps the latest

    def __init__(self, name: str) -> None:
        self._module = importlib.import_module("accordsync_core")
        self._latest = self._module.Hlc.initial(name)

    def now(self) -> Any:
        self._latest = self._latest.tick(_now_ms())
        return self._latest

    def update(self, remote: Any) -> Any:
        self._latest = self._latest.receive(remote, _now_ms(), 500)
        return self._latest

    def remote(self, ahead_ms: int) -> Any:
        return self._module.Hlc(_now_ms() + ahead_ms, 0, "remote")

    def key(self, value: Any) -> Any:
        return (value.wall, value.counter, value.node)

    def encoded(self, value: Any) -> bytes:
        return bytes(value.encode(), "ascii")

    def wall_ms(self, value: Any) -> int:
        return int(value.wall)


class Uuid7:
    shared = True

    def __init__(self, module: str) -> None:
        self._uuid7: Callable[[], Any] = importlib.import_module(module).uuid7

    def now(self) -> Any:
        return self._uuid7()

    def update(self, remote: Any) -> Any:  # noqa: ARG002
        raise NotOffered("a generator receives nothing")

    def remote(self, ahead_ms: int) -> Any:  # noqa: ARG002
        raise NotOffered("a generator receives nothing")

    def key(self, value: Any) -> Any:
        return value

    def encoded(self, value: Any) -> bytes:
        return bytes(value.bytes)

    def wall_ms(self, value: Any) -> int:
        return int(value.int) >> 80


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


#: Who takes part: the distribution, and how to make one that is called so.
CONTESTANTS: dict[str, Callable[[str], Contestant]] = {
    "flocktime": Flocktime,
    "hlcpy": Hlcpy,
    "accordsync-core": Accordsync,
    "uuid-utils": lambda name: Uuid7("uuid_utils"),  # noqa: ARG005 it knows no names
    "uuid7-rs": lambda name: Uuid7("uuid7_rs"),  # noqa: ARG005
}
