"""Rows of ``merge.json``: a state, a reading, perhaps a remote timestamp, and what must come of it.

The rules are computed on one word, ``physical * 4096 + logical``: the tick is ``max(word + 1, reading * 4096)``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tests.vectors.arithmetic import HORIZON, MAX_EPOCH, MAX_LOGICAL, MAX_NODE

NOW = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
ME = 0x2A
PEER = 0x11
SEED = 20260101


@dataclass(frozen=True)
class Case:
    """One row before its outcome is known. Times are microseconds, ``remote`` is (epoch, physical, logical, node)."""

    name: str
    rule: str = "receive"
    state: tuple[int, int, int] = (0, NOW, 5)
    reading: int = NOW
    remote: tuple[int, int, int, int] = (0, NOW, 9, PEER)
    max_drift_us: int | None = 500_000
    on_drift: str = "reject"
    on_collision: str = "reject"
    gate: str = "step"


def rows() -> list[dict[str, str | None]]:
    """Every row of the file."""
    cases = [*_ticks(), *_receives(), *_drifts(), *_epochs(), *_collisions(), *_operator(), *_random(150)]
    return [_row(case) for case in cases]


def _row(case: Case) -> dict[str, str | None]:
    row: dict[str, str | None] = {
        "name": case.name,
        "rule": case.rule,
        "state_epoch": str(case.state[0]),
        "state_physical_us": str(case.state[1]),
        "state_logical": str(case.state[2]),
        "node": str(ME),
        "reading_us": str(case.reading),
    }
    if case.rule == "receive":
        row |= {
            "remote_epoch": str(case.remote[0]),
            "remote_physical_us": str(case.remote[1]),
            "remote_logical": str(case.remote[2]),
            "remote_node": str(case.remote[3]),
            "max_drift_us": None if case.max_drift_us is None else str(case.max_drift_us),
            "on_drift": case.on_drift,
            "on_collision": case.on_collision,
            "gate": case.gate,
        }
    return row | _outcome(case)


def _outcome(case: Case) -> dict[str, str | None]:
    epoch, word = case.state[0], case.state[1] * 4096 + case.state[2]
    counted: str | None = None
    if case.rule == "advance_epoch":
        if epoch == MAX_EPOCH:
            return _refused("epoch", why="top", proposed=epoch + 1)
        epoch, word = epoch + 1, case.reading * 4096
    elif case.rule == "reset":
        word = case.reading * 4096
    elif case.rule == "receive":
        merged = _received(case, epoch, word)
        if isinstance(merged, dict):
            return merged
        epoch, word, counted = merged
    word = max(word + 1, case.reading * 4096)
    return {
        "error": None,
        "epoch": str(epoch),
        "physical_us": str(word // 4096),
        "logical": str(word % 4096),
        "counted": counted,
    }


def _received(case: Case, epoch: int, word: int) -> dict[str, str | None] | tuple[int, int, str | None]:
    their_epoch, their_physical, their_logical, their_node = case.remote
    theirs = their_physical * 4096 + their_logical
    counted: str | None = None
    if their_epoch < epoch:
        return epoch, word, None
    latest = HORIZON if case.max_drift_us is None else min(HORIZON, case.reading + case.max_drift_us)
    if their_physical > latest:
        if case.on_drift == "reject" or their_physical > HORIZON:
            return _refused("drift", offset=their_physical - case.reading, limit=latest - case.reading)
        if case.on_drift == "ignore":
            return epoch, word, "ignored"
        if case.on_drift == "clamp":
            theirs, counted = latest * 4096, "clamped"
        else:
            counted = "adopted_beyond_limit"
    if their_epoch > epoch and case.gate != "open":
        if their_epoch > epoch + 1:
            return _refused("epoch", why="jump", proposed=their_epoch)
        if case.gate == "shut":
            return _refused("epoch", why="too soon", proposed=their_epoch)
    if their_node == ME and (their_epoch, theirs) > (epoch, word):
        if case.on_collision == "reject":
            return _refused("collision")
        counted = "collisions_adopted"
    return max((epoch, word), (their_epoch, theirs)) + (counted,)


def _refused(
    error: str, *, why: str | None = None, proposed: int | None = None, offset: int | None = None,
    limit: int | None = None,
) -> dict[str, str | None]:  # fmt: skip
    evidence = {"why": why, "proposed": proposed, "offset_us": offset, "limit_us": limit}
    return {"error": error, **{key: str(value) for key, value in evidence.items() if value is not None}}


def _ticks() -> list[Case]:
    tick = Case("", rule="tick")
    return [
        replace(tick, name="tick: a later reading resets the counter", reading=NOW + 1),
        replace(tick, name="tick: an equal reading counts on"),
        replace(tick, name="tick: an earlier reading counts on", reading=NOW - 1),
        replace(tick, name="tick: a reading an hour behind counts on", reading=NOW - 3_600_000_000),
        replace(tick, name="tick: a full counter carries", state=(0, NOW, MAX_LOGICAL)),
        replace(tick, name="tick: a full counter and the next reading", state=(0, NOW, MAX_LOGICAL), reading=NOW + 1),
        replace(tick, name="tick: the epoch stays", state=(7, NOW, 0)),
        replace(tick, name="tick: from nothing at the first instant", state=(0, 0, 0), reading=0),
        replace(tick, name="tick: from nothing", state=(0, 0, 0)),
        replace(tick, name="tick: the last usable reading", reading=HORIZON),
        replace(tick, name="tick: a full counter at the horizon", state=(0, HORIZON, MAX_LOGICAL), reading=HORIZON),
    ]


def _receives() -> list[Case]:
    return [
        Case("receive: the remote counter is higher"),
        Case("receive: equal but for the node", remote=(0, NOW, 5, PEER)),
        Case("receive: the remote counter is lower", remote=(0, NOW, 4, PEER)),
        Case("receive: the remote is a microsecond ahead", remote=(0, NOW + 1, 0, PEER)),
        Case("receive: the remote is behind", remote=(0, NOW - 10, 4000, PEER)),
        Case("receive: the reading leads both", reading=NOW + 100, remote=(0, NOW + 50, 3, PEER)),
        Case("receive: the reading equals the remote", reading=NOW + 50, remote=(0, NOW + 50, 3, PEER)),
        Case("receive: the remote counter is full", remote=(0, NOW + 1, MAX_LOGICAL, PEER)),
        Case("receive: both counters are full", state=(0, NOW, MAX_LOGICAL), remote=(0, NOW, MAX_LOGICAL, PEER)),
        Case("receive: from 1970", remote=(0, 0, 0, PEER)),
        Case("receive: a higher node is no later instant", remote=(0, NOW, 5, MAX_NODE)),
        Case("receive: a lower node is no earlier instant", remote=(0, NOW, 5, 0)),
    ]


def _drifts() -> list[Case]:
    at, beyond = (0, NOW + 500_000, 3, PEER), (0, NOW + 500_001, 3, PEER)
    far, last, past = (0, NOW + 10**15, 0, PEER), (0, HORIZON, 0, PEER), (0, HORIZON + 1, 0, PEER)
    cases = [
        Case("drift: the limit itself is allowed", remote=at),
        Case("drift: the limit is inclusive in its last counter", remote=(0, NOW + 500_000, MAX_LOGICAL, PEER)),
        Case("drift: one microsecond beyond", remote=beyond),
        Case("drift: far beyond", remote=far),
        Case("drift: held against the reading, not the state", state=(0, NOW + 400_000, 0), remote=beyond),
        Case("drift: a limit of zero and the reading itself", max_drift_us=0, remote=(0, NOW, 9, PEER)),
        Case("drift: a limit of zero and one more", max_drift_us=0, remote=(0, NOW + 1, 0, PEER)),
        Case("drift: no limit", max_drift_us=None, remote=far),
        Case("drift: no limit up to the horizon", max_drift_us=None, remote=last),
        Case("drift: the horizon ends even no limit", max_drift_us=None, remote=past),
        Case("drift: a lower epoch is never judged", state=(1, NOW, 5), remote=far),
        Case("drift: judged before the epoch", remote=(9, NOW + 500_001, 0, PEER)),
        Case("drift: judged before the collision", remote=(0, NOW + 500_001, 0, ME)),
        Case("drift: a limit beyond the horizon", reading=HORIZON - 10, state=(0, NOW, 0), remote=past),
        Case("drift: the horizon within the limit", reading=HORIZON - 10, state=(0, NOW, 0), remote=last),
    ]
    for policy in ("adopt", "ignore", "clamp"):
        template = Case("", on_drift=policy)
        cases += [
            replace(template, name=f"{policy}: within the limit it is the ordinary rule", remote=at),
            replace(template, name=f"{policy}: one microsecond beyond", remote=beyond),
            replace(template, name=f"{policy}: far beyond", remote=far),
            replace(template, name=f"{policy}: the horizon", remote=last),
            replace(template, name=f"{policy}: beyond the horizon", remote=past),
            replace(template, name=f"{policy}: the state leads already", state=(0, NOW + 600_000, 2), remote=beyond),
            replace(template, name=f"{policy}: with a higher epoch", remote=(1, NOW + 500_001, 3, PEER)),
            replace(template, name=f"{policy}: my own node", remote=(0, NOW + 500_001, 3, ME)),
        ]
    return cases


def _epochs() -> list[Case]:
    up, two_up = (1, NOW - 1000, 3, PEER), (2, NOW - 1000, 3, PEER)
    return [
        Case("epoch: one step takes the remote's time", remote=up, reading=NOW - 2000),
        Case("epoch: one step and the reading leads", remote=up),
        Case("epoch: two steps", remote=two_up),
        Case("epoch: two steps that somebody vouches for", remote=two_up, gate="open"),
        Case("epoch: the highest that somebody vouches for", remote=(MAX_EPOCH, NOW, 0, PEER), gate="open"),
        Case("epoch: the highest uninvited", remote=(MAX_EPOCH, NOW, 0, PEER)),
        # A gate is shut by an earlier step, so these begin above epoch 0.
        Case("epoch: one step too soon", state=(1, NOW, 5), remote=two_up, gate="shut"),
        Case("epoch: two steps while shut", state=(1, NOW, 5), remote=(3, NOW, 0, PEER), gate="shut"),
        Case("epoch: too soon, but somebody vouches for it", state=(1, NOW, 5), remote=two_up, gate="open"),
        Case("epoch: the same epoch while shut", state=(1, NOW, 5), remote=(1, NOW, 9, PEER), gate="shut"),
        Case("epoch: a lower one changes nothing but the tick", state=(3, NOW, 5), remote=(2, NOW + 100, 9, PEER)),
        Case("epoch: a lower one beyond the horizon", state=(3, NOW, 5), remote=(2, HORIZON + 1, 9, PEER)),
        Case("epoch: a lower one of my own node", state=(3, NOW, 5), remote=(2, NOW + 100, 9, ME)),
    ]


def _collisions() -> list[Case]:
    above = (0, NOW, 6, ME)
    return [
        Case("collision: my node from above", remote=above),
        Case("collision: my node at my own state", remote=(0, NOW, 5, ME)),
        Case("collision: my node from below", remote=(0, NOW, 4, ME)),
        Case("collision: taken when allowed", remote=above, on_collision="adopt"),
        Case("collision: the reading is no excuse", remote=above, reading=NOW + 100),
        Case("collision: my node in a higher epoch", remote=(1, NOW - 100, 0, ME)),
        Case("collision: the epoch is judged first", remote=(2, NOW, 0, ME)),
        Case("collision: a higher epoch, taken when allowed", remote=(1, NOW - 100, 0, ME), on_collision="adopt"),
    ]


def _operator() -> list[Case]:
    future = (0, NOW + 10**15, 5)
    return [
        Case("advance_epoch: back from a poisoned future", rule="advance_epoch", state=future),
        Case("advance_epoch: at the top", rule="advance_epoch", state=(MAX_EPOCH, NOW, 5)),
        Case("advance_epoch: up to the top", rule="advance_epoch", state=(MAX_EPOCH - 1, NOW, 5)),
        Case("reset: back from a poisoned future", rule="reset", state=future),
        Case("reset: the epoch stays", rule="reset", state=(4, NOW + 10**15, 5)),
    ]


def _random(count: int) -> list[Case]:
    random = Random(SEED)
    cases = []
    for number in range(count):
        state = (random.choice([0, 0, 0, 1, 2]), NOW + random.randrange(-3, 4), random.choice([1, 2, 5, MAX_LOGICAL]))
        lead = random.choice([-3, -1, 0, 1, 3, 499_998, 500_000, 500_002, 10**9])
        cases.append(
            Case(
                name=f"random {number:03}",
                state=state,
                reading=NOW + random.randrange(-3, 4),
                remote=(
                    max(0, state[0] + random.choice([-1, 0, 0, 0, 0, 1, 2])),
                    NOW + lead,
                    random.choice([0, 1, 5, 6, MAX_LOGICAL]),
                    random.choice([ME, PEER, PEER, PEER]),
                ),
                max_drift_us=random.choice([500_000, 500_000, 0, None]),
                on_drift=random.choice(["reject", "adopt", "ignore", "clamp"]),
                on_collision=random.choice(["reject", "adopt"]),
                gate=random.choice(["open", "step", "shut"]) if state[0] else random.choice(["open", "step"]),
            )
        )
    return cases
