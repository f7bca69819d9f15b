"""The pytest plugin, in a pytest of its own, as a user's project has it."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import flocktime
from tests.support import environment

pytestmark = pytest.mark.processes

SUITE = """
import sys

def test_fixtures(manual_clock, manual_source):
    first = manual_clock.now()
    manual_source.advance(1_000)
    assert (manual_clock.now() - first).microseconds == 1_000
    assert "hypothesis" not in sys.modules

def test_failing(manual_clock):
    assert manual_clock.last is not None
"""


def test_a_project_gets_the_fixtures(tmp_path: Path) -> None:
    """With the plugin loaded, a project's tests have the fixtures, pass and fail as they should, and list them."""
    (tmp_path / "test_project.py").write_text(SUITE, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "flocktime.testing.plugin",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ".",
    ]
    finished = subprocess.run(
        [*command, "--fixtures", "-q"],
        cwd=tmp_path,
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    for name, says in (("manual_source", "stands at 2026-01-01"), ("manual_clock", "of node 1, named after the test")):
        assert name in finished.stdout
        assert says in finished.stdout
    finished = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 1 passed" in finished.stdout, finished.stdout + finished.stderr


def test_it_is_an_entry_point() -> None:
    """An installed flocktime announces the plugin to pytest by itself."""
    try:
        installed = metadata.distribution("flocktime")
    except metadata.PackageNotFoundError:
        pytest.skip("flocktime runs from the source tree")
    if Path(str(installed.locate_file("flocktime/__init__.py"))).resolve() != Path(flocktime.__file__).resolve():
        pytest.skip("flocktime runs from the source tree")
    points = [point for point in installed.entry_points if point.group == "pytest11"]
    assert [(point.name, point.value) for point in points] == [("flocktime", "flocktime.testing.plugin")]
