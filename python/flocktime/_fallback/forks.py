"""How many forks lie between the first process and this one, and whom to give a fresh lock in a child."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from flocktime._fallback.clock import Clock
    from flocktime._fallback.event_buffer import EventBuffer

#: Who remembers another number was copied by a fork.
generation = 0

_locked: WeakSet[Clock | EventBuffer] = WeakSet()


def remember(owner: Clock | EventBuffer) -> None:
    """Give it a fresh lock in every child that inherits it."""
    _locked.add(owner)


def _entered_child() -> None:
    """Runs alone, before any other code of the child: a thread that was not copied may hold a lock for ever."""
    global generation
    generation += 1
    for owner in _locked:
        owner._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_entered_child)
