"""``flocktime inspect PAGE``: a host page, field by field, as far as it can be read."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Final

from flocktime.cli.page.layout import SIZE, Page, parse
from flocktime.cli.page.report import Moment, described
from flocktime.cli.page.words import in_words
from flocktime.cli.status.words import clean

__all__ = ["looks_like_a_path", "run"]

#: Other processes go on while it is read: what looks damaged is read again.
_TRIES: Final = 5


def looks_like_a_path(value: str) -> bool:
    """Whether somebody means a file: no form of a timestamp has a separator in it, and none is likely to be a file's name."""
    return os.sep in value or os.path.lexists(value)


def run(path: str, *, as_json: bool, now: Moment | None = None) -> int:
    """Print what is in the file. Returns the exit code: 1 where it is damaged, or no page; 2 where it cannot be read."""
    try:
        status = Path(path).stat()
        if stat.S_ISFIFO(status.st_mode):
            raise OSError(errno.ESPIPE, "it is a pipe")  # to open it would be to wait for a writer
        page, inode = _read(path), status.st_ino
    except OSError as error:
        print(f"flocktime inspect: {clean(path)}: {error.strerror or error}", file=sys.stderr)
        return 2
    shown = described(path, page, inode, now or _now())
    print(json.dumps(shown, indent=2) if as_json else in_words(shown))
    return 1 if shown["faults"] else 0


def _read(path: str) -> Page:
    for _ in range(_TRIES):
        with Path(path).open("rb") as file:
            content = file.read(SIZE)
            size = max(len(content), os.fstat(file.fileno()).st_size)
        page = parse(content, size)
        if page.whole:
            break
    return page


def _now() -> Moment:
    raw = getattr(time, "CLOCK_MONOTONIC_RAW", None)
    raw_ns = None if raw is None else time.clock_gettime_ns(raw)
    return Moment(time.time_ns() // 1000, raw_ns, _boot())


def _boot() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")
    except OSError:
        return None
