"""``Timestamp``: 128 bits, one integer, one total order."""

from __future__ import annotations

from datetime import datetime, timedelta

from flocktime._fallback import uuid7
from flocktime._fallback.fields import checked_int, field, from_delta_us, to_delta_us
from flocktime._fallback.layout import (
    EPOCH_SHIFT,
    LOGICAL_SHIFT,
    MAX_EPOCH,
    MAX_INT,
    MAX_LOGICAL,
    MAX_NODE,
    MAX_PHYSICAL,
    PHYSICAL_SHIFT,
)
from flocktime._fallback.text import EPOCH_START, parse, parse_hex, parse_json, render
from flocktime.errors import _epoch, _invalid

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any, NoReturn
    from uuid import UUID

_MASK64 = (1 << 64) - 1


class Timestamp:
    """A hybrid timestamp of 128 bits: epoch, physical microseconds, logical counter, node.

    Frozen, hashable, totally ordered: by epoch, then physical time, then counter, then node. Comparing with any other type
    is never true (``==``) or a ``TypeError`` (``<``). Any thread may use it at any time.

    Args:
        physical_us: microseconds since 1970-01-01 UTC, ``0..2**52`` (until 2112).
        logical: counter within the microsecond, ``0..4096``.
        node: who issued it, ``0..2**48``.
        epoch: ``0..65536``; a higher one beats every timestamp of a lower one.

    Raises:
        InvalidTimestamp: a field does not fit; ``TypeError`` when it is no int.

    >>> a = Timestamp(1_000_000, 7, node=0x2a)
    >>> b = Timestamp(1_000_001)
    >>> a < b, b - a, str(a)
    (True, datetime.timedelta(microseconds=1), '00000_1970-01-01T00:00:01.000000Z_0007_00000000002a')
    """

    __slots__ = ("_value",)
    __match_args__ = ("physical_us", "logical", "node", "epoch")
    __module__ = "flocktime"

    MIN: Timestamp
    MAX: Timestamp

    _value: int

    def __new__(cls, physical_us: int, logical: int = 0, *, node: int = 0, epoch: int = 0) -> Timestamp:
        return _make(
            field("epoch", epoch, MAX_EPOCH) << EPOCH_SHIFT
            | field("physical_us", physical_us, MAX_PHYSICAL) << PHYSICAL_SHIFT
            | field("logical", logical, MAX_LOGICAL) << LOGICAL_SHIFT
            | field("node", node, MAX_NODE)
        )

    def __init_subclass__(cls) -> NoReturn:
        raise TypeError("type 'flocktime.Timestamp' is not an acceptable base type")

    @property
    def physical_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return self._value >> PHYSICAL_SHIFT & MAX_PHYSICAL

    @property
    def logical(self) -> int:
        """Counter within the microsecond."""
        return self._value >> LOGICAL_SHIFT & MAX_LOGICAL

    @property
    def node(self) -> int:
        """Who issued it, 48 bits."""
        return self._value & MAX_NODE

    @property
    def epoch(self) -> int:
        """Epoch, 16 bits."""
        return self._value >> EPOCH_SHIFT

    # Conversions, in pairs.

    def to_bytes(self) -> bytes:
        """16 bytes, big-endian: they sort like the timestamps. ``bytes(ts)`` is the same.

        >>> Timestamp.from_bytes(Timestamp(5).to_bytes()) == Timestamp(5)
        True
        """
        return self._value.to_bytes(16, "big")

    @classmethod
    def from_bytes(cls, data: bytes) -> Timestamp:
        """The inverse of ``to_bytes``.

        Raises:
            InvalidTimestamp: not 16 bytes long; ``TypeError`` when it is neither ``bytes`` nor ``bytearray``.
        """
        if not isinstance(data, bytes | bytearray):
            raise TypeError(f"data must be bytes, not {type(data).__name__}")
        if len(data) != 16:
            raise _invalid("bytes", "must be 16 bytes long", None, data)
        return _make(int.from_bytes(data, "big"))

    def to_hex(self) -> str:
        """32 lower-case hexadecimal digits, which sort like the timestamps: the form for headers."""
        return f"{self._value:032x}"

    @classmethod
    def from_hex(cls, text: str, /) -> Timestamp:
        """The inverse of ``to_hex``; upper case is refused, because it would not sort.

        Raises:
            InvalidTimestamp: with the position of the first character that does not fit.
        """
        return _make(parse_hex(text))

    def to_str(self) -> str:
        """Text for people: epoch, ISO 8601 in UTC, counter, node. Lossless, 51 characters, sorts. ``str(ts)`` is the same.

        >>> Timestamp(1_795_400_000_123_456, 3, node=0x2a, epoch=1).to_str()
        '00001_2026-11-23T02:13:20.123456Z_0003_00000000002a'
        """
        return render(self.epoch, self.physical_us, self.logical, self.node)

    @classmethod
    def from_str(cls, text: str, /) -> Timestamp:
        """The inverse of ``to_str``.

        Raises:
            InvalidTimestamp: with the position of the first character that does not fit.
        """
        return _make(parse("str", text, text))

    def to_json(self) -> str:
        """The text form as a JSON string. Never a number: JavaScript would lose its low bits."""
        return f'"{self.to_str()}"'

    @classmethod
    def from_json(cls, text: str, /) -> Timestamp:
        """The inverse of ``to_json``: the quoted text, nothing around it.

        Raises:
            InvalidTimestamp: with the position of the first character that does not fit.
        """
        return _make(parse_json(text))

    def to_int(self) -> int:
        """The 128 bits as an int, which sorts like the timestamps. ``int(ts)`` is the same."""
        return self._value

    @classmethod
    def from_int(cls, value: int) -> Timestamp:
        """The inverse of ``to_int``.

        Raises:
            InvalidTimestamp: negative or above 128 bits; ``TypeError`` when it is no int.
        """
        number = checked_int("value", value)
        if not 0 <= number <= MAX_INT:
            raise _invalid("int", "must fit 128 bits", None, number)
        return _make(number)

    def to_datetime(self) -> datetime:
        """The physical time as an aware ``datetime`` in UTC, exact to the microsecond."""
        return EPOCH_START + timedelta(microseconds=self.physical_us)

    @classmethod
    def from_datetime(cls, moment: datetime, logical: int = 0, *, node: int = 0, epoch: int = 0) -> Timestamp:
        """The inverse of ``to_datetime``; what a ``datetime`` does not hold is given beside it.

        Raises:
            InvalidTimestamp: a naive ``datetime``, or one before 1970 or beyond 2112.
        """
        if not isinstance(moment, datetime):
            raise TypeError(f"moment must be a datetime, not {type(moment).__name__}")
        if moment.utcoffset() is None:
            raise _invalid("datetime", "must be aware: a naive one names no instant", None, moment)
        physical_us = to_delta_us(moment - EPOCH_START)
        return cls(physical_us, logical, node=node, epoch=epoch)

    def to_uuid(self) -> UUID:
        """A valid UUID of version 7. Order holds within an epoch.

        Raises:
            InvalidTimestamp: for an epoch above 15, which does not fit.
        """
        if self.epoch > uuid7.MAX_EPOCH:
            raise _invalid("uuid", "epochs above 15 do not fit a UUID", None, self.epoch)
        return uuid7.pack(self.epoch, self.physical_us, self.logical, self.node)

    @classmethod
    def from_uuid(cls, value: UUID) -> Timestamp:
        """The inverse of ``to_uuid``.

        Raises:
            InvalidTimestamp: another version or variant; ``TypeError`` when it is no ``uuid.UUID``.
        """
        epoch, physical_us, logical, node = uuid7.unpack(value)
        return cls(physical_us, logical, node=node, epoch=epoch)

    __bytes__ = to_bytes
    __str__ = to_str
    __int__ = to_int

    def __repr__(self) -> str:
        return (
            f"Timestamp(physical_us={self.physical_us}, logical={self.logical}, "
            f"node=0x{self.node:012x}, epoch={self.epoch})"
        )

    # One total order. Other types are not comparable: NotImplemented makes == false and < a TypeError.

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Timestamp) else NotImplemented

    def __lt__(self, other: Timestamp) -> bool:
        return self._value < other._value if isinstance(other, Timestamp) else NotImplemented

    def __le__(self, other: Timestamp) -> bool:
        return self._value <= other._value if isinstance(other, Timestamp) else NotImplemented

    def __gt__(self, other: Timestamp) -> bool:
        return self._value > other._value if isinstance(other, Timestamp) else NotImplemented

    def __ge__(self, other: Timestamp) -> bool:
        return self._value >= other._value if isinstance(other, Timestamp) else NotImplemented

    def __hash__(self) -> int:
        # Multiply, fold, multiply, fold: every input bit reaches the low bits that a dictionary looks at.
        high, low = self._value >> 64, self._value & _MASK64
        mixed = low ^ (high * 0x9E3779B97F4A7C15 & _MASK64)
        mixed = (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93 & _MASK64
        mixed ^= mixed >> 32
        return mixed - (1 << 64) if mixed >> 63 else mixed

    # Arithmetic is on physical time; the logical counter, node and epoch stay.

    def __sub__(self, other: object) -> Any:
        if isinstance(other, Timestamp):
            if self.epoch != other.epoch:
                raise _epoch("subtraction", self.epoch, other.epoch)
            return from_delta_us(self.physical_us - other.physical_us)
        if isinstance(other, timedelta):
            return self._moved(-to_delta_us(other))
        return NotImplemented

    def __add__(self, other: object) -> Timestamp:
        return self._moved(to_delta_us(other)) if isinstance(other, timedelta) else NotImplemented

    __radd__ = __add__

    def _moved(self, by_us: int) -> Timestamp:
        return Timestamp(self.physical_us + by_us, self.logical, node=self.node, epoch=self.epoch)

    # Frozen, and the same object under copy.

    def __setattr__(self, name: str, value: object) -> NoReturn:
        if name in ("physical_us", "logical", "node", "epoch"):
            raise AttributeError(f"attribute '{name}' of 'flocktime.Timestamp' objects is not writable")
        if hasattr(type(self), name):
            raise AttributeError(f"'flocktime.Timestamp' object attribute '{name}' is read-only")
        raise AttributeError(f"'flocktime.Timestamp' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    def __copy__(self) -> Timestamp:
        return self

    def __deepcopy__(self, memo: object) -> Timestamp:
        return self

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        return (type(self).from_bytes, (self.to_bytes(),))


_set_value = Timestamp._value.__set__  # type: ignore[attr-defined, misc]  # the slot itself: __setattr__ is closed


def _make(value: int) -> Timestamp:
    stamp = object.__new__(Timestamp)
    _set_value(stamp, value)
    return stamp


Timestamp.MIN = _make(0)
Timestamp.MAX = _make(MAX_INT)
