"""What the operating system and people do to a page's file: each is an error that names the file and the reason, or is survived.

Processes that make or break a page are children, so that nobody keeps it open by accident.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from benches.host_page.records import BLOCK, RECORDS_AT

from flocktime import Clock, ClockError, LeaseExpired, PageError, Timestamp
from flocktime.testing import SkewedSource
from tests.processes.children import forked
from tests.processes.page.mounts import breaks, disk_that_breaks, in_memory, run
from tests.support import environment

NOBODY = 65534
#: What a busy machine may take for some renewals.
PATIENCE_S = 30.0
#: When a record was written, in its block.
WRITTEN_AT = 56
ROOT_ALONE = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting takes root")


def _refused(path: Path) -> tuple[str, int | None, str]:
    """Opening it raises, and the error is of every kind that it has to be; nothing has changed in it."""
    with pytest.raises(PageError) as caught:
        Clock.open(path)
    error = caught.value
    assert isinstance(error, ClockError)
    assert isinstance(error, OSError)
    assert error.path == error.filename == str(path)
    assert str(path) in str(error)
    return error.reason, error.errno, str(error)


def _in_child(tmp_path: Path, function: Callable[[], object]) -> object:
    folder = tmp_path / f"children-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    (result,) = forked([function], folder)
    return result


def _used(tmp_path: Path, path: Path) -> Timestamp:
    """A page is made, stamps once, and nobody has it open any more. The stamp."""
    made = _in_child(tmp_path, lambda: Clock.open(path).now().to_bytes())
    assert isinstance(made, bytes)
    return Timestamp.from_bytes(made)


def test_a_directory(tmp_path: Path) -> None:
    """A directory is none, and a path into one that is not there names what the system said."""
    reason, number, message = _refused(tmp_path)
    assert (reason, number) == ("os", errno.EISDIR)
    assert message == f"cannot use the page {tmp_path}: opening: Is a directory"
    reason, number, message = _refused(tmp_path / "no" / "page")
    assert (reason, number) == ("os", errno.ENOENT)
    assert "making the file" in message


@pytest.mark.parametrize(
    ("length", "complaint"),
    [(0, "it is empty"), (4096, "it has 4096 bytes, a page has 16384"), (20_000, "it has 20000")],
)
def test_a_file_of_another_length(length: int, complaint: str, page: Path, tmp_path: Path) -> None:
    """Emptied, cut or lengthened while nobody had it open: it says how long it is, and stays that long."""
    _used(tmp_path, page)
    os.truncate(page, length)
    reason, number, message = _refused(page)
    assert (reason, number) == ("size", None)
    assert complaint in message
    assert page.stat().st_size == length


def test_a_foreign_file(page: Path) -> None:
    """Somebody else's file of the same length is left alone."""
    data = b"x" * 16384
    page.write_bytes(data)
    assert _refused(page)[0] == "foreign"
    assert page.read_bytes() == data


@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_no_file_at_all(kind: str, page: Path) -> None:
    """What is none is somebody else's, whatever its length: nobody is told to remove it."""
    if kind == "pipe":
        os.mkfifo(page)
    assert _refused(Path("/dev/null") if kind == "device" else page)[0] == "foreign"


def test_a_restored_file(page: Path, tmp_path: Path) -> None:
    """A copy, be it in the page's own place, is another file: earlier stamps may lie above it, and it says so."""
    _used(tmp_path, page)
    backup = tmp_path / "backup"
    shutil.copy2(page, backup)
    assert _refused(backup)[0] == "copied"
    _used(tmp_path, page)
    backup.replace(page)
    reason, _, message = _refused(page)
    assert reason == "copied"
    assert "to start as a new node, remove the file" in message
    page.unlink()
    assert Clock.open(page).now() > Timestamp.MIN


def test_a_file_that_was_restored_in_place(page: Path, tmp_path: Path) -> None:
    """Old content in the very file: stamps go on from the change, since nobody knows what was issued."""
    _used(tmp_path, page)
    before_us = time.time_ns() // 1000
    data, hour_us = page.read_bytes(), 3_600_000_000
    page.write_bytes(_older(data, hour_us))

    def reopen() -> tuple[bytes, str]:
        clock = Clock.open(page, source=SkewedSource(-3600.0))
        assert clock.page is not None
        return clock.now().to_bytes(), clock.page.found

    stamp, found = _in_child(tmp_path, reopen)  # type: ignore[misc]
    assert found == "restored"
    assert before_us - 1_000_000 < Timestamp.from_bytes(stamp).physical_us < before_us + 60_000_000


def _older(page: bytes, by_us: int) -> bytes:
    """The same page as a backup of some time ago has it: its records were written then."""
    data = bytearray(page)
    for at in RECORDS_AT:
        (written_us,) = struct.unpack_from(">Q", data, at + WRITTEN_AT)
        struct.pack_into(">Q", data, at + WRITTEN_AT, written_us - by_us)
        end = at + BLOCK - hashlib.sha256().digest_size
        data[end : at + BLOCK] = hashlib.sha256(data[at:end]).digest()
    return bytes(data)


