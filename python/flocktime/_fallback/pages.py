"""``Clock.open``, which this backend does not have: sharing a clock takes a compare-and-swap of 128 bits in memory."""

# ruff: noqa: ARG001 -- the signature is the other backend's

from __future__ import annotations

import os

from flocktime._paths import file_path
from flocktime.page_errors import _page

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from flocktime._fallback.clock import Clock
    from flocktime.stats import PageStatus


def open(
    cls: type[Clock],
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    lease: float | timedelta = 3.0,
    on_expiry: str = "block",
    max_drift: float | timedelta | None = 0.5,
    on_drift: str = "reject",
    on_collision: str = "reject",
    source: Callable[[], int] | None = None,
    clockbound: str | os.PathLike[str] | None = None,
) -> Clock:
    """Open the clock that all processes of a host share, in the file ``path``, and make it where there is none.

    No two processes issue the same timestamp, none goes back, and after a crash, whatever the OS clock shows then, every
    timestamp lies above all earlier ones: a bound is made durable ahead of them. All carry the node of the page. Any process may
    be killed at any time. A forked child shares the page by itself. The file belongs to one machine and is never copied.

    Where a member of a flock publishes on the page (``Flock(page=...)``, ``flocktime node --page``), the clock follows that,
    and goes on along its line for a minute where it falls silent; else the OS clock. ``page.discipline`` says which.

    Args:
        path: the file, on a disk of this machine.
        name, max_drift, on_drift, on_collision, clockbound: as for ``Clock``.
        source: ``None``: as above; a ``SkewedSource``: that one in place of the OS clock. Any other is all that it follows.
        lease: how far ahead the durable bound lies, 0.1 to 60 seconds or ``timedelta``. A thread renews it.
        on_expiry: where that is late: ``"block"`` (wait for it), ``"extend"`` (renew it in the call) or ``"error"`` (raise).

    Raises:
        PageError: the file is no page, is damaged, was copied, or the operating system refuses it.
        ValueError, TypeError: an argument that names no such thing.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as directory:
    ...     one, other = Clock.open(f"{directory}/page"), Clock.open(f"{directory}/page")
    ...     stamps = [one.now(), other.now(), one.now()]
    >>> stamps == sorted(set(stamps))
    True
    """
    raise _page(
        file_path("path", path),
        "unsupported",
        "the compiled core: the pure backend has no swap of 128 bits that processes share",
    )


def page(self: Clock) -> PageStatus | None:
    """The page that this clock shares with other processes, as ``PageStatus``; ``None`` for a clock of its own."""
    return None
