"""How the flock is judged: on looks of which is known how far apart the clocks were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flocktime.cli.demo.flocking import FlockJudgement, Timeline, judge_flock
from flocktime.cli.demo.log import Look, ServiceLog
from flocktime.cli.demo.plan import Network, Plan, make_plan
from flocktime.cli.demo.skew import at, latest, moments, pairs_us, spread_us

START_NS = 5_000_000_000_000
SECOND_NS = 1_000_000_000
NOW_US = 1_800_000_000_000_000
PLAN = make_plan(5, 1, 10.0, NOW_US)
RUNAWAY, SLOW = PLAN.of_role("runaway") or "", PLAN.of_role("slow") or ""
NODES = {name: 100 + place for place, name in enumerate(PLAN.names)}
TIMELINE = Timeline(
    together_ns=START_NS + 3 * SECOND_NS,
    jumped_ns=START_NS + 6 * SECOND_NS,
    ended_ns=START_NS + 13 * SECOND_NS,
)


def look(at_s: float, ahead_us: float = 0.0, state: str = "synchronised", **changed: Any) -> Look:
    true_ns = START_NS + round(at_s * SECOND_NS)
    return replace(Look(true_ns, round(ahead_us * 1e3), 7_000_000, state, (), False), **changed)


def series(ahead_us: float, **changed: Any) -> list[Look]:
    """Fourteen seconds of a member that joins after two."""
    return [look(k / 10, ahead_us, "joining" if k < 20 else "synchronised", **changed) for k in range(140)]


def good() -> dict[str, list[Look]]:
    """A flock that keeps every promise, its members 10 microseconds apart."""
    looks = {name: series(10.0 * place) for place, name in enumerate(PLAN.names)}
    looks[SLOW] = [replace(each, suspects_itself=True) for each in looks[SLOW]]
    for name in PLAN.names:
        for place, each in enumerate(looks[name]):
            if each.true_ns <= TIMELINE.jumped_ns:
                continue
            if name == RUNAWAY:
                looks[name][place] = replace(each, ahead_ns=PLAN.jump_us * 1000, state="degraded", suspects_itself=True)
            elif each.true_ns > TIMELINE.jumped_ns + SECOND_NS:
                looks[name][place] = replace(each, wrong=(NODES[RUNAWAY],))
    return looks


def judged(looks: dict[str, list[Look]], plan: Plan = PLAN, timeline: Timeline = TIMELINE) -> FlockJudgement:
    return judge_flock(plan, [ServiceLog(n, NODES[n], [], {}, {}, own) for n, own in looks.items()], timeline)


def test_a_flock_that_keeps_its_promises() -> None:
    """The numbers are those that were put in."""
    judgement = judged(good())
    assert judgement.failures == []
    honest_places = [place for place, name in enumerate(PLAN.names) if name != RUNAWAY]
    assert judgement.largest_us == pytest.approx(10.0 * (max(honest_places) - min(honest_places)))
    assert judgement.first_skew_us == pytest.approx(40.0)
    assert judgement.joined_s == pytest.approx(2.9)
    assert judgement.wall_us == 0.0
    assert set(judgement.naming(RUNAWAY)) == set(PLAN.names) - {RUNAWAY}
    assert all(1.0 < after_s < 1.2 for after_s in judgement.naming(RUNAWAY).values())
    states = {member.name: member.states for member in judgement.members}
    assert states[RUNAWAY] == ["joining", "synchronised", "degraded"]
    assert states[SLOW] == ["joining", "synchronised"]


def test_a_runaway_that_has_not_noticed_yet_is_not_held_against_the_flock() -> None:
    """In the rounds after its jump it still says that it is synchronised."""
    looks = good()
    looks[RUNAWAY] = [
        replace(each, state="synchronised") if each.true_ns < TIMELINE.jumped_ns + SECOND_NS else each
        for each in looks[RUNAWAY]
    ]
    assert judged(looks).failures == []


BROKEN = {
    "too far apart": (
        lambda looks: looks.update({SLOW: [replace(each, ahead_ns=9_000_000) for each in looks[SLOW]]}),
        "us apart, 1,200 us are allowed",
    ),
    "never together": (
        lambda looks: looks.update({n: [replace(e, state="joining") for e in own] for n, own in looks.items()}),
        "no two members were synchronised",
    ),
    "not named": (
        lambda looks: looks.update({SLOW: [replace(each, wrong=()) for each in looks[SLOW]]}),
        f"the runaway {RUNAWAY} was not called wrong by {SLOW}",
    ),
    "not degraded": (
        lambda looks: looks.update({RUNAWAY: [replace(e, state="synchronised") for e in looks[RUNAWAY]]}),
        f"the runaway {RUNAWAY} did not notice",
    ),
    "an innocent named": (
        lambda looks: looks.update({RUNAWAY: [replace(each, wrong=(NODES[SLOW],)) for each in looks[RUNAWAY]]}),
        f"{SLOW} was called wrong by {RUNAWAY}",
    ),
    "no doubt of an hour": (
        lambda looks: looks.update({SLOW: [replace(each, suspects_itself=False) for each in looks[SLOW]]}),
        f"{SLOW}, whose wall clock is an hour behind, does not say so",
    ),
}


@pytest.mark.parametrize(("damage", "says"), BROKEN.values(), ids=BROKEN)
def test_each_promise_that_is_broken_is_found_out(damage: Any, says: str) -> None:
    """Exactly the one that was broken, with names and numbers."""
    looks = good()
    damage(looks)
    failures = judged(looks).failures
    assert any(says in failure for failure in failures), failures


def test_a_short_run_demands_only_what_there_was_time_for() -> None:
    """Half a second is no time to name anybody; that members are together when they say so is demanded always."""
    short = replace(PLAN, seconds=0.5)
    looks = {name: [replace(e, wrong=(), suspects_itself=False) for e in own] for name, own in good().items()}
    assert judged(looks, short).failures == []
    looks[SLOW] = [replace(each, ahead_ns=9_000_000) for each in looks[SLOW]]
    assert len(judged(looks, short).failures) == 1


def test_what_the_network_hides_is_allowed() -> None:
    """Asymmetry and jitter look like clocks that differ; no exchange of messages can tell."""
    plan = replace(PLAN, network=Network(5.0, 3.0, 2.0, 0.0))
    assert judged(good(), plan).allowed_us == pytest.approx(6_000.0)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e-4, 1e-4)), min_size=2, max_size=6), st.floats(0.3, 1.7))
def test_clocks_are_compared_at_one_instant(clocks: list[tuple[float, float]], at_s: float) -> None:
    """Looks at different moments, clocks of different rates: the distances are those at the instant asked for."""
    looks = {
        str(place): [
            look(t / 10 + place * 0.007, offset + rate * 1e6 * (t / 10 + place * 0.007), true_ns=0) for t in range(22)
        ]
        for place, (offset, rate) in enumerate(clocks)
    }
    for place, own in enumerate(looks.values()):
        own[:] = [replace(e, true_ns=START_NS + round((t / 10 + place * 0.007) * SECOND_NS)) for t, e in enumerate(own)]
    moment = at(looks, START_NS + round(at_s * SECOND_NS))
    truth = {str(place): offset + rate * 1e6 * at_s for place, (offset, rate) in enumerate(clocks)}
    assert moment.ahead_ns == pytest.approx({name: us * 1e3 for name, us in truth.items()}, abs=5.0)
    assert moment.skew_us == pytest.approx(max(truth.values()) - min(truth.values()), abs=0.01)
    assert max(pairs_us(moment)) == pytest.approx(moment.skew_us)


def test_nothing_is_made_up_where_nobody_looked() -> None:
    """Before the first look, after the last, and in the gap while a service was away, it is left out."""
    looks = {"a": [look(k / 10) for k in range(50)], "b": [look(k / 10) for k in (*range(10, 20), *range(35, 40))]}
    present = {round((m.true_ns - START_NS) / 1e8): set(m.ahead_ns) for m in moments(looks)}
    assert all(("b" in names) == (10 < tenth <= 19 or 35 < tenth <= 39) for tenth, names in present.items())
    assert (spread_us([1.0]), spread_us([])) == (None, None)
    assert moments({"a": []}) == []
    assert latest({"a": []}) is None


def test_the_latest_instant_is_one_that_everybody_has_reached() -> None:
    """But for those who were not seen for a second: nobody waits for a service that is away."""
    looks = {"a": [look(k / 10) for k in range(50)], "b": [look(k / 10) for k in range(48)], "c": [look(0), look(1)]}
    moment = latest(looks)
    assert moment is not None
    assert (moment.true_ns, set(moment.ahead_ns)) == (looks["b"][-1].true_ns, {"a", "b"})
