"""The bars on real processes. Short: few members, short rounds, limits that a busy machine keeps. ``--campaign``: the rows."""

from __future__ import annotations

import os
import shutil

import pytest
from benches.flock.namespaces import available
from benches.flock.rows.cost import PEERS, cost
from benches.flock.rows.faults import faults
from benches.flock.rows.flood import flood
from benches.flock.rows.forks import forks
from benches.flock.rows.intervals import intervals
from benches.flock.rows.liars import liars
from benches.flock.rows.partitions import partitions
from benches.flock.rows.skew import busy, headers, loopback, relayed

from tests.processes.flock.bars import COMPILED, STRICT, hold, options_for

pytestmark = pytest.mark.processes

#: A millisecond instead of 50 us. At Python's speed, and where others are busy, a sample is worth a hundredth.
SKEW = 20.0 if COMPILED else 100.0
COMPILERS = ("cc", "gcc", "clang")


def test_close_on_the_loopback(campaign: bool, seed: int) -> None:
    """Members 400 ms and 200 ppm apart come within a millisecond and stay within the bar, as judged from outside."""
    hold(loopback(options_for(campaign, seed)), STRICT if campaign else {"pairwise skew": SKEW, "judgement": SKEW})


def test_close_beside_busy_processes(campaign: bool, seed: int) -> None:
    """The same with two processes that compute."""
    if not campaign:
        pytest.skip("two busy processes disturb the tests beside this one: under --campaign")
    hold(busy(options_for(campaign, seed)))


def test_close_through_a_bad_network(campaign: bool, seed: int) -> None:
    """The same with 1 ms +- 0.5 ms each way and 5 % loss."""
    hold(relayed(options_for(campaign, seed)), STRICT if campaign else {"pairwise skew": SKEW, "judgement": SKEW})


def test_close_by_headers_alone(campaign: bool, seed: int) -> None:
    """The same without a socket of the flock's: on the headers of the requests that services send each other."""
    hold(headers(options_for(campaign, seed)), STRICT if campaign else {"pairwise skew": SKEW, "judgement": SKEW})


def test_wrong_clocks_drag_nobody(campaign: bool, seed: int) -> None:
    """One in 2051 and one that steps by an hour are named by all others, whose skew stays what it was."""
    options = options_for(campaign, seed, members=7)
    hold(liars(options), STRICT if campaign else {"rms with them": SKEW})


def test_cost_is_small_and_constant(campaign: bool, seed: int) -> None:
    """Processor time and traffic stay below their bars and do not grow with the flock."""
    options = options_for(campaign, seed)
    loosened = {"core, ": 2.0} if COMPILED else {"": 100.0}
    hold(cost(options, PEERS if campaign else (4, 8)), STRICT if campaign else {"4": 4.0, "8": 4.0, **loosened})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="spoofing senders needs root")
@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C compiler for the loop to compare with")
def test_a_flood_changes_nothing(campaign: bool, seed: int) -> None:
    """Junk, forgeries and replays: counted exactly, unanswered, forgotten at once; the flock stays as close as it was."""
    options = options_for(campaign, seed)
    factor = 5.0 if COMPILED else 100.0
    noisy = {f"{kind}: {what}": factor for kind in ("junk", "forged") for what in ("processor time", "p99 times")}
    hold(flood(options), STRICT if campaign else noisy)


def test_a_member_comes_back(campaign: bool, seed: int) -> None:
    """Killed, stopped, frozen or set: back in step within 30 s, and neither a stamp nor a disciplined clock ever falls."""
    hold(faults(options_for(campaign, seed)), STRICT if campaign else {"what stamps follow": SKEW})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="network namespaces need root")
def test_a_cut_network_heals(campaign: bool, seed: int) -> None:
    """Two halves, and one alone, drift apart by little and are back in step within 30 s."""
    refused = available()
    if refused is not None:
        pytest.skip(refused)
    hold(partitions(options_for(campaign, seed)), STRICT if campaign else {"": SKEW})


def test_a_forked_child_is_no_member(campaign: bool, seed: int) -> None:
    """The child's flock says so, its clock follows the OS clock, no stamp is made twice, and the parent notices nothing."""
    hold(forks(options_for(campaign, seed)))


def test_true_time_is_inside(campaign: bool, seed: int) -> None:
    """Of every interval of every member, far off, with anchors that are wrong by what they admit, and one that lies."""
    options = options_for(campaign, seed, members=8, settle_s=2.0)
    hold(intervals(options), STRICT if campaign else {"  interrupted": 100.0})
