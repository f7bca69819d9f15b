"""``flocktime key new`` and where commands find their keys."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flocktime.cli import key_options
from flocktime.cli.key_options import BadKeys
from flocktime.cli.main import main
from flocktime.flock import new_key
from flocktime.flock.keys import normalised
from tests.support import environment

ONE, TWO = new_key(1), new_key(2)


def given(*arguments: str) -> tuple[str, ...]:
    parser = argparse.ArgumentParser()
    key_options.add_options(parser)
    return key_options.given_keys(parser.parse_args(arguments))


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_key_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, which a flock takes; the id that was asked for, or a random one; never the same secret."""
    keys = set()
    for arguments in (["key", "new"], ["key", "new", "--id", "7"], ["key", "new", "--id", "65535"]):
        assert main(arguments) == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert normalised(line) == (line,)
        keys.add(line.partition(":")[2])
        if "--id" in arguments:
            assert line.startswith(f"{arguments[-1]}:")
    assert len(keys) == 3


@pytest.mark.parametrize(
    "arguments", [["key"], ["key", "old"], *(["key", "new", "--id", n] for n in ("0", "65536", "x"))]
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An id that is none, or no action: exit code 2 and no key."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().out == ""


def test_keys_from_a_file(tmp_path: Path) -> None:
    """One a line, the first signs; comments, empty lines and space around are passed over."""
    path = written(tmp_path / "keys", f"# the new one signs\n\n  {TWO}\n{ONE}  \r\n# end")
    assert given("--key-file", str(path)) == (TWO, ONE)


def test_keys_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable's name is the argument, its value the keys; without either option there are none."""
    monkeypatch.setenv("CLUSTER_KEY", f"{ONE}\n{TWO}")
    assert given("--key-env", "CLUSTER_KEY") == (ONE, TWO)
    assert given() == ()
    with pytest.raises(BadKeys, match="--key-env NOWHERE: there is no such environment variable"):
        given("--key-env", "NOWHERE")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (0o644, "mode 0644 lets everybody read it"),
        (0o666, "mode 0666 lets everybody read and write it"),
        (0o602, "mode 0602 lets everybody write it"),
    ],
)
def test_a_file_that_is_open_to_everybody(tmp_path: Path, mode: int, words: str) -> None:
    """It is refused, with its mode and what that allows; a group's file is the group's business."""
    path = written(tmp_path / "keys", ONE, mode)
    with pytest.raises(BadKeys) as refusal:
        given("--key-file", str(path))
    assert words in str(refusal.value)
    path.chmod(0o640)
    assert given("--key-file", str(path)) == (ONE,)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "there is no key in it"),
        (b"# only a comment\n", "there is no key in it"),
        (b"\xff\xfe", "no text"),
        (b"7:AAAA\n", "16 to 64 bytes, got 3"),
        (b"x" * 70_000, "65,536"),
        (f"{ONE}\n{ONE}\n".encode(), "given twice"),
    ],
    ids=["empty", "comment", "binary", "short", "long", "twice"],
)
def test_a_file_without_usable_keys(tmp_path: Path, content: bytes, words: str) -> None:
    """It is refused by name and reason, and no secret is in the message."""
    path = tmp_path / "keys"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadKeys) as refusal:
        given("--key-file", str(path))
    assert str(refusal.value).startswith(f"--key-file {path}: ")
    assert words in str(refusal.value)
    assert ONE.partition(":")[2] not in str(refusal.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The operating system's word, with the path."""
    with pytest.raises(BadKeys, match="No such file"):
        given("--key-file", str(tmp_path / "nowhere"))
    with pytest.raises(BadKeys, match="directory"):
        given("--key-file", str(tmp_path))


def test_a_key_is_never_an_argument() -> None:
    """Both options at once are wrong usage, and no option takes the key itself."""
    with pytest.raises(SystemExit):
        given("--key-file", "keys", "--key-env", "KEYS")
    with pytest.raises(SystemExit):
        given("--key", ONE)


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system shows no open files as paths")
def test_a_file_that_is_a_pipe() -> None:
    """What a secret store pipes in is read as well."""
    read_end, write_end = os.pipe()
    os.write(write_end, f"{ONE}\n".encode())
    os.close(write_end)
    code = (
        "import argparse\nfrom flocktime.cli import key_options\nparser = argparse.ArgumentParser()\n"
        "key_options.add_options(parser)\nprint(len(key_options.given_keys(parser.parse_args())))\n"
    )
    command = [sys.executable, "-P", "-c", code, "--key-file", f"/dev/fd/{read_end}"]
    done = subprocess.run(command, pass_fds=[read_end], env=environment(), capture_output=True, timeout=60, check=False)
    os.close(read_end)
    assert (done.returncode, done.stdout) == (0, b"1\n"), done.stderr
