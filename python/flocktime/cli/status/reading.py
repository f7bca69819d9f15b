"""A status as it came over the network, checked field by field: nothing else may reach the screen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final, TypeVar

from flocktime.flock.status import FlockStatus, PeerStatus, UtcEstimate

Made = TypeVar("Made")


class NoStatus(Exception):
    """What came is no status of a flock's member; the message says what is wrong with it."""


def status_from(plain: object) -> FlockStatus:
    """What ``FlockStatus.as_dict`` has given, read back. Fields of later versions are passed over.

    Raises:
        NoStatus: a field is missing or is of another type.
    """
    return _made(FlockStatus, plain)


def _made(kind: type[Made], plain: object) -> Made:
    if not isinstance(plain, dict):
        raise NoStatus(f"{kind.__name__}: an object is wanted, not {type(plain).__name__}")
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # each is a dataclass
        if field.name in plain:
            values[field.name] = _value(f"{kind.__name__}.{field.name}", str(field.type), plain[field.name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise NoStatus(f"{kind.__name__}.{field.name} is missing")
    return kind(**values)


def _value(name: str, kind: str, plain: object) -> object:
    kind, _, optional = kind.partition(" | ")
    if plain is None and optional:
        return None
    if kind == "UtcEstimate":
        return _made(UtcEstimate, plain)
    if kind == "tuple[PeerStatus, ...]" and isinstance(plain, list):
        return tuple(_made(PeerStatus, peer) for peer in plain)
    if not _FITS[kind](plain):
        raise NoStatus(f"{name}: {kind} is wanted, not {type(plain).__name__}")
    return tuple(plain) if isinstance(plain, list) else plain


def _is_int(plain: object) -> bool:
    # No field needs more than 64 bits; Python would take a number of any length.
    return isinstance(plain, int) and not isinstance(plain, bool) and plain.bit_length() <= 64


def _is_float(plain: object) -> bool:
    return isinstance(plain, float) or _is_int(plain)


def _is_text(plain: object) -> bool:
    return isinstance(plain, str)


#: By the type that the field is declared with.
_FITS: Final[dict[str, Callable[[object], bool]]] = {
    "str": _is_text,
    "FlockState": _is_text,
    "Verdict": _is_text,
    "bool": lambda plain: isinstance(plain, bool),
    "int": _is_int,
    "float": _is_float,
    "dict[str, int]": lambda plain: isinstance(plain, dict) and all(map(_is_int, plain.values())),
    "dict[str, Any]": lambda plain: isinstance(plain, dict),
    "tuple[dict[str, Any], ...]": lambda plain: (
        isinstance(plain, list) and all(isinstance(each, dict) for each in plain)
    ),
    "tuple[PeerStatus, ...]": lambda plain: isinstance(plain, list),
}
