"""Files that may change while a node runs: its peers, its keys."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, Self

from flocktime.cli import key_options

#: 256 names fit several times over.
MOST_BYTES: Final = 1 << 20

Mark = tuple[int, ...]


class BadFile(Exception):
    """A file that cannot be used; the message names it."""


class _Marked:
    """Tells whether a file is another one than when it was last looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark = self._look()

    def has_changed(self) -> bool:
        """True once for each change. A file that is gone has not changed: what was in it stays in force."""
        mark = self._look()
        if mark is None or mark == self._mark:
            return False
        self._mark = mark
        return True

    def _look(self) -> Mark | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None  # a pipe can be read once
        # With the time of the latest change of its mode: a file that was refused for it is looked at again once it is mended.
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


class WatchedFile(_Marked):
    """A list of peers, one a line; ``#`` begins a comment line."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lines = self.read()

    def read(self) -> tuple[str, ...]:
        """What is in it now.

        Raises:
            BadFile: it cannot be read, or is no list.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise BadFile(f"--peers-file {self.path}: more than {MOST_BYTES:,} bytes are no list of peers")
            lines = (line.strip() for line in content.decode().splitlines())
        except OSError as error:
            raise BadFile(f"--peers-file {self.path}: {os.strerror(error.errno or 0)}") from None
        except UnicodeDecodeError:
            raise BadFile(f"--peers-file {self.path}: it is no text") from None
        self.lines = tuple(line for line in lines if line and not line.startswith("#"))
        return self.lines


class KeyFile(_Marked):
    """A file of keys. Made before they are first read: what changes in between is seen at the next look."""

    @classmethod
    def of(cls, path: Path | None) -> Self | None:
        return None if path is None else cls(path)

    def read(self) -> tuple[str, ...]:
        """The keys in it now.

        Raises:
            BadKeys: see ``keys_of_file``.
        """
        return key_options.keys_of_file(self.path)


def watched(path: Path | None) -> WatchedFile | None:
    """A file of peers, read; ``None`` where none was given.

    Raises:
        BadFile: it cannot be used.
    """
    return None if path is None else WatchedFile(path)
