"""Places that a command is to write to once its work is done, looked at before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def no_place(option: str, path: Path | None) -> str | None:
    """What is wrong with the file of this option; ``None`` where one can be written, as far as that can be told, or none is
    wanted."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        return f"{option} {path}: no file can be written there"
    return None
