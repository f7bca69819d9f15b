"""What a ``Clock`` holds received timestamps against, and what it counts when it refuses one. A part of it."""

from __future__ import annotations

from flocktime._fallback.merge import Rules, State
from flocktime.errors import DriftError, EpochError, NodeCollision

TYPE_CHECKING = False  # importing typing costs more than all of this package
if TYPE_CHECKING:
    from flocktime._fallback.clock import Clock


def rules(clock: Clock, state: State, physical: int, on_drift: str, trusted: bool) -> Rules:
    """The rules of ``merge`` for this state and reading."""
    steps: int | None = None
    wait_ns = 0
    if not (trusted or clock._is_fresh()):
        wait_ns = clock._steps.wait_ns(clock._source.monotonic_ns())
        steps = 0 if wait_ns else 1
    return Rules(
        node=clock._node,
        reference=physical,
        max_drift=clock._source.max_drift_us(clock._max_drift_us),
        on_drift=on_drift,
        on_collision=clock._on_collision,
        epoch_from=state.epoch,
        epoch_steps=steps,
        epoch_wait_s=wait_ns / 1e9,
    )


def refused(clock: Clock, refusal: DriftError | EpochError | NodeCollision) -> None:
    """Count it, and remember who is to blame."""
    if isinstance(refusal, DriftError):
        clock._counts["refused_drift"] += 1
        if refusal.node is not None:
            clock._blame.refused(refusal.node, clock._source.monotonic_ns())
    elif isinstance(refusal, EpochError):
        clock._counts["refused_epoch"] += 1
    else:
        clock._counts["refused_collision"] += 1
