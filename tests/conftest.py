"""Options, markers and what every test may use. The backend is the one that the environment chose, for the whole run."""

from __future__ import annotations

import os
import signal
from random import Random

import pytest
from hypothesis import HealthCheck, settings

import flocktime

PLUGIN = "flocktime.testing.plugin"

#: The seed of everything drawn with ``rng``; ``--seed`` sets another one.
DEFAULT_SEED = 20260101


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("flocktime")
    group.addoption(
        "--campaign", action="store_true", help="run the long versions: millions of calls, fresh randomness"
    )
    group.addoption("--seed", type=int, default=None, help=f"seed of the random tests (default {DEFAULT_SEED})")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "processes: starts processes or threads of its own")
    campaign = config.getoption("--campaign")
    common = settings(deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("short", common, max_examples=60, derandomize=True)
    settings.register_profile("campaign", common, max_examples=2_000)
    settings.load_profile("campaign" if campaign else "short")
    # A shell starts what runs in its background deaf to Ctrl-C, and children would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Installed, pytest finds the plugin by its entry point; run from the source tree, it is loaded here.
    plugins = config.pluginmanager
    if not plugins.hasplugin("flocktime") and not plugins.hasplugin(PLUGIN):
        plugins.import_plugin(PLUGIN)


def pytest_report_header(config: pytest.Config) -> str:
    return f"flocktime: {flocktime.BACKEND} backend, seed {_seed(config)}, process {os.getpid()}"


def _seed(config: pytest.Config) -> int:
    given = config.getoption("--seed")
    if given is not None:
        return int(given)
    return int.from_bytes(os.urandom(4), "big") if config.getoption("--campaign") else DEFAULT_SEED


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run. Random under ``--campaign``, else always the same."""
    return _seed(pytestconfig)


@pytest.fixture
def rng(seed: int) -> Random:
    """Randomness that can be had again: the seed is among the captured output of a test that fails."""
    print(f"seed {seed}: run again with --seed {seed}")
    return Random(seed)


@pytest.fixture(scope="session")
def campaign(pytestconfig: pytest.Config) -> bool:
    """True for the long versions."""
    return bool(pytestconfig.getoption("--campaign"))
