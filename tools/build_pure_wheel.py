"""Build ``flocktime-VERSION-py3-none-any.whl``: the same package without its compiled core, for platforms without Rust.

    python tools/build_pure_wheel.py DIRECTORY

The wheel behaves the same and is slower. Needs nothing but pip, which fetches the build backend.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent

BACKEND = """
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["python/flocktime"]
"""


def main(directory: Path) -> None:
    version = match_one(r'(?m)^version = "(.+)"$', (ROOT / "Cargo.toml").read_text())
    project = match_one(r"(?ms)^(\[project\].*?)^\[tool\.", (ROOT / "pyproject.toml").read_text())
    with TemporaryDirectory() as temporary:
        tree = Path(temporary)
        left_out = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")  # the stub stays: type checkers read it
        shutil.copytree(ROOT / "python", tree / "python", ignore=left_out)
        for name in ("README.md", "LICENSE"):
            shutil.copy(ROOT / name, tree)
        static = project.replace('dynamic = ["version"]', f'version = "{version}"')
        (tree / "pyproject.toml").write_text(static + BACKEND)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", directory.resolve(), tree], check=True)
    print(next(directory.glob("flocktime-*-py3-none-any.whl")))


def match_one(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        sys.exit(f"nothing matches {pattern}")
    return found[1]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
