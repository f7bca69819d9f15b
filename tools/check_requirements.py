"""Print what ./check installs: every extra of the package, and the group of tools that only the checks need."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())
wanted = {need for extra in project["project"]["optional-dependencies"].values() for need in extra}
print("\n".join(sorted(wanted | set(project["dependency-groups"]["check"]))))
