"""The vectors themselves: as generated, flat, and enough."""

from __future__ import annotations

import pytest

from tests.support import VECTORS, vectors
from tests.vectors import generate

NAMES = sorted(generate.every_file())


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_what_the_generator_writes(name: str) -> None:
    """A file was neither edited by hand nor left behind when the generator changed."""
    assert (VECTORS / name).read_text(encoding="ascii") == generate.every_file()[name]


def test_no_file_is_forgotten() -> None:
    """Every file there is generated, and described in the README."""
    assert sorted(path.name for path in VECTORS.glob("*.json")) == NAMES
    readme = (VECTORS / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"## `{name}`" in readme


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_flat_and_textual(name: str) -> None:
    """Every value is a string or null, so that no reader loses a bit; every key is in the README."""
    readme = (VECTORS / "README.md").read_text(encoding="utf-8")
    rows = vectors(name)
    assert len(rows) >= 29
    for row in rows:
        assert all(value is None or isinstance(value, str) for value in row.values())
    for key in {key for row in rows for key in row}:
        assert f"`{key}`" in readme, f"{key} is not described"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "ordering.json"])
def test_rows_have_names_of_their_own(name: str) -> None:
    """A failing row can be found by its name."""
    names = [row["name"] for row in vectors(name)]
    assert len(set(names)) == len(names)


def test_merge_rows_reach_every_outcome() -> None:
    """Each rule, refusal, policy, counter and gate comes up in some row, in the named ones already."""
    rows = [row for row in vectors("merge.json") if not row["name"].startswith("random")]
    assert {row["rule"] for row in rows} == {"tick", "receive", "advance_epoch", "reset"}
    assert {row["error"] for row in rows} == {None, "drift", "epoch", "collision"}
    assert {row["why"] for row in rows if "why" in row} == {"jump", "too soon", "top"}
    assert {row["counted"] for row in rows if "counted" in row} == {
        None, "adopted_beyond_limit", "ignored", "clamped", "collisions_adopted"
    }  # fmt: skip
    received = [row for row in rows if row["rule"] == "receive"]
    assert {row["gate"] for row in received} == {"open", "step", "shut"}
    assert {row["on_drift"] for row in received} == {"reject", "adopt", "ignore", "clamp"}
