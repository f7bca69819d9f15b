"""What the tests of the simulator share."""

from __future__ import annotations

from typing import Any

import pytest

from flocktime import BACKEND

needs_simulator = pytest.mark.skipif(BACKEND == "pure", reason="the simulator needs the compiled core")


def small(**fields: Any) -> dict[str, Any]:
    """A flock of eight that is soon in step."""
    return {"name": "small", "nodes": 8, "seconds": 40, **fields}


#: No gate, no limit, no rates: the average of whatever is said.
AVERAGING: dict[str, Any] = {
    "max_drift_ms": 1e12,
    "tuning": {"gate_min_ns": 1e18, "gate_max_ns": 1e18, "rate_gain": 0},
}
