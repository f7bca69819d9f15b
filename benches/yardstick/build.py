"""Compile and load the C yardstick for the interpreter that is running.

Nothing is kept: each run compiles anew (well under a second) into a temporary directory, so that a figure never comes
from a stale binary or from another interpreter's headers.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["BuildError", "compile_shared", "load_reference"]

HERE = Path(__file__).resolve().parent
#: A compiler that takes longer than this on a page of C hangs.
COMPILE_SECONDS = 60


class BuildError(Exception):
    """The yardstick cannot be compiled here; the message says what is missing or what the compiler said."""


def load_reference() -> ModuleType:
    """The yardstick as a module: ``now()``, ``update(stamp)`` and ``Stamp``."""
    include = Path(sysconfig.get_path("include"))
    if not (include / "Python.h").is_file():
        raise BuildError(f"the headers of this interpreter are not installed: no Python.h in {include}")
    with tempfile.TemporaryDirectory(prefix="yardstick-") as directory:
        built = Path(directory) / f"reference{sysconfig.get_config_var('EXT_SUFFIX')}"
        compile_shared(HERE / "reference.c", built, [f"-I{include}", *_wide_swap()])
        return _load("reference", built)  # stays mapped after its file is gone


def compile_shared(source: Path, built: Path, flags: Sequence[str] = ()) -> None:
    """One C file into one shared library, ``-O3 -shared -fPIC`` and what else is asked for."""
    command = [_compiler(), "-O3", *flags, "-shared", "-fPIC", "-o", str(built), str(source)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[0]} did not finish {source.name} within {COMPILE_SECONDS} s") from None
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command)}\nfailed with {done.returncode}:\n{done.stderr.strip()}")


def _compiler() -> str:
    wanted = [os.environ["CC"]] if os.environ.get("CC") else ["cc", "gcc", "clang"]
    for name in wanted:
        found = shutil.which(name)
        if found is not None:
            return found
    raise BuildError(f"no C compiler: looked for {', '.join(wanted)} (set CC to name another)")


def _wide_swap() -> list[str]:
    """The flag for a 128-bit compare-and-swap in one instruction; other processors need none or do not have it."""
    return ["-mcx16"] if platform.machine().lower() in {"x86_64", "amd64"} else []


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BuildError(f"{path.name} is no extension module to this interpreter")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
