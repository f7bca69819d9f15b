"""Pages are the compiled core's: on the other backend every test in this folder is skipped, and says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import flocktime

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
