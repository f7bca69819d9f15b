"""Every example in the documents runs, as it is printed.

Blocks of one document share a namespace, in order. ``python`` runs; with prompts (``>>>``) its output is compared as well;
``python test`` goes through pytest as a file of its own; ``python skip`` is for what cannot run alone, ``python compiled`` for
what the pure backend refuses. Of ``console`` blocks only the commands that begin with ``$ flocktime`` run, with their output
compared. Other languages do not run.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import flocktime
from tests.support import ROOT, environment

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)(?: +(?P<mode>\w+))? *$")
MODES = {None, "test", "skip", "compiled"}
DOCUMENTS = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]


@dataclass(frozen=True)
class Block:
    """One fenced block: where its first line stands, what it is and what is in it."""

    path: Path
    line: int
    language: str
    mode: str | None
    code: str


def blocks(path: Path, text: str) -> list[Block]:
    """The fenced blocks of a document."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    start, inside = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened, start, inside = fence, number + 1, []
        elif opened is not None and fence and not fence["language"]:
            code = "\n".join(each.removeprefix(opened["indent"]) for each in inside) + "\n"
            found.append(Block(path, start, opened["language"], opened["mode"], code))
            opened = None
        elif opened is not None:
            inside.append(line)
    assert opened is None, f"{path.name}: the block of line {start - 1} does not end"
    return found


def run(block: Block, namespace: dict[str, Any], folder: Path) -> None:
    """Run one block in the namespace of its document."""
    where = f"{block.path.name}, line {block.line}"
    assert block.mode in MODES, f"{where}: unknown mode {block.mode}"
    if block.mode == "test":
        _run_as_tests(block, folder)
    elif ">>> " in block.code:
        examples = doctest.DocTestParser().get_doctest(block.code, namespace, where, str(block.path), block.line - 1)
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
        runner.run(examples, out=report.append, clear_globs=False)
        namespace.update(examples.globs)
        assert runner.failures == 0, f"{where}:\n{''.join(report)}"
    else:
        # Blank lines in front: what goes wrong is reported with the line of the document.
        exec(compile("\n" * (block.line - 1) + block.code, str(block.path), "exec"), namespace)


def run_commands(block: Block, folder: Path) -> None:
    """Run the commands of a console block in the document's folder, as the shell would; what they print must be there."""
    tools = folder / ".bin"
    tools.mkdir(exist_ok=True)
    command = tools / "flocktime"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flocktime "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    search = os.pathsep.join([str(tools), os.environ.get("PATH", "")])
    for printed in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
        line, _, expected = printed.partition("\n")
        finished = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=folder,
            env=environment(PATH=search, COLUMNS="160", NO_COLOR="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert _trimmed(finished.stdout) == _trimmed(expected), f"{block.path.name}, line {block.line}: {line}"


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _run_as_tests(block: Block, folder: Path) -> None:
    file = folder / f"test_line_{block.line}.py"
    file.write_text(block.code, encoding="utf-8")
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "flocktime.testing.plugin",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            ".",
            file.name,
        ],
        cwd=folder,
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, f"{block.path.name}, line {block.line}:\n{finished.stdout}{finished.stderr}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block of the document does what it says, after those before it, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__document__"}
    for block in blocks(path, path.read_text(encoding="utf-8")):
        if block.mode == "compiled" and flocktime.BACKEND == "pure":
            continue
        if block.language in ("python", "py", "pycon") and block.mode != "skip":
            run(block, namespace, tmp_path)
        elif block.language == "console" and block.code.startswith("$ flocktime "):
            run_commands(block, tmp_path)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """A link to another file of the project leads to one that exists."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_this_very_runner_can_fail(tmp_path: Path) -> None:
    """A wrong assertion, a wrong output, a failing test and an unclosed block are each noticed."""
    document = tmp_path / "document.md"
    wrong = {
        "```python\nassert 1 == 2\n```": AssertionError,
        "```python\n>>> 1 + 1\n3\n```": AssertionError,
        "```python test\ndef test_it():\n    assert False\n```": AssertionError,
        "```python tset\npass\n```": AssertionError,
        "```python\nraise LookupError\n```": LookupError,
        "```python\npass\n": AssertionError,
    }
    for text, error in wrong.items():
        with pytest.raises(error):
            for block in blocks(document, text):
                run(block, {}, tmp_path)


def test_commands_are_compared(tmp_path: Path) -> None:
    """A command that prints something else than the document shows is noticed; one that prints it is not."""
    right = "```console\n$ flocktime --version > version.txt\n$ cat version.txt | wc -l\n1\n```"
    for text, fine in ((right, True), (right.replace("\n1\n", "\n2\n"), False)):
        (block,) = blocks(tmp_path / "document.md", text)
        if fine:
            run_commands(block, tmp_path)
        else:
            with pytest.raises(AssertionError, match="wc -l"):
                run_commands(block, tmp_path)


def test_blocks_share_a_namespace(tmp_path: Path) -> None:
    """Later blocks see what earlier ones made, with prompts and without, indented or not."""
    indented = "* item\n  ```python\n  >>> b = a + 1\n  >>> b\n  2\n  ```"
    text = f"```python\na = 1\n```\n{indented}\n```python\nassert a + b == 3\n```\n```sh\nfalse\n```"
    namespace: dict[str, Any] = {}
    found = blocks(tmp_path / "document.md", text)
    for block in found[:3]:
        run(block, namespace, tmp_path)
    assert namespace["b"] == 2
    assert [block.language for block in found] == ["python", "python", "python", "sh"]
