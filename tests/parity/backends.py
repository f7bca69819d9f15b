"""Both backends at once, whatever the environment chose, and how to compare what comes out of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from flocktime import _fallback as fallback

__all__ = ["BACKENDS", "CLASSES", "core", "fallback", "on_both", "outcome", "plain", "same"]

core: Any = pytest.importorskip(
    "flocktime._core",
    reason="the compiled core is not built, there is nothing to compare the fallback with",
    exc_type=ModuleNotFoundError,
)

CLASSES = ("Clock", "ManualSource", "SkewedSource", "Timestamp")
BACKENDS: tuple[Any, Any] = (core, fallback)


def plain(value: Any) -> Any:
    """The same for equal values of either backend: timestamps become bytes, also inside of what holds them."""
    if isinstance(value, core.Timestamp | fallback.Timestamp):
        return ("Timestamp", value.to_bytes())
    if isinstance(value, list | tuple):
        return type(value)(plain(each) for each in value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, BaseException):
        return (type(value), str(value), plain(value.args), plain(vars(value)))
    return value


def outcome(call: Callable[..., Any]) -> Any:
    """What a call returns or raises: type, message, arguments and attributes of the error."""
    try:
        return ("returned", plain(call()))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return ("raised", plain(error))


def same(calls: Iterable[Callable[..., Any]]) -> Any:
    """The one outcome of a call on either backend; an ``AssertionError`` shows both where they differ."""
    compiled, pure = (outcome(call) for call in calls)
    assert compiled == pure, f"\ncompiled: {compiled!r}\n    pure: {pure!r}"
    return compiled


def on_both(call: Callable[..., Any]) -> Any:
    """The one outcome of a call that is given the module of either backend."""
    return same([lambda: call(core), lambda: call(fallback)])
