"""The wall clock of this process, movable while ``wall_step.c`` is preloaded."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

from benches.yardstick.build import BuildError, compile_shared

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["build", "hold", "is_movable", "preloaded", "shift"]


def build(source: Path, directory: Path) -> Path:
    """Compile the library; it needs a loader that preloads and Linux's names of the system calls."""
    if sys.platform != "linux":
        raise BuildError(f"moving the wall clock needs Linux, this is {sys.platform}")
    built = directory / "wall_step.so"
    compile_shared(source, built)
    return built


def preloaded(library: Path) -> dict[str, str]:
    """The environment in which a new process has a movable wall clock."""
    return {**os.environ, "LD_PRELOAD": str(library)}


def is_movable() -> bool:
    """Whether this process has one."""
    return hasattr(ctypes.CDLL(None), "wall_shift")


def shift(seconds: float) -> None:
    """Real time plus so many seconds, from now on."""
    ctypes.CDLL(None).wall_shift(ctypes.c_int64(round(seconds * 1e9)))


def hold(on: bool) -> None:
    """Make real time stand still, or go on."""
    ctypes.CDLL(None).wall_hold(ctypes.c_int(on))
