"""``flocktime node`` as a process: it joins, says what changes, follows its files, serves its status, stops cleanly."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flocktime.cli.main import main
from flocktime.cli.node.running import Node, signals
from flocktime.cli.node.telling import PlainTeller
from flocktime.cli.status import ask
from flocktime.cli.status.address import address
from flocktime.flock import Flock, new_key
from tests.cli.node_processes import PATIENCE_S, ROUND, node
from tests.support import environment
from tests.unit.flocks import flocks, introduce, together, until

pytestmark = pytest.mark.processes

KEY, OTHER = new_key(1), new_key(2)
STOPPING = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


@contextmanager
def hangups(handled: signal.Handlers) -> Iterator[None]:
    """What becomes of SIGHUP in processes that are started meanwhile, however this one was started."""
    before = signal.signal(signal.SIGHUP, handled) if hasattr(signal, "SIGHUP") else None
    try:
        yield
    finally:
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, before or signal.SIG_DFL)


def run_node(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """A node that is expected to end by itself."""
    command = [sys.executable, "-P", "-m", "flocktime", "node", *arguments]
    done = subprocess.run(
        command, env=environment(**(env or {})), capture_output=True, timeout=60, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_a_node_joins_by_its_key(tmp_path: Path) -> None:
    """Told one address and the key, it becomes synchronised and is a peer like any other; SIGTERM ends it with 0."""
    path = tmp_path / "keys"
    path.write_text(KEY)
    path.chmod(0o600)
    with flocks(4, key=KEY) as members:
        peers = [argument for member in members for argument in ("--peer", str(member.address))]
        with node(*peers, "--key-file", str(path), "--name", "standing", "--anchor", "never") as standing:
            assert standing.started["name"] == "standing"
            standing.wait_state("synchronised")
            until(lambda: any(peer.state == "synchronised" for peer in members[0].status().peers))
            began_s = time.monotonic()
            assert standing.stop(signal.SIGTERM) == (0, "")
            assert time.monotonic() - began_s < PATIENCE_S / 4
            standing.wait(lambda event: event["event"] == "stopped")


def test_without_steering() -> None:
    """``--no-steer`` monitors: that is its state, also when all others agree."""
    with flocks(3) as members:
        peers = [argument for member in members for argument in ("--peer", str(member.address))]
        with node(*peers, "--no-steer", "--status", "0") as watching:
            watching.wait_state("monitoring")
            where = address(watching.status_address)
            until(lambda: ask(where)[1].voters == 3)
            assert not ask(where)[1].steering


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_ends_it(number: signal.Signals) -> None:
    """Each of them: the last line says which, exit code 0, nothing on standard error."""
    with hangups(signal.SIG_DFL), node("--name", "alone") as alone:
        assert "no peers" in alone.wait_note("")
        code, errors = alone.stop(number)
        assert (code, errors) == (0, "")
        alone.wait(lambda event: event["event"] == "stopped" and number.name in event["message"])


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no such signal")
def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """``nohup flocktime node`` goes on when its terminal is closed."""
    with hangups(signal.SIG_IGN), node() as alone:
        alone.process.send_signal(signal.SIGHUP)
        code, _ = alone.stop(signal.SIGTERM)
        assert code == 0
        alone.wait(lambda event: event["event"] == "stopped" and "SIGTERM" in event["message"])


def test_a_second_signal_kills() -> None:
    """A node that cannot end, because nobody reads what it prints, dies of the second signal."""
    command = [sys.executable, "-P", "-c", STUCK]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == -signal.SIGINT


#: A node whose last word takes for ever.
STUCK = """
import threading
from flocktime.cli.node import telling
from flocktime.cli.main import main

def forever(self, why):
    print("stopping", flush=True)
    threading.Event().wait()

