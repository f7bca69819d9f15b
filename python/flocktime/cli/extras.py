"""What a command needs beyond the library itself, and what to say when it is not there."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


class MissingExtra(Exception):
    """A command's extra is not installed; the message says what to install."""


def require(extra: str, *modules: str) -> list[ModuleType]:
    """Import the modules of an extra, or say which ``pip install`` brings them."""
    found = []
    for name in modules:
        try:
            found.append(import_module(name))
        except ModuleNotFoundError as missing:
            root = name.partition(".")[0]
            if missing.name != root:
                raise
            raise MissingExtra(f"needs {root}, which is not installed: pip install 'flocktime[{extra}]'") from None
    return found
