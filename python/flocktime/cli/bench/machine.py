"""What a figure was measured on, without which it means nothing. No host name: it says nothing about speed."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from flocktime import BACKEND, __version__

__all__ = ["describe"]

_CPUINFO = Path("/proc/cpuinfo")
_CLOCKSOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


def describe() -> dict[str, str | int]:
    """The machine, the interpreter and the backend. What the system does not tell is ``"unknown"``."""
    return {
        "flocktime": __version__,
        "backend": BACKEND,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": platform.python_compiler(),
        "system": f"{platform.system()} {_release()}",
        "architecture": platform.machine() or "unknown",
        "processor": _processor(),
        "cores": _cores(),
        "virtual": _virtual(),
        "load": _load(),
        "clock source": _read(_CLOCKSOURCE).strip() or "unknown",
    }


def _release() -> str:
    """The version of the kernel without its builder's suffix, which names a house and says nothing about speed."""
    return re.split(r"[^\d.]", platform.release(), maxsplit=1)[0].rstrip(".")


def _processor() -> str:
    for line in _read(_CPUINFO).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown"


def _cores() -> int:
    """Those this process may run on: a container's share, not the host's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _virtual() -> str:
    """Whether a hypervisor stands below, whose other guests are part of the noise."""
    flags = next((line for line in _read(_CPUINFO).splitlines() if line.startswith("flags")), None)
    if flags is None:
        return "unknown"
    return "yes" if "hypervisor" in flags.split() else "no"


def _load() -> str:
    """Runnable programs in the last minute, this one included: more than the cores, and the figures are noisier."""
    try:
        return f"{os.getloadavg()[0]:.2f}"
    except (AttributeError, OSError):  # the system has no such figure
        return "unknown"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # another system, or a sandbox that hides it
        return ""
