"""What a clock is made and called with, checked."""

from __future__ import annotations

import os

from flocktime._fallback.fields import field
from flocktime._fallback.layout import HORIZON, MAX_NODE
from flocktime._fallback.merge import State
from flocktime._fallback.timestamp import Timestamp
from flocktime.errors import _invalid, _show

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from typing import Any

ON_DRIFT = ("reject", "adopt", "ignore", "clamp")
ON_COLLISION = ("reject", "adopt")
#: Reasons are kept for people; a longer one is cut.
MAX_REASON = 200


def new_node() -> int:
    return int.from_bytes(os.urandom(6), "big")


def node_id(node: Any) -> int:
    if isinstance(node, bytes):
        if len(node) != 6:
            raise _invalid("fields", "node must be 6 bytes long", None, node)
        return int.from_bytes(node, "big")
    return field("node", node, MAX_NODE)


def start(last: Timestamp | None) -> State:
    if last is None:
        return State(0, 0, 0)
    if not isinstance(last, Timestamp):
        raise TypeError(f"last must be a Timestamp, not {type(last).__name__}")
    if last.physical_us > HORIZON:
        raise _invalid("fields", f"last must not lie beyond {HORIZON} us", None, last.physical_us)
    return State(last.epoch, last.physical_us, last.logical)


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {_show(value)}")
    return value


def cut_reason(reason: Any) -> str:
    if not isinstance(reason, str):
        raise TypeError(f"reason must be a str, not {type(reason).__name__}")
    return reason[:MAX_REASON]
