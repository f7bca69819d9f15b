"""File systems of the tests' own: small, read-only or broken. Mounting them takes root, on Linux."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["breaks", "disk_that_breaks", "in_memory", "run"]

#: ``EXT4_IOC_SHUTDOWN``: from then on the file system refuses everything, as one whose disk is gone.
SHUTDOWN = (2 << 30) | (4 << 16) | (ord("X") << 8) | 125
WITHOUT_FLUSHING = 2


def run(*command: str | Path) -> None:
    """A command that needs root; where it cannot be had, the test is skipped and says why."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{command[0]} is refused: {done.stderr.strip()}")


@contextmanager
def in_memory(where: Path, options: str) -> Iterator[Path]:
    """A file system in memory, at ``where``."""
    where.mkdir()
    run("mount", "-t", "tmpfs", "-o", options, "flocktime-test", where)
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=False)


@contextmanager
def disk_that_breaks(where: Path) -> Iterator[Path]:
    """A file system on a disk of its own, until ``breaks`` is called with it."""
    image = where.with_name("image")
    with image.open("wb") as file:
        file.truncate(16 << 20)
    run("mkfs.ext4", "-q", image)
    where.mkdir()
    run("mount", "-o", "loop", image, where)
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=False)


def breaks(where: Path) -> None:
    """From here on nothing can be written there, and nothing confirmed."""
    directory = os.open(where, os.O_RDONLY)
    try:
        fcntl.ioctl(directory, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING))
    except OSError as refused:
        pytest.skip(f"the file system cannot be shut down: {refused}")
    finally:
        os.close(directory)