def test_a_damaged_record(page: Path, tmp_path: Path) -> None:
    """One damaged record of the lease is survived and told; both are an error."""
    last = _used(tmp_path, page)
    with page.open("r+b") as file:
        file.seek(4096 + 100)
        file.write(b"?")

    def reopen() -> tuple[bytes, int | None]:
        clock = Clock.open(page)
        assert clock.page is not None
        return clock.now().to_bytes(), clock.page.damaged_record

    stamp, damaged = _in_child(tmp_path, reopen)  # type: ignore[misc]
    assert damaged == 0
    assert Timestamp.from_bytes(stamp) > last
    with page.open("r+b") as file:
        for at in (4096 + 100, 8192 + 100):
            file.seek(at)
            file.write(b"?")
    reason, _, message = _refused(page)
    assert reason == "damaged"
    assert "both records of its lease were damaged; to start as a new node, remove the file" in message


def test_a_file_that_is_cut_while_mapped(tmp_path: Path) -> None:
    """Whoever cuts a page that is in use ends the processes that use it: by a signal, before anything is stamped twice."""
    script = (
        "import os, sys, flocktime\n"
        "clock = flocktime.Clock.open(sys.argv[1])\n"
        "clock.now()\n"
        "os.truncate(sys.argv[1], 0)\n"
        "clock.now()"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script, tmp_path / "page"], env=environment(), check=False)
    assert done.returncode == -signal.SIGBUS


@ROOT_ALONE
def test_a_file_of_somebody_else(page: Path, tmp_path: Path) -> None:
    """Who may not write may not stamp."""
    _used(tmp_path, page)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o777)

    def as_nobody() -> tuple[str, int | None, str]:
        result = _refused_as(NOBODY, page)
        os.seteuid(0)
        return result

    assert _in_child(tmp_path, as_nobody)[:2] == ("os", errno.EACCES)  # type: ignore[index]


def _refused_as(user: int, page: Path) -> tuple[str, int | None, str]:
    os.seteuid(user)
    return _refused(page)


@ROOT_ALONE
def test_a_file_that_may_not_be_changed(page: Path, tmp_path: Path) -> None:
    """The attribute holds for root as well."""
    _used(tmp_path, page)
    run("chattr", "+i", page)
    try:
        assert _refused(page)[:2] == ("os", errno.EPERM)
    finally:
        run("chattr", "-i", page)


@ROOT_ALONE
def test_a_file_system_that_is_read_only(tmp_path: Path) -> None:
    """An existing page cannot be opened there, a new one not be made."""
    with in_memory(tmp_path / "mounted", "size=1m") as mounted:
        _used(tmp_path, mounted / "page")
        run("mount", "-o", "remount,ro", mounted)
        assert _refused(mounted / "page")[:2] == ("os", errno.EROFS)
        assert _refused(mounted / "other")[:2] == ("os", errno.EROFS)


@ROOT_ALONE
def test_a_file_system_that_is_full(tmp_path: Path) -> None:
    """A page is made whole or not at all; one that exists has its room and does not need more."""
    with in_memory(tmp_path / "mounted", "size=12k") as mounted:
        assert _refused(mounted / "page")[:2] == ("os", errno.ENOSPC)
        assert list(mounted.iterdir()) == []
    with in_memory(tmp_path / "larger", "size=64k") as mounted:
        clock = Clock.open(mounted / "page", lease=0.1)
        clock.now()
        with pytest.raises(OSError, match="No space left"), (mounted / "rest").open("wb", buffering=0) as rest:
            while rest.write(bytes(4096)):
                pass
        assert clock.page is not None
        renewed, deadline_s = clock.page.renewals + 3, time.monotonic() + PATIENCE_S
        while clock.page.renewals < renewed:
            assert time.monotonic() < deadline_s, "the lease is not renewed"
            clock.now()
        assert (clock.page.failures, clock.page.errno) == (0, None)
        del clock


@ROOT_ALONE
@pytest.mark.parametrize("policy", ["block", "extend", "error"])
def test_a_disk_that_breaks(policy: str, tmp_path: Path) -> None:
    """Stamps go on to the bound that is durable and not beyond; then each policy says what the disk has said."""
    with disk_that_breaks(tmp_path / "mounted") as mounted:
        clock = Clock.open(mounted / "page", lease=0.2, on_expiry=policy)  # type: ignore[arg-type]
        assert clock.page is not None
        breaks(mounted)
        bound = clock.page.leased_until
        with pytest.raises(LeaseExpired) as caught:
            while True:
                last = clock.now()
                assert last < max(bound, clock.page.leased_until)
        assert caught.value.path == str(mounted / "page")
        assert caught.value.bound == clock.page.leased_until
        assert caught.value.stamp is not None
        assert caught.value.stamp >= caught.value.bound > last
        assert caught.value.errno in ({errno.EIO, None} if policy == "error" else {errno.EIO})
        while clock.page.failures == 0:
            with pytest.raises(LeaseExpired):
                clock.now()
        assert clock.page.errno == errno.EIO
        del clock
