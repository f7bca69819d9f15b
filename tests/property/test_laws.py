"""The library's clock and the model obey every law; every mutant breaks one, and every law catches a mutant."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from flocktime import Clock, ClockError, Timestamp
from flocktime.testing import ManualSource
from tests.property.clock_model import ModelClock
from tests.property.laws import LAWS, Law, broken_by
from tests.property.mutants import MUTANTS
from tests.support import stamp, vectors

#: The mutants that the design names, by what they are called here.
NAMED = {"ResetsOnEqualReading", "NoTickOnReceive", "IgnoresTheRemoteCounter", "DriftAgainstReceived"}


def _real(*, max_drift_us: int | None = 500_000, **options: Any) -> Any:
    return Clock(max_drift=None if max_drift_us is None else max_drift_us / 1_000_000, **options)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_clock_obeys(law: Law, seed: int, campaign: bool) -> None:
    """Whatever the seed, the library's clock keeps the law."""
    for shift in range(200 if campaign else 10):
        broken = broken_by(law, _real, seed + shift)
        assert broken is None, f"seed {seed + shift}: {broken}"


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_model_obeys(law: Law, seed: int) -> None:
    """The model is a clock too: what its mutants break, they break by their one mistake."""
    for shift in range(3):
        broken = broken_by(law, ModelClock, seed + shift)
        assert broken is None, f"seed {seed + shift}: {broken}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_every_mutant_is_caught(mutant: type[ModelClock], seed: int) -> None:
    """A clock with this one mistake breaks some law, at once and not by luck: with each of three seeds."""
    assert mutant.__doc__
    for shift in range(3):
        caught = [law.__name__ for law in LAWS if broken_by(law, mutant, seed + shift)]
        assert caught, f"nobody notices with seed {seed + shift}: {mutant.__doc__}"


def test_the_mutants_of_the_design_are_there() -> None:
    """The mistakes that the design lists are among those caught."""
    assert {mutant.__name__ for mutant in MUTANTS} >= NAMED
    assert len(MUTANTS) >= 25


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law: Law, seed: int) -> None:
    """A law that no mutant breaks would check nothing."""
    assert any(broken_by(law, mutant, seed) for mutant in MUTANTS)


def _outcome(row: dict[str, Any], kind: type[ModelClock]) -> tuple[object, ...]:
    """What a model makes of a row of ``merge.json``."""
    source = ManualSource(int(row["reading_us"]))
    drift = row.get("max_drift_us")
    epoch, physical_us, logical = (int(row[f"state_{field}"]) for field in ("epoch", "physical_us", "logical"))
    clock = kind(
        source=source,
        node=int(row["node"]),
        max_drift_us=None if drift is None else int(drift),
        on_drift=row.get("on_drift", "reject"),
        on_collision=row.get("on_collision", "reject"),
        last=None if (physical_us, logical) == (0, 0) else stamp(physical_us, logical, int(row["node"]), epoch),
    )
    if row.get("gate") == "shut":
        clock.stepped_ns = clock.monotonic_ns()
    try:
        if row["rule"] == "tick":
            issued = clock.now()
        elif row["rule"] == "reset":
            issued = clock.reset("a row")
        elif row["rule"] == "advance_epoch":
            issued = clock.advance_epoch("a row", force=True)
        else:
            remote = stamp(*(int(row[f"remote_{field}"]) for field in ("physical_us", "logical", "node", "epoch")))
            issued = clock.update(remote, trusted=row["gate"] == "open")
    except ClockError as refusal:
        assert clock.last is not None
        return type(refusal).__name__, clock.last.physical_us, clock.last.logical
    return issued.epoch, issued.physical_us, issued.logical


def _expected(row: dict[str, Any]) -> tuple[object, ...]:
    if row["error"] is None:
        return tuple(int(row[field]) for field in ("epoch", "physical_us", "logical"))
    error = {"drift": "DriftError", "epoch": "EpochError", "collision": "NodeCollision"}[row["error"]]
    return error, int(row["state_physical_us"]), int(row["state_logical"])


def test_the_model_agrees_with_the_vectors() -> None:
    """Three implementations of the rules, the vectors' own arithmetic, the model and the library, say the same."""
    for row in vectors("merge.json"):
        assert _outcome(row, ModelClock) == _expected(row), row["name"]


#: Mistakes that take more than one step, or more than one timestamp, to show.
OF_MANY_STEPS = {"NewcomersAreBound", "NeverBegins", "MinuteOfWallTime", "RefusalsSpendTheMinute", "KeepsHalfABatch"}


@pytest.mark.parametrize(
    "mutant", [kind for kind in MUTANTS if kind.__name__ not in OF_MANY_STEPS], ids=lambda kind: kind.__name__
)
def test_the_vectors_catch_every_mutant_of_one_step(mutant: type[ModelClock]) -> None:
    """An implementation in another language that makes this mistake fails a row of ``merge.json``."""
    assert any(_outcome(row, mutant) != _expected(row) for row in vectors("merge.json"))


def test_wide_networks_stay_causal(seed: int) -> None:
    """Fifty clocks with wrong times exchange a thousand messages, all taken: every chain of them rises."""
    rng = Random(seed)
    print(f"seed {seed}")
    sources = [ManualSource(1_767_225_600_000_000 + rng.randrange(-(10**12), 10**12)) for _ in range(50)]
    clocks = [Clock(node=i, source=source, max_drift=None) for i, source in enumerate(sources)]
    # For each clock, the latest timestamp that it knows of every node.
    clocks_seen: list[dict[int, Timestamp]] = [{} for _ in clocks]
    for _ in range(1_000):
        sender, receiver = rng.sample(range(50), 2)
        sources[receiver].advance(rng.randrange(1_000))
        sent = clocks[sender].now()
        clocks_seen[sender][sender] = sent
        got = clocks[receiver].update(sent)
        known = clocks_seen[receiver]
        for node, ts in clocks_seen[sender].items():
            known[node] = max(ts, known.get(node, Timestamp.MIN))
        assert all(ts < got for ts in known.values())
        known[receiver] = got
