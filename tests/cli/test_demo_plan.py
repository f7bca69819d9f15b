"""The demonstration's scenario: all of it from the seed, and always with everything in it that is to be shown."""

from __future__ import annotations

from itertools import islice, pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flocktime.cli.demo import plan as planning
from flocktime.cli.demo.plan import FEWEST_SERVICES, MOST_SERVICES, Network, arrivals, covering, make_plan

NOW_US = 1_800_000_000_000_000
YEAR_2051_US = 2_556_144_000_000_000

services = st.integers(FEWEST_SERVICES, MOST_SERVICES)
seeds = st.integers(-(2**70), 2**70)


@given(services, seeds)
def test_every_seed_draws_one_runaway_one_slow_and_honest_rest(count: int, seed: int) -> None:
    """The wrong clocks are exactly two, and the others lie in their range without agreeing by luck."""
    plan = make_plan(count, seed, 1.0, NOW_US)
    assert len(set(plan.names)) == len(plan.services) == count
    by_role = {role: [s for s in plan.services if s.role == role] for role in ("honest", "runaway", "slow")}
    assert [len(found) for found in by_role.values()] == [count - 2, 1, 1]
    assert by_role["slow"][0].offset_us == -3_600_000_000
    assert NOW_US + plan.jump_us == YEAR_2051_US
    assert all(abs(service.ppm) <= 100 for service in plan.services)
    # The runaway begins as one of the honest ones: nobody can tell before it jumps.
    offsets = sorted(service.offset_us for service in (*by_role["honest"], *by_role["runaway"]))
    assert all(abs(offset) <= 200_000 for offset in offsets)
    parts = [(offset + 200_000) * (count - 1) // 400_001 for offset in offsets]
    assert parts == list(range(count - 1))


@given(services, seeds, st.floats(0.5, 120.0))
def test_only_an_honest_service_is_restarted_and_only_where_there_is_time(
    count: int, seed: int, seconds: float
) -> None:
    """Runs of six seconds and more stop one of the honest services, shorter ones nobody."""
    plan = make_plan(count, seed, seconds, NOW_US)
    honest = {service.name for service in plan.services if service.role == "honest"}
    assert plan.restarted in (honest if seconds >= 6 else {None})


@given(st.floats(0.5, 120.0), st.floats(0, 20), st.floats(0, 20), st.floats(0, 2))
def test_a_round_is_short_but_longer_than_the_network(
    seconds: float, delay: float, jitter: float, asymmetry: float
) -> None:
    """Between 50 and 150 ms, unless the network is so slow that answers would come after the next round's questions."""
    plan = make_plan(5, 1, seconds, NOW_US, Network(delay, jitter, asymmetry))
    there_and_back_s = (2 * (delay + jitter) + asymmetry) / 1e3
    assert plan.round_s >= 0.05
    assert plan.round_s > 4 * there_and_back_s
    assert plan.round_s <= max(0.15, 10 * there_and_back_s)


@given(services, seeds)
@settings(max_examples=30)
def test_the_same_seed_gives_the_same_demonstration(count: int, seed: int) -> None:
    """Clocks, chains and times are drawn from nothing but the seed."""
    first, second = (make_plan(count, seed, 1.0, NOW_US) for _ in range(2))
    assert first == second
    assert list(islice(arrivals(first), 100)) == list(islice(arrivals(second), 100))
    assert make_plan(count, seed + 1, 1.0, NOW_US) != first


@given(services, seeds)
@settings(max_examples=50)
def test_the_first_chains_let_everybody_call_everybody(count: int, seed: int) -> None:
    """After ``covering`` chains every ordered pair of services has been a call."""
    plan = make_plan(count, seed, 1.0, NOW_US)
    chains = [chain for _, chain in islice(arrivals(plan), covering(plan))]
    assert {pair for chain in chains for pair in pairwise(chain)} == set(permutations(plan.names, 2))


@given(services, seeds)
@settings(max_examples=50)
def test_chains_are_three_to_four_calls_deep(count: int, seed: int) -> None:
    """No chain is shorter or longer, nobody calls itself, and the times never go back."""
    plan = make_plan(count, seed, 1.0, NOW_US)
    drawn = list(islice(arrivals(plan), covering(plan) + 50))
    for _, chain in drawn:
        assert planning.FEWEST_CALLS <= len(chain) - 1 <= planning.MOST_CALLS
        assert all(a != b for a, b in pairwise(chain))
    times = [at for at, _ in drawn]
    assert times == sorted(times)


@pytest.mark.parametrize("count", [FEWEST_SERVICES, MOST_SERVICES])
def test_covering_stays_short(count: int) -> None:
    """Even with the most services it takes less than two seconds of arrivals."""
    assert covering(make_plan(count, 1, 1.0, NOW_US)) <= 2 * planning.RATE
