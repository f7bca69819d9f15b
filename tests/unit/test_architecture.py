"""The floors of the house: who may import whom, how long a file may be, and what every file begins with."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import flocktime
from tests.support import ROOT

PACKAGE = Path(flocktime.__file__).parent
TESTS = ROOT / "tests"
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 400

#: The floors from above, as ARCHITECTURE.md draws them. A module belongs to the longest name that begins its own.
FLOORS = [
    ["flocktime.cli", "flocktime.__main__"],
    ["flocktime.integrations"],
    ["flocktime"],  # the table of contents
    ["flocktime.flock", "flocktime.events", "flocktime.simulation"],
    ["flocktime.clock"],
    ["flocktime._backend"],
    ["flocktime._core", "flocktime._fallback"],
    [
        "flocktime.errors",
        "flocktime.buffer_errors",
        "flocktime.page_errors",
        "flocktime.intervals",
        "flocktime._commit_wait",
        "flocktime._paths",
        "flocktime.stats",
    ],
]
#: Beside the house: it uses the clock and the simulation, and nobody uses it.
TESTING = "flocktime.testing"
#: Extras, each imported by the commands or the folder that it is for, and by nobody else.
EXTRAS = {"flocktime.testing.strategies": {"hypothesis"}, "flocktime.testing.plugin": {"pytest"}}


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _imports(path: Path) -> set[str]:
    """Every module that a file imports when it runs, at its top or later."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if _is_for_types(node):
            for child in node.orelse:  # type: ignore[attr-defined]
                visit(child)
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively: names say more"
            module = node.module or ""
            found.add(module)
            for alias in node.names:
                if (PACKAGE.parent / module.replace(".", "/") / f"{alias.name}.py").exists():
                    found.add(f"{module}.{alias.name}")
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


IMPORTS = {_name(path): _imports(path) for path in FILES}


def _floor(module: str) -> int | None:
    """The number of a module's floor from above; ``None`` for what belongs to no floor."""
    best: tuple[int, int] | None = None
    for number, names in enumerate(FLOORS):
        for name in names:
            fits = module == name or (name != "flocktime" and module.startswith(f"{name}."))
            if fits and (best is None or len(name) > best[0]):
                best = (len(name), number)
    return None if best is None else best[1]


def test_every_module_has_a_floor() -> None:
    """A new module is placed in the house on purpose."""
    homeless = [name for name in IMPORTS if _floor(name) is None and not name.startswith(TESTING)]
    assert homeless == []


@pytest.mark.parametrize("name", IMPORTS)
def test_floors_use_only_what_lies_below(name: str) -> None:
    """A module imports from its own floor and from those below it, also inside functions; ``testing`` uses the clock."""
    own = _floor(name) if not name.startswith(TESTING) else _floor("flocktime.simulation")
    assert own is not None
    for imported in IMPORTS[name]:
        if not imported.startswith("flocktime") or imported.startswith(TESTING):
            continue
        floor = _floor(imported)
        assert floor is not None, f"{name} imports {imported}"
        assert floor >= own or imported == "flocktime", f"{name} imports {imported}, a floor above its own"
        if imported == "flocktime":
            assert own <= _floor("flocktime") or name.startswith(TESTING), f"{name} imports the package from below"  # type: ignore[operator]


def test_one_file_knows_both_backends() -> None:
    """Only ``_backend`` imports the compiled core or the fallback, but for the fallback's own modules."""
    for name, imports in IMPORTS.items():
        knows = {each for each in imports if each.startswith(("flocktime._core", "flocktime._fallback"))}
        if not name.startswith("flocktime._fallback") and name != "flocktime._backend":
            assert not knows, f"{name} imports {sorted(knows)}"
    assert {"flocktime._core", "flocktime._fallback"} <= IMPORTS["flocktime._backend"]


def test_nothing_imports_testing() -> None:
    """What is for tests is imported by tests, and by itself."""
    for name, imports in IMPORTS.items():
        if not name.startswith(TESTING):
            assert not any(each.startswith(TESTING) for each in imports), name


@pytest.mark.parametrize("name", [name for name in IMPORTS if not name.startswith("flocktime.cli")])
def test_the_library_needs_python_alone(name: str) -> None:
    """Outside of the commands nothing beyond the standard library is imported, but for what a folder is named after."""
    foreign = {
        each.partition(".")[0]
        for each in IMPORTS[name]
        if each.partition(".")[0] not in sys.stdlib_module_names and not each.startswith("flocktime")
    }
    assert foreign <= EXTRAS.get(name, set())


@pytest.mark.parametrize("path", [*FILES, *sorted(TESTS.rglob("*.py"))], ids=lambda path: path.name)
def test_files_stay_short(path: Path) -> None:
    """A file has one reason to exist, and fits into a head: 400 lines at the most."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", [*FILES, *sorted(TESTS.rglob("*.py"))], ids=lambda path: path.name)
def test_files_say_what_they_are_for(path: Path) -> None:
    """Each begins with a sentence; an empty ``__init__`` needs none."""
    text = path.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), f"{path.name} says nothing"


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: path.name)
def test_tests_state_their_property(path: Path) -> None:
    """Each test says in a docstring what must hold, and none of them waits for time to pass."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name} states no property"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "time.sleep",
            "sleep",
            "asyncio.sleep",
            "anyio.sleep",
        ):
            assert [ast.unparse(each) for each in node.args] == ["0"], f"{path.name} sleeps in line {node.lineno}"
