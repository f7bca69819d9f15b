"""What ``import flocktime`` brings along, in an interpreter of its own. How long it takes, ``benches`` measure."""

from __future__ import annotations

import subprocess
import sys

import pytest

import flocktime
from tests.support import environment

pytestmark = pytest.mark.processes

#: Each costs more to import than flocktime itself, or has no business in a clock.
HEAVY = {
    "argparse", "asyncio", "ast", "concurrent", "ctypes", "dataclasses", "decimal", "email", "hashlib", "http",
    "importlib.metadata", "inspect", "json", "logging", "multiprocessing", "pathlib", "platform", "random", "secrets",
    "socket", "ssl", "subprocess", "tempfile", "tomllib", "traceback", "unittest", "urllib", "uuid", "zoneinfo",
}  # fmt: skip
COMMANDS = ("demo", "replay", "bench", "inspect")


def _run(code: str, **changes: str) -> str:
    """What a fresh interpreter prints, with the paths of this one and nothing that ``site`` loads at its start."""
    finished = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=environment(**changes),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def _loaded(statement: str) -> set[str]:
    """The modules that a statement loads."""
    code = f"import sys; before = set(sys.modules); {statement}; after = set(sys.modules) - before; print(*after)"
    return set(_run(code).split())


def _foreign(modules: set[str]) -> set[str]:
    return {each for each in modules if each.partition(".")[0] not in sys.stdlib_module_names | {"flocktime"}}


def test_import_is_light() -> None:
    """Nothing beyond the standard library, and of that nothing heavy: not even while the first timestamps are issued."""
    use = "import flocktime; c = flocktime.Clock(); c.update(c.now()); str(c.last); c.stats()"
    for statement in ("import flocktime", use):
        loaded = _loaded(statement)
        assert "flocktime.clock" in loaded
        assert _foreign(loaded) == set()
        assert loaded & HEAVY == set()
        assert len(loaded) < 80, sorted(loaded)


def test_event_buffers_are_light() -> None:
    """They are loaded when they are asked for, and bring nothing heavy then, nor when they are used by threads."""
    assert not {each for each in _loaded("import flocktime") if each.startswith("flocktime.events")}
    use = "from flocktime import EventBuffer; b = EventBuffer(5); b.push(1); b.push_many([2]); b.pop(); b.drain(); b.stats()"
    for statement in ("import flocktime; flocktime.EventBuffer", use):
        loaded = _loaded(statement)
        assert "flocktime.events.buffer" in loaded
        assert _foreign(loaded) == set()
        assert loaded & HEAVY == set()
        assert len(loaded) < 90, sorted(loaded)


def test_import_brings_one_backend() -> None:
    """The other backend is not loaded, and neither are the folders that the user did not ask for."""
    loaded = _loaded("import flocktime")
    assert ("flocktime._fallback" in loaded) == (flocktime.BACKEND == "pure")
    assert ("flocktime._core" in loaded) == (flocktime.BACKEND == "compiled")
    assert not {
        each for each in loaded if each.startswith(("flocktime.testing", "flocktime.cli", "flocktime.integrations"))
    }


def test_the_environment_chooses_the_backend() -> None:
    """``FLOCKTIME_PURE=1`` gives the fallback wherever it is set, and only this value does."""
    assert _run("import flocktime; print(flocktime.BACKEND)", FLOCKTIME_PURE="1").strip() == "pure"
    usual = _run("import flocktime; print(flocktime.BACKEND)", FLOCKTIME_PURE="0").strip()
    assert usual == _run("import flocktime; print(flocktime.BACKEND)", FLOCKTIME_PURE="").strip()


def test_a_broken_core_is_an_error() -> None:
    """A compiled module that is there and does not load raises: nobody becomes six times slower without a word."""
    code = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "flocktime._core":
            raise ImportError("undefined symbol", name=name)
sys.meta_path.insert(0, Finder())
try:
    import flocktime
except ImportError as error:
    print(type(error).__name__, error)
"""
    assert _run(code, FLOCKTIME_PURE="0").strip() == "ImportError undefined symbol"


def test_a_missing_core_is_the_fallback() -> None:
    """Where the compiled module was not built, the fallback is taken."""
    code = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "flocktime._core":
            raise ModuleNotFoundError("not built", name=name)
sys.meta_path.insert(0, Finder())
import flocktime
print(flocktime.BACKEND)
"""
    assert _run(code, FLOCKTIME_PURE="0").strip() == "pure"


def test_the_plugin_is_light() -> None:
    """pytest loads the plugin at every start: it brings no hypothesis and nothing heavy of its own."""
    loaded = _loaded("import pytest; before = set(sys.modules); import flocktime.testing.plugin")
    assert {each.partition(".")[0] for each in _foreign(loaded)} == set()
    assert "flocktime.testing.strategies" not in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_needs_no_extra(command: str) -> None:
    """``flocktime --help``, and that of every command, works where nothing but flocktime is installed."""
    code = f"""
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names | {{"flocktime"}}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Finder())
from flocktime.cli.main import main
try:
    main([*{command.split()!r}, "--help"])
except SystemExit as end:
    sys.exit(end.code)
"""
    assert _run(code).startswith("usage: flocktime")
