"""Paths that users give, checked: for the pure backend and for what both backends share."""

from __future__ import annotations

import os

from flocktime.errors import _show

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any

__all__ = ["file_path"]


def file_path(name: str, value: Any) -> str:
    """Where a file lies, as the compiled core takes it: neither bytes, nor empty, nor with a NUL."""
    if not isinstance(value, str | os.PathLike) or isinstance(path := os.fspath(value), bytes):
        raise TypeError(f"{name} must be a path, not {type(value).__name__}")
    if not path:
        raise ValueError(f"{name} must not be empty, got {_show(value)}")
    if "\0" in path:
        raise ValueError(f"{name} must not have a NUL in it, got {_show(value)}")
    return path
