"""Members that do nothing any more say so, and what is refused is refused with its number: alike on both backends."""

from __future__ import annotations

import os
from typing import Any

import pytest

from flocktime import _fallback as fallback
from flocktime.errors import FlockError, HeaderError
from tests.parity.test_gossip_member import BACKENDS, Standing, standing

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_of_what_is_refused(backend: Any) -> None:
    """A receiver's name by its bytes, peers by how many they are and of which kind."""
    with standing(Standing(backend, 1)) as (one,):
        for label, length in (("", 0), ("x" * 256, 256), ("é" * 128, 256)):
            with pytest.raises(HeaderError, match=f"1 to 255 bytes, this one has {length}$"):
                one.member.header(label)
        with pytest.raises(TypeError):
            one.member.header(7)
        with pytest.raises(ValueError, match="^257 names among the peers, and at most 256 may be$"):
            one.member.set_peers([f"host{number}:7" for number in range(257)])
        with pytest.raises(ValueError, match="^4097 peers, and at most 4096 may be$"):
            one.member.set_peers(["10.0.0.1:7"] * 4097)
        one.member.set_peers([*["10.0.0.1:7"] * 1000, *[f"10.0.0.2{number}:7" for number in range(256)]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_peers_of_a_stopped_member(backend: Any) -> None:
    """Nobody would ask them: it is refused like everything else."""
    one = Standing(backend, 1)
    one.member.stop()
    with pytest.raises(FlockError, match="was stopped$"):
        one.member.set_peers(["10.0.0.1:7"])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_peers_of_a_forked_childs_copy(backend: Any) -> None:
    """Likewise, and the parent's are as they were."""
    with standing(Standing(backend, 1)) as (one,):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                one.member.set_peers(["10.0.0.1:7"])
            except FlockError as error:
                code = 0 if "belongs to the parent" in str(error) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert one.flock()["peers"] == []


def test_a_failed_member_says_why() -> None:
    """The reason stands in every error from then on."""
    with standing(Standing(fallback, 1)) as (one,):
        one.member._shared.log.end("no memory")
        for call in (
            lambda: one.member.header("a"),
            lambda: one.member.take("a"),
            lambda: one.member.rotate(()),
            lambda: one.member.set_peers([]),
        ):
            with pytest.raises(FlockError, match="has failed: no memory$"):
                call()
