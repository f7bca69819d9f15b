"""Who has which vote: names that were given, names that were not, and names that were given twice."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from flocktime import NotReady
from flocktime.cli.status.words import warnings
from flocktime.flock import Flock
from tests.unit.flocks import ROUND_S, flocks, introduce, together, until

HERE = "127.0.0.1:0"


def test_a_name_that_was_given() -> None:
    """It is the member's and its clock's, and the vote hangs on it and on nothing else."""
    with Flock(HERE, name="billing") as one, Flock(name="billing") as other, Flock(name="stock") as third:
        assert (one.name, one.clock.name) == ("billing", "billing")
        assert one.status().origin == other.status().origin != third.status().origin


def test_names_that_were_not_given_differ() -> None:
    """On any port, and without a socket: each member of a host has a name and a vote of its own."""
    with ExitStack() as stack:
        made = [stack.enter_context(Flock(listen)) for listen in (HERE, HERE, HERE, None, None, None)]
        assert len({flock.name for flock in made}) == len({flock.status().origin for flock in made}) == len(made)
        for flock in made[:3]:
            assert flock.name.endswith(f"/{flock.address}")
            assert flock.clock.name is None


def test_an_address_with_a_port_is_a_name() -> None:
    """It is the same after a restart, and so is the vote."""
    with Flock(HERE) as flock:
        address = str(flock.address)
    seen = set()
    for _ in range(2):
        with Flock(address) as flock:
            seen.add((flock.name, flock.status().origin))
    ((name, _),) = seen
    assert name.endswith(f"/{address}")


def test_members_without_a_name_are_a_quorum() -> None:
    """Four on one host, each on any port: three votes beside one's own."""
    with ExitStack() as stack:
        members = [stack.enter_context(Flock(HERE, round=ROUND_S, anchor=False)) for _ in range(4)]
        introduce(members)
        together(members)
        until(lambda: all(member.status().voters == 3 and member.status().quorum for member in members))


def test_a_name_that_was_given_twice_is_said() -> None:
    """Each of both names the other: in the status, in JSON, as a number, as a warning and where a wait is in vain."""
    with flocks(2, steer=True) as (one, other), Flock(HERE, name="member-0", round=ROUND_S, anchor=False) as twin:
        introduce([one, other, twin])
        for this, that in ((one, twin), (twin, one)):
            until(lambda this=this: this.status().namesakes)
            status = this.status()
            assert status.namesakes == (that.address,)
            assert status.as_dict()["namesakes"] == [that.address]
            assert this.metrics()["flocktime_namesakes"] == 1.0
            assert any("of the same name" in warning and str(that.address) in warning for warning in warnings(status))
        until(lambda: other.status().voters)
        assert other.status().namesakes == ()


def test_a_wait_in_vain_names_namesakes() -> None:
    """Why there is no quorum stands in the error."""
    with flocks(1) as (one,), Flock(HERE, name="member-0", round=ROUND_S, anchor=False, steer=False) as twin:
        introduce([one, twin])
        until(lambda: one.status().namesakes)
        with pytest.raises(NotReady, match=f"of this member's name.*{twin.address}"):
            one.ready(0)
