"""The runbook for a server that was set to 2051, followed by its own commands with real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flocktime import Clock, Timestamp
from flocktime.cli.status import ask
from flocktime.cli.status.address import address
from flocktime.flock import Flock, FlockStatus, new_key
from flocktime.testing import SkewedSource
from tests.support import ROOT, environment
from tests.unit.flocks import PATIENCE_S, ROUND_S, until

pytestmark = pytest.mark.processes

RUNBOOK = (ROOT / "docs" / "runbook-wrong-clock.md").read_text(encoding="utf-8")
ASK, ADVANCE, VERIFY = re.findall(r"^```sh\n(.*?)^```", RUNBOOK, re.MULTILINE | re.DOTALL)

KEY = new_key(1)
YEAR_2051 = Clock(source=SkewedSource(offset=25 * 365.25 * 86_400.0))


class Member:
    """A service of the cluster, see ``flock_member``."""

    def __init__(self, name: str, policy: str = "trusting") -> None:
        command = [sys.executable, "-P", "-m", "tests.processes.flock_member", name, policy]
        env = environment(CLUSTER_KEY=KEY)
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started = self._line()
        self.address, self.status_address = str(started["address"]), str(started["status"])

    def _line(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the service has ended"
        return json.loads(line)

    def tell(self, **request: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._line()

    def now(self) -> Timestamp:
        return Timestamp.from_hex(self.tell(now=True))

    def status(self) -> FlockStatus:
        return ask(address(self.status_address))[1]

    def end(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


class Shell:
    """Runs the runbook's commands, as an operator with this cluster would."""

    def __init__(self, folder: Path, members: list[Member]) -> None:
        command = folder / "flocktime"
        # Rounds as short as the members', and nothing else that the runbook does not say.
        command.write_text(
            f'#!/bin/sh\n[ "$1" = node ] && set -- "$@" --round {ROUND_S}\nexec "{sys.executable}" -P -m flocktime "$@"\n'
        )
        command.chmod(0o755)
        self._keys, self._peers = folder / "keys", folder / "peers"
        self._keys.write_text(KEY)
        self._keys.chmod(0o600)
        self._peers.write_text("".join(f"{member.address}\n" for member in members))
        self._path = os.pathsep.join([str(folder), os.environ["PATH"]])

    def environment(self, **values: str) -> dict[str, str]:
        given = {"PEERS_FILE": str(self._peers), "KEY_FILE": str(self._keys), "LISTEN": "127.0.0.1:0", "COLUMNS": "200"}
        return environment(PATH=self._path, **given, **values)

    def run(self, text: str, member: Member) -> tuple[int, str]:
        """One command that ends by itself, for one member."""
        env = self.environment(STATUS=member.status_address)
        done = subprocess.run(["/bin/sh", "-c", text], env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout

    def look(self, member: Member) -> dict[str, str]:
        """Step 2, as a dictionary."""
        code, output = self.run(ASK, member)
        assert code == 0
        return dict(line.partition(" ")[::2] for line in output.splitlines())

    @contextmanager
    def advancing(self, epoch: int) -> Iterator[None]:
        """Step 4: it says that the epoch begins, and runs until Ctrl-C."""
        env = self.environment(EPOCH=str(epoch))
        operator = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {ADVANCE}"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert operator.stderr is not None
        said = operator.stderr.readline()
        assert f"epoch {epoch + 1} begins at " in said, said
        assert said.endswith(": billing-3 was set to 2051\n")
        yield
        os.killpg(operator.pid, signal.SIGINT)
        operator.communicate(timeout=PATIENCE_S)
        assert operator.returncode == 0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[list[Member], Shell]]:
    """Five services that believe everything, synchronised."""
    with ExitStack() as stack:
        members = []
        for number in range(5):
            member = Member(f"service-{number}")
            stack.callback(member.end)
            members.append(member)
        for member in members:
            member.tell(peers=[other.address for other in members if other is not member])
        until(lambda: all(member.status().state == "synchronised" for member in members))
        yield members, Shell(tmp_path, members)


def is_poisoned(member: Member) -> bool:
    return member.status().ahead_us > 700_000_000 * 1_000_000


def is_back(member: Member, epoch: int) -> bool:
    """In the epoch, with stamps as its time is."""
    status, stamp = member.status(), member.now()
    assert status.time_us is not None
    return stamp.epoch == epoch and abs(stamp.physical_us - status.time_us) < 5_000_000