telling.JsonTeller.started = lambda self, flock, status: print("listening", flush=True)
telling.JsonTeller.note = lambda self, message: None
telling.JsonTeller.changed = lambda self, change, status: None
telling.JsonTeller.stopped = forever
main(["node", "--json", "--listen", "127.0.0.1:0"])
"""


def test_lines_for_a_log() -> None:
    """Without a terminal there is a line for each change, with the time in front, and none of Python's own."""
    command = [sys.executable, "-P", "-m", "flocktime", "node", "--listen", "127.0.0.1:0", "--name", "plain"]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        assert "Z plain listens on 127.0.0.1:" in first
        assert process.stdout.readline().endswith("Z alone\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
        assert process.stdout.read().splitlines()[-1].endswith("Z stopped by SIGINT")
        assert process.stderr.read() == "flocktime node: no peers: it waits to be asked by others\n"


def test_peers_file(tmp_path: Path) -> None:
    """It is read at the start and again when it changes; a bad one is told and changes nothing."""
    path = tmp_path / "peers"
    path.write_text("# nobody yet\n")
    with flocks(4) as members:
        introduce(members)
        with node("--peers-file", str(path), "--status", "0", "--anchor", "never") as standing:
            where = address(standing.status_address)
            path.write_text("".join(f"{member.address}\n" for member in members))
            assert "4 peers" in standing.wait_note("peers from")
            standing.wait_state("synchronised")
            path.write_text("nowhere\n")
            assert "nowhere" in standing.wait_note("the peers stay as they were")
            path.unlink()
            path.write_bytes(b"\xff" * 3)
            assert "no text" in standing.wait_note("the peers stay as they were")
            assert len(ask(where)[1].peers) == 4


def test_keys_change_without_a_restart(tmp_path: Path) -> None:
    """A key file that changes is read again; one that is open to everybody is told and changes nothing."""
    path = tmp_path / "keys"
    path.write_text(KEY)
    path.chmod(0o600)
    with flocks(4, key=[KEY, OTHER]) as members:
        together(members)
        peers = [argument for member in members for argument in ("--peer", str(member.address))]
        with node(*peers, "--key-file", str(path), "--anchor", "never", "--status", "0") as standing:
            where = address(standing.status_address)
            standing.wait_state("synchronised")
            path.write_text(f"{OTHER}\n{KEY}\n")
            assert standing.wait_note("keys from").endswith("2, 1, 2 signs")
            until(lambda: ask(where)[1].voters == 4)
            for member in members:
                member.rotate(OTHER)
            path.write_text(f"{new_key(3)}\n")
            path.chmod(0o644)
            assert "0644" in standing.wait_note("the keys stay as they were")
            first = next(i for i, event in enumerate(standing.seen) if event.get("state") == "synchronised")
            assert not [event for event in standing.seen[first + 1 :] if "state" in event]  # it never left the flock
            path.chmod(0o600)  # nothing else of it has changed
            standing.wait_note("keys from")


def test_advancing_the_epoch() -> None:
    """``--advance-epoch`` begins a new one above ``--epoch`` as soon as there is a quorum, once, and everybody follows."""
    with flocks(4, key=KEY) as members:
        together(members)
        peers = [argument for member in members for argument in ("--peer", str(member.address))]
        arguments = ["--epoch", "4", "--advance-epoch", "drill", "--anchor", "never", "--key-env", "CLUSTER_KEY"]
        with node(*peers, *arguments, env={"CLUSTER_KEY": KEY}) as operator:
            note = operator.wait_note("epoch 5 begins")
            assert note.endswith(": drill")
            until(lambda: all(member.clock.epoch == 5 for member in members))


def test_an_epoch_that_waits_says_why() -> None:
    """Without a quorum: after some looks, once, and then once a minute, with how the member stands."""
    notes: list[str] = []

    class Listener(PlainTeller):
        def note(self, message: str) -> None:
            notes.append(message)

    with Flock("127.0.0.1:0") as flock:
        waiting = Node(flock, Listener(), signals(), named=(), peers=None, keys=None, advance="drill")
        counts = []
        for _ in range(150):
            assert waiting._look()
            counts.append(len(notes))
    assert [counts.index(count) for count in (1, 2, 3)] == [19, 79, 139]
    for note in notes:
        assert note.startswith("the new epoch waits for a quorum that vouches for the time; ")
        assert "0 voted (moving from epoch 0 to 1 without a quorum" in note


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--listen", "nowhere"], "nowhere"),
        (["--listen", "127.0.0.1:0", "--peer", "nowhere"], "nowhere"),
        (["--listen", "127.0.0.1:0", "--peers-file", "/nowhere/peers"], "/nowhere/peers: No such file"),
        (["--listen", "127.0.0.1:0", "--key-file", "/nowhere/key"], "/nowhere/key: No such file"),
        (["--listen", "127.0.0.1:0", "--key-env", "NOWHERE"], "NOWHERE"),
        (["--listen", "127.0.0.1:0", "--round", "0"], "--round"),
        (["--listen", "127.0.0.1:0", "--status", "a b"], "--status"),
        (["--listen", "127.0.0.1:0", "--epoch", "70000"], "65535"),
        (["--listen", "127.0.0.1:0", "--name", ""], "argument --name: must not be empty"),
        (["--listen", "127.0.0.1:0", "--name", "\udcff"], r"argument --name: must be UTF-8, got '\udcff'"),
        (["--listen", "\udcff:0"], r"argument --listen: must be UTF-8, got '\udcff:0'"),
        (["--listen", "127.0.0.1:0", "--peer", "\udcff:1"], r"argument --peer: must be UTF-8, got '\udcff:1'"),
        (["--listen", "127.0.0.1:0", "--advance-epoch", " "], "argument --advance-epoch: must not be empty"),
        (["--listen", "127.0.0.1:0", "--advance-epoch", "\udcff"], "argument --advance-epoch: must be UTF-8"),
        (["--listen", "127.0.0.1:0", "--status", "a..b:1"], "argument --status: no host's name: 'a..b'"),
        (["--listen", "127.0.0.1:0", "--page", ""], "argument --page: must not be an empty path"),
        (["--listen", "127.0.0.1:0", "--page", "page", "--no-steer"], "--no-steer cannot be given with --page"),
        ([], "--listen"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    """Each mistake is named in a line of its own, with exit code 2 and nothing on standard output."""
    code, output, errors = run_node(*arguments)
    assert (code, output) == (2, "")
    assert words in errors.splitlines()[-1]
    assert "Traceback" not in errors


def test_addresses_that_are_taken() -> None:
    """Of the member and of its status: the address is named, exit code 2."""
    with Flock("127.0.0.1:0") as flock:
        code, _, errors = run_node("--listen", str(flock.address))
        assert (code, f"cannot listen on {flock.address}" in errors) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        code, _, errors = run_node("--listen", "127.0.0.1:0", "--status", where)
        assert code == 2
        assert errors == f"flocktime node: --status {where}: Address already in use\n"


def test_cautions() -> None:
    """What everybody can reach, and is protected by nothing, is said at the start."""
    with node("--listen", "0.0.0.0:0", "--status", "0.0.0.0:0") as open_to_all:
        notes = [open_to_all.wait_note(""), open_to_all.wait_note(""), open_to_all.wait_note("")]
        assert ["no peers" in notes[0], "no key" in notes[1], "not protected" in notes[2]] == [True] * 3


def test_json_lines_are_json(capfd: pytest.CaptureFixture[str]) -> None:
    """Every line is an object with an event and a time in microseconds."""
    with node() as alone:
        alone.stop(signal.SIGINT)
        alone.wait(lambda event: event["event"] == "stopped")
        assert all(json.dumps(event) and event["time_us"] > 1e15 for event in alone.seen)
        assert alone.seen[0]["event"] == "started"


def test_the_help_says_what_is_not_protected(capsys: pytest.CaptureFixture[str]) -> None:
    """The warning about the status address stands where it is looked up."""
    with pytest.raises(SystemExit):
        main(["node", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "NOT PROTECTED" in text
    assert ROUND not in text
