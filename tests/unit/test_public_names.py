"""What each module offers, and that it offers nothing else."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

import flocktime

PACKAGE = Path(flocktime.__file__).parent
OPTIONAL = {"flocktime.integrations.httpx": "httpx", "flocktime.testing.strategies": "hypothesis"}


def _modules() -> list[str]:
    """Every public module but the commands, which users type and do not import."""
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return [
        name for name in names if "._" not in name and not name.startswith("flocktime.cli") and "__main__" not in name
    ]


@pytest.mark.parametrize("name", _modules())
def test_all_is_complete_and_true(name: str) -> None:
    """Every public module has an ``__all__``; all in it exists, and what is public and made here is in it."""
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    module = importlib.import_module(name)
    if name == "flocktime.integrations":
        return  # a folder: its modules are imported one by one
    exported = module.__all__
    assert len(set(exported)) == len(exported)
    for each in exported:
        assert hasattr(module, each), f"{name}.{each} does not exist"
    made_here = {
        each
        for each, value in vars(module).items()
        if not each.startswith("_") and getattr(value, "__module__", None) == name and callable(value)
    }
    assert made_here <= set(exported), f"{name} forgets {sorted(made_here - set(exported))}"


def test_the_package_offers_what_it_always_did() -> None:
    """The names that users import from ``flocktime`` itself are a promise."""
    assert set(flocktime.__all__) == {
        "BACKEND", "Clock", "ClockBoundError", "ClockError", "ClockStats", "DriftError", "EpochError", "EventBuffer", "Flock",
        "ForkedClock", "Interval", "InvalidTimestamp", "LeaseExpired", "NodeCollision", "NotReady", "PageError", "PageStatus",
        "SourceError", "TimeUnknown", "Timestamp", "WaitTimeout", "__version__",
    }  # fmt: skip


def test_the_version_is_one() -> None:
    """A version of numbers, which the metadata of the installed package repeats."""
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", flocktime.__version__)
    try:
        installed = metadata.distribution("flocktime")
    except metadata.PackageNotFoundError:
        return  # run from the source tree
    if Path(str(installed.locate_file("flocktime/__init__.py"))) == Path(flocktime.__file__):
        assert installed.version == flocktime.__version__


def test_the_backend_is_what_was_asked_for() -> None:
    """``FLOCKTIME_PURE=1`` gives the pure one; else the compiled one, where it was built."""
    core_is_there = importlib.util.find_spec("flocktime._core") is not None
    expected = "compiled" if core_is_there and os.environ.get("FLOCKTIME_PURE") != "1" else "pure"
    assert expected == flocktime.BACKEND
    implementation = "flocktime._core" if expected == "compiled" else "flocktime._fallback"
    assert sys.modules[implementation].Clock is flocktime.Clock


def test_stubs_and_fallback_offer_the_same() -> None:
    """The stubs of the compiled core name what the fallback has, a flock's source, which a member gives, and the simulator."""
    stubs, fallback = (_all_of(PACKAGE / path) for path in ("_core.pyi", "_fallback/__init__.py"))
    assert fallback == [
        "Clock",
        "EventBuffer",
        "FlockMember",
        "GossipMachine",
        "ManualSource",
        "SkewedSource",
        "Timestamp",
    ]
    assert set(stubs) == {*fallback, "FlockSource", "simulate"}


def _all_of(path: Path) -> list[str]:
    """The ``__all__`` of a module, read without importing it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    raise AssertionError(f"{path} has no __all__")
