"""What a program without an event buffer would take: each behind the two calls that its own documentation has people make.

Where a queue leaves the timestamp to its caller, the least is timed: a tuple of ``time.time_ns()`` and the event, made in the
loop and not in a function around it. That this goes back with the system's clock, and may be one time twice, is in its favour.
"""

from __future__ import annotations

import asyncio
import importlib
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Queue, SimpleQueue
from typing import Any, TypeAlias

from flocktime.events import EventBuffer

__all__ = ["CAPACITY", "CONTESTANTS", "Contestant"]

CAPACITY = 4096

Calls: TypeAlias = tuple[Callable[[Any], object], Callable[[], object], Callable[[int], object] | None]


@dataclass(frozen=True, slots=True)
class Contestant:
    """One queue or ring.

    Attributes:
        name: what it is called.
        distribution: on PyPI; ``None`` of Python's own.
        make: a fresh one's calls: ``put``, ``get``, neither of which waits, and one that takes many, where there is one.
        stamps: ``put`` takes the event alone and stamps it; else it takes a tuple.
        note: what a reader must know to compare it fairly.
    """

    name: str
    distribution: str | None
    make: Callable[[], Calls]
    stamps: bool = False
    note: str = ""


def _event_buffer() -> Calls:
    buffer = EventBuffer(CAPACITY)
    return buffer.push, buffer.pop, buffer.drain


def _simple_queue() -> Calls:
    queue: SimpleQueue[Any] = SimpleQueue()
    return queue.put, queue.get_nowait, None


def _queue() -> Calls:
    queue: Queue[Any] = Queue(CAPACITY)
    return queue.put_nowait, queue.get_nowait, None


def _deque() -> Calls:
    plain: deque[Any] = deque(maxlen=CAPACITY)
    return plain.append, plain.popleft, None


def _asyncio_queue() -> Calls:
    queue: asyncio.Queue[Any] = asyncio.Queue(CAPACITY)
    return queue.put_nowait, queue.get_nowait, None


def _culsans() -> Calls:
    queue = importlib.import_module("culsans").Queue(CAPACITY).sync_q
    return queue.put_nowait, queue.get_nowait, None


def _janus() -> Calls:
    async def make() -> Any:
        return importlib.import_module("janus").Queue(CAPACITY)

    queue = asyncio.run(make()).sync_q
    return queue.put_nowait, queue.get_nowait, None


def _slick_queue() -> Calls:
    """It carries bytes: the event is its number, packed with the time."""
    ring = importlib.import_module("slick_queue_py").SlickQueue(size=CAPACITY, element_size=16)
    pack, unpack, time_ns = struct.pack_into, struct.unpack_from, time.time_ns
    position = 0

    def put(number: int) -> None:
        place = ring.reserve()
        pack("<QQ", ring[place], 0, time_ns(), number)
        ring.publish(place)

    def get() -> tuple[int, int]:
        nonlocal position
        data, _, position = ring.read(position)
        return unpack("<QQ", data)  # type: ignore[return-value]

    return put, get, None


CONTESTANTS = (
    Contestant("flocktime EventBuffer", None, _event_buffer, stamps=True),
    Contestant("queue.SimpleQueue", None, _simple_queue, note="in C; no bound"),
    Contestant("collections.deque", None, _deque, note="in C; no waiting; drops the oldest without a word"),
    Contestant("queue.Queue", None, _queue, note="in Python, with a lock"),
    Contestant("asyncio.Queue", None, _asyncio_queue, note="one thread, within an event loop"),
    Contestant("culsans", "culsans", _culsans, note="threads and event loops"),
    Contestant("janus", "janus", _janus, note="threads and one event loop"),
    Contestant(
        "slick-queue-py", "slick-queue-py", _slick_queue, stamps=True,
        note="a ring in shared memory: events are bytes of one length; a full one overwrites; the calls around it are Python's",
    ),
)  # fmt: skip
