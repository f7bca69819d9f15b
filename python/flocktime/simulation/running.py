"""A scenario and a seed in, an outcome out."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flocktime._backend import simulate as simulated
from flocktime.errors import FlockError
from flocktime.simulation.outcome import Outcome

__all__ = ["MOST_SEED", "Progress", "Scenario", "ScenarioError", "read_scenario", "simulate"]

#: A scenario as plain data; ``docs/simulation.md`` lists its fields.
Scenario = Mapping[str, Any]
#: Hears the share that is done, now and then. What it raises stops the run.
Progress = Callable[[float], object]

MOST_SEED = 2**64 - 1
#: A file that is larger is none that a person wrote. Measured delays between a thousand places would fit.
_MOST_BYTES = 64 << 20


class ScenarioError(FlockError, ValueError):
    """What was given is no scenario: no JSON, an unknown field, or a number beyond its limits. The message names the field."""


def simulate(scenario: Scenario, seed: int = 1, progress: Progress | None = None) -> Outcome:
    """Run a flock that does not exist, in a world that does not either. The same seed gives the same run, to the bit.

    Args:
        scenario: plain data; what is not given is a quiet local network.
        seed: 0 to 2**64 - 1.
        progress: called with the share that is done, from the thread that runs.

    Raises:
        ScenarioError: it is no scenario, with the field and the numbers.
        FlockError: this is the pure backend, which has no simulator.
    """
    if not 0 <= seed <= MOST_SEED:
        raise ScenarioError(f"the seed is {seed}, must lie in 0..={MOST_SEED}")
    try:
        text = json.dumps(scenario, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ScenarioError(f"not a scenario: {error}") from None

    raised: list[Exception] = []

    def heard(share: float) -> bool:
        # Always there: an interrupt from the keyboard is only seen while Python runs.
        if progress is not None:
            try:
                progress(share)
            except Exception as error:
                raised.append(error)
                raise
        return True

    try:
        outcome = simulated(text, seed, heard)
    except ValueError as refused:
        if raised:
            raise  # the caller's own
        raise ScenarioError(str(refused)) from None
    return Outcome.from_dict(json.loads(outcome))


def read_scenario(path: Path) -> dict[str, Any]:
    """A scenario from a JSON file. The simulator itself judges what is in it.

    Raises:
        ScenarioError: it is neither a file nor a pipe, or holds no JSON object.
        OSError: it cannot be read.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise ScenarioError(f"{path}: neither a file nor a pipe")
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)  # and not as many as it says that it has: a pipe does not say
    if len(content) > _MOST_BYTES:
        raise ScenarioError(f"{path}: more than {_MOST_BYTES:,} bytes are no scenario")
    try:
        found = json.loads(content.decode())
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ScenarioError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ScenarioError(f"{path}: not a scenario: must be an object, is {type(found).__name__}")
    return found