def test_the_whole_cluster_is_healed(cluster: tuple[list[Member], Shell]) -> None:
    """One message of 2051 poisons five trusting services; the runbook's commands bring all of them back to real time."""
    members, shell = cluster
    assert not any(map(is_poisoned, members))
    members[2].tell(receive=YEAR_2051.now().to_hex())
    until(lambda: all(map(is_poisoned, members)))
    poisoned = [member.now() for member in members]
    looks = [shell.look(member) for member in members]
    assert {(look["state"], look["epoch"], look["wrong"]) for look in looks} == {("synchronised", "0", "")}
    assert all(int(look["ahead_us"]) > 700_000_000 * 1_000_000 for look in looks)
    code, output = shell.run(VERIFY, members[0])
    assert "stamps of a future were accepted" in output
    with shell.advancing(max(int(look["epoch"]) for look in looks)):
        until(lambda: all(is_back(member, 1) for member in members))
        for member in members:
            code, output = shell.run(VERIFY, member)
            assert (code, "epoch 1" in output, "warning" in output) == (0, True, False)
    assert max(poisoned) < min(member.now() for member in members)


def test_an_epoch_too_low_changes_nothing(cluster: tuple[list[Member], Shell]) -> None:
    """Poisoned in epoch 1: the operator's node cannot see that, so a low ``EPOCH`` heals nobody, and the right one does."""
    members, shell = cluster
    poison = Timestamp(YEAR_2051.now().physical_us, node=1, epoch=1)
    members[0].tell(receive=poison.to_hex())
    until(lambda: all(map(is_poisoned, members)))
    assert {shell.look(member)["epoch"] for member in members} == {"1"}
    with shell.advancing(0):
        before = [member.status().counters["accepted"] for member in members]
        until(
            lambda: all(
                now.status().counters["accepted"] > then + 20 for now, then in zip(members, before, strict=True)
            )
        )
        assert all(map(is_poisoned, members))
    with shell.advancing(1):
        until(lambda: all(is_back(member, 2) for member in members))


def test_newcomers_and_sleepers(cluster: tuple[list[Member], Shell]) -> None:
    """A member that was stopped through two epochs catches up; one that comes later joins at the new epoch by the key."""
    members, shell = cluster
    sleeper, awake = members[4], members[:4]
    before = sleeper.now()
    sleeper.process.send_signal(signal.SIGSTOP)
    for epoch in (0, 1):
        with shell.advancing(epoch):
            until(lambda epoch=epoch: all(is_back(member, epoch + 1) for member in awake))
    newcomer = Member("newcomer", "careful")
    try:
        newcomer.tell(peers=[member.address for member in awake])
        until(lambda: is_back(newcomer, 2))
        until(lambda: newcomer.status().state == "synchronised")
    finally:
        newcomer.end()
    sleeper.process.send_signal(signal.SIGCONT)
    until(lambda: is_back(sleeper, 2))
    assert before < sleeper.now()


def test_nobody_else_moves_an_epoch(cluster: tuple[list[Member], Shell]) -> None:
    """A bump without a signature, with another key, and a recorded one sent again: refused and counted, nothing moves."""
    members, _ = cluster
    addresses = [member.address for member in members]
    for key, counter in ((None, "unauthenticated"), (new_key(1), "forged"), (new_key(2), "unknown_key")):
        with Flock("127.0.0.1:0", addresses, key=key, epoch=9, round=ROUND_S, name="intruder") as intruder:
            assert intruder.clock.now().epoch == 9
            until(lambda counter=counter: all(member.status().counters[counter] for member in members))
    recorded = _recorded(members[0], [other.address for other in members[1:]])
    with Flock("127.0.0.1:0", key=KEY, round=ROUND_S, name="elsewhere") as elsewhere, _sender() as sender:
        elsewhere.clock.now()
        targets = [str(elsewhere.address), *addresses[1:]]
        for packet in recorded * 20:
            for target in targets:
                host, _, port = target.rpartition(":")
                sender.sendto(packet, (host, int(port)))
        until(lambda: elsewhere.status().counters["received"] >= len(recorded) * 10)
        counters = elsewhere.status().counters
        assert counters["accepted"] == 0
        assert counters["unproven"] + counters["replayed"] == counters["received"]
        assert elsewhere.clock.epoch == 0
    assert [member.now().epoch for member in members] == [1] * 5


def _recorded(member: Member, others: list[str]) -> list[bytes]:
    """Signed packets of epoch 1 that a member has sent to somebody who only listens."""
    with _sender() as ear:
        ear.settimeout(PATIENCE_S)
        stamp = member.now()
        member.tell(receive=Timestamp(stamp.physical_us, node=1, epoch=1).to_hex())
        assert member.now().epoch == 1
        host, port = ear.getsockname()
        member.tell(peers=[*others, f"{host}:{port}"])
        return [ear.recv(2048) for _ in range(5)]


@contextmanager
def _sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        yield found
