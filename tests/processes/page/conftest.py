"""Pages are the compiled core's: on the other backend every test in this folder is skipped, and says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import flocktime
from tests.cli.node_processes import node
from tests.unit.flocks import flocks

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.processes)
            if flocktime.BACKEND == "pure":
                item.add_marker(pytest.mark.skip(reason="host pages need the compiled core"))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Where a page may be made."""
    return tmp_path / "page"


@pytest.fixture
def member(page: Path) -> Iterator[str]:
    """The host's one flock member, a ``flocktime node`` that is synchronised and says so on the page: its process's number."""
    with flocks(2) as members:
        peers = [argument for each in members for argument in ("--peer", str(each.address))]
        with node(*peers, "--page", str(page), "--anchor", "never") as standing:
            standing.wait_state("synchronised")
            yield str(standing.process.pid)
