"""What is wrong with a host page, or with its lease. The compiled core reports what; the sentences are written here."""

from __future__ import annotations

import os

from flocktime.errors import ClockError, _FileError

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from flocktime._backend import Timestamp

__all__ = ["LeaseExpired", "PageError"]


class PageError(_FileError):
    """A host page cannot be used; nothing in it was changed. An ``OSError`` with ``errno`` and ``filename`` where there are some.

    Attributes:
        path: the file.
        reason: ``"os"`` (the operating system refuses), ``"size"``, ``"foreign"`` (not a page), ``"version"``, ``"damaged"``,
            ``"copied"`` (made as another file), ``"busy"`` (another process is writing and does not end), ``"taken"`` (another
            flock member publishes there), ``"shared"`` (not for one process alone to do) or ``"unsupported"``.
    """


class LeaseExpired(ClockError):
    """A timestamp would lie beyond the bound of its page that is durable, and no more could be made so.

    Attributes:
        path: the page's file.
        stamp: the timestamp that was not issued.
        bound: every timestamp of the page has to lie below this one.
        errno: what the operating system said to the latest attempt, or ``None``: it is late.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        stamp: Timestamp | None = None,
        bound: Timestamp | None = None,
        errno: int | None = None,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.stamp = stamp
        self.bound = bound
        self.errno = errno


def _page(path: str | os.PathLike[str], why: str, what: str = "", number: int = 0) -> PageError:
    path = os.fspath(path)
    damaged = "its header was damaged" if what == "header" else "both records of its lease were damaged"
    complaint = {
        "os": f"{what}: {os.strerror(number) if number else 'failed'}",
        "size": "it is empty" if number == 0 else f"it has {number} bytes, a page has 16384",
        "foreign": "it is not a host page of flocktime",
        "version": f"it was written by major version {number} of the page format, this one reads 1",
        "damaged": f"{damaged}; to start as a new node, remove the file",
        "copied": "it was copied or restored: earlier timestamps may lie above it; to start as a new node, remove the file",
        "busy": f"process {number} has been writing to it for too long (stopped?)",
        "taken": f"the flock member of process {number} says to its clocks what to follow, and a host has one",
        "unsupported": f"it needs {what}",
    }[why]
    errno = number if why == "os" and number else None
    return PageError(f"cannot use the page {path}: {complaint}", path=path, reason=why, errno=errno)


def _lease_expired(
    path: str | os.PathLike[str] | None, stamp: Timestamp, bound: Timestamp, errno: int | None
) -> LeaseExpired:
    page = "the page" if path is None else f"the page {os.fspath(path)}"
    why = "its renewal is late" if errno is None else f"it cannot be renewed: {os.strerror(errno)}"
    ahead_s = (stamp.physical_us - bound.physical_us) / 1e6 if stamp.epoch == bound.epoch else None
    by = (
        f"of epoch {stamp.epoch}, the lease of {bound.epoch}"
        if ahead_s is None
        else f"{ahead_s:.6f} s beyond its lease"
    )
    message = f"no timestamp from {page}: it would lie {by}, and {why}"
    fspath = None if path is None else os.fspath(path)
    return LeaseExpired(message, path=fspath, stamp=stamp, bound=bound, errno=errno)


def _shared(path: str | os.PathLike[str] | None, node: int) -> PageError:
    page = "the page" if path is None else f"the page {os.fspath(path)}"
    message = (
        f"node {node:012x} belongs to all processes of {page}: to take a new one, stop them and remove the file, "
        "or advance the epoch"
    )
    return PageError(message, path=None if path is None else os.fspath(path), reason="shared")
