"""Files that a node follows: what counts as a change, and that none is missed between two looks."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest

from flocktime.cli import key_options
from flocktime.cli import node as command
from flocktime.cli.node.files import KeyFile
from flocktime.flock import new_key

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_a_change(tmp_path: Path) -> None:
    """Another file in its place, other contents, another mode: each once; a file that is gone is none."""
    path, other = tmp_path / "keys", tmp_path / "other"
    path.write_text("one")
    file = KeyFile(path)
    assert not file.has_changed()
    path.write_text("longer")
    assert [file.has_changed(), file.has_changed()] == [True, False]
    other.write_text("longer")
    other.replace(path)
    assert [file.has_changed(), file.has_changed()] == [True, False]
    path.unlink()
    assert not file.has_changed()


def test_a_mode_that_is_mended_is_a_change(tmp_path: Path) -> None:
    """Keys that were refused because everybody may read them are looked at again, though not a byte of them is new."""
    path = tmp_path / "keys"
    path.write_text(new_key(1))
    path.chmod(0o644)
    file = KeyFile(path)
    with pytest.raises(key_options.BadKeys, match="0644"):
        file.read()
    path.chmod(0o600)
    assert file.has_changed()
    assert len(file.read()) == 1


def test_a_change_at_the_start_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are replaced right after they were read are seen at the first look."""
    path = tmp_path / "keys"
    path.write_text(new_key(1))
    path.chmod(0o600)
    read, seen = key_options.given_keys, []

    def read_and_replace(options: argparse.Namespace) -> tuple[str, ...]:
        keys = read(options)
        path.write_text(f"{new_key(2)}\n{new_key(1)}\n")
        return keys

    def looked(*given: Any) -> int:
        (file,) = (each for each in given if isinstance(each, KeyFile))
        seen.append(file.has_changed())
        return 0

    monkeypatch.setattr(key_options, "given_keys", read_and_replace)
    monkeypatch.setattr(command, "_run", looked)
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    options = parser.parse_args(["node", "--json", "--listen", "127.0.0.1:0", "--key-file", str(path)])
    assert command.run(options) == 0
    assert seen == [True]
