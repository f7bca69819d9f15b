"""What the rows stand on: processes that answer or say why not, bars that can be missed, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from benches.flock import __main__ as command
from benches.flock.eavesdropper import Datagram, Eavesdropper
from benches.flock.figures import Figure, Table, quantile
from benches.flock.namespaces import Hosts, available
from benches.flock.oscillator import raw_ns
from benches.flock.processes import ROOT, HarnessError
from benches.flock.village import Instant, Sketch, Village

from tests.processes.flock.bars import hold

pytestmark = pytest.mark.processes

#: Starts two members, one of which it stops, says who they are, and waits to be killed.
ABANDONED = """
import signal, sys
from benches.flock.village import Sketch, Village
village = Village()
village.start(Sketch("a"), Sketch("b"))
village.members["b"].stop_by(signal.SIGSTOP)
print(*(one.pid for one in village.members.values()), flush=True)
sys.stdin.read()
"""


def _gone(pids: list[int]) -> bool:
    """Whether none of them is there within ten seconds; those that nobody waited for count as gone."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(_runs(pid) for pid in pids):
            return True
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_village_that_fails_leaves_nobody() -> None:
    """Whatever happens inside, every member has ended afterwards, also one that is stopped."""
    pids: list[int] = []
    with pytest.raises(ZeroDivisionError), Village() as village:
        village.start(Sketch("a"), Sketch("b"))
        village.members["b"].stop_by(signal.SIGSTOP)
        pids += [one.pid for one in village.members.values()]
        print(1 // 0)
    assert len(pids) == 2
    assert _gone(pids)


def test_a_killed_harness_leaves_nobody() -> None:
    """Members die with the process that started them, however it ends."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    harness = subprocess.Popen(
        [sys.executable, "-P", "-c", ABANDONED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        text=True,
    )
    assert harness.stdout is not None
    pids = [int(pid) for pid in harness.stdout.readline().split()]
    assert all(map(_runs, pids))
    harness.kill()
    harness.communicate()
    assert len(pids) == 2
    assert _gone(pids)


def test_who_does_not_answer_is_named() -> None:
    """A member that refuses, and one that has died, are named with their own words."""
    with Village() as village:
        village.start(Sketch("a"))
        with pytest.raises(HarnessError, match="a: ValueError.*no such peer"):
            village.ask("a", "peers", peers=["no such peer"])
        village.members["a"].stop_by(signal.SIGTERM)
        with pytest.raises(HarnessError, match=r"a \(process \d+\) (ended|takes no commands)"):
            village.ask("a", "hello")
            village.ask("a", "hello")


def test_a_member_that_cannot_start_says_why() -> None:
    """An address that is no one's comes out in the member's own words."""
    with Village() as village, pytest.raises(HarnessError, match="cannot listen on"):
        village.start(Sketch("a", listen="192.0.2.1:7"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="network namespaces need root")
def test_namespaces_are_taken_down() -> None:
    """After a failure inside there is no namespace of ours any more."""
    refused = available()
    if refused is not None:
        pytest.skip(refused)

    def ours() -> list[str]:
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
        return [line for line in listed.splitlines() if line.startswith(f"flock-{os.getpid()}-")]

    with pytest.raises(ZeroDivisionError), Hosts(2):
        assert len(ours()) == 3
        print(1 // 0)
    assert ours() == []


def test_a_bar_can_be_missed() -> None:
    """A figure above its bar, below it or not there at all misses it; one without a bar is only shown."""
    assert [Figure("x", value, most=1.0).met for value in (0.5, 1.0, 1.5, float("nan"))] == [True, True, False, False]
    assert [Figure("x", value, least=1.0).met for value in (0.5, 1.0, float("nan"))] == [False, True, False]
    assert Figure("x", 3.0).met is None
    assert quantile([], 99) != quantile([], 99), "of nothing there is no quantile"
    table = Table("row", "title", {})
    with pytest.raises(AssertionError, match="nothing was held"):
        hold(table)
    table.add("skew", 3.0, "us", most=2.0)
    hold(table, {"sk": 1.5})
    for loosened in ({}, {"sk": 1.4}, {"other": 9.0}):
        with pytest.raises(AssertionError, match=r"skew: 3\.0"):
            hold(table, loosened)


def test_only_synchronised_members_count_in_a_skew() -> None:
    """Pairs are of members that are synchronised and asked about; how far all lie apart counts everybody."""
    states = {"a": "synchronised", "b": "synchronised", "c": "joining"}
    instant = Instant(raw_ns(), {"a": 0, "b": 5, "c": 100}, states, 0.0)
    assert instant.pairs_ns() == [5]
    assert sorted(instant.pairs_ns(synchronised=False)) == [5, 95, 100]
    assert instant.pairs_ns(["a", "c"]) == []
    assert instant.widest_ns() == 100


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a row it lists them; an unknown one is refused by name; a short row prints its seed and its table."""
    assert command.main([]) == 0
    assert "loopback" in capsys.readouterr().out
    assert command.main(["no-such-row"]) == 2
    assert "no row no-such-row; the rows are loopback" in capsys.readouterr().err
    assert command.main(["forks", "--round", "0.05", "--seed", "7", "--check"]) == 0
    shown = capsys.readouterr().out
    assert "seed 7" in shown
    assert "stamps made twice" in shown


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="looking at the loopback's traffic needs root"
)
def test_every_datagram_of_a_port_is_heard() -> None:
    """What leaves an address is heard, with where it goes; what arrives there likewise; neither what leaves another port nor
    what leaves the same port of another host."""
    with ExitStack() as stack:
        one, other, stranger = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3))
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        stranger.bind(("127.0.0.9", one.getsockname()[1]))
        here, there = ("{}:{}".format(*each.getsockname()) for each in (one, other))
        leaving = stack.enter_context(Eavesdropper(here))
        arriving = stack.enter_context(Eavesdropper(here, incoming=True))
        for number in range(3):
            one.sendto(bytes([number]), other.getsockname())
            other.sendto(bytes([10 + number]), one.getsockname())
            stranger.sendto(b"x", other.getsockname())
        assert leaving.heard() == [Datagram(there, bytes([number])) for number in range(3)]
        assert arriving.heard() == [Datagram(here, bytes([10 + number])) for number in range(3)]
        assert leaving.heard() == []
