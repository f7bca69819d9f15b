"""What each package holds, found out live: ``python -m benches.comparison.facts`` from the top of the repository.

Each experiment runs in a process of its own: a clock once driven into the future, or a wall clock once moved, must not
tell the next one anything. Exit code 1 if flocktime itself fails one, 2 if nothing could be run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.comparison import wall
from benches.comparison.checks import CHECKS
from benches.comparison.contestants import CONTESTANTS, NotOffered
from benches.yardstick.build import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence

TOP = Path(__file__).resolve().parents[2]
#: No experiment takes more than a few seconds; one that does hangs.
LONGEST_S = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every experiment on every package that is installed."""
    parser = argparse.ArgumentParser(prog="python -m benches.comparison.facts", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument("--inside", nargs=2, metavar=("PACKAGE", "CHECK"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.inside:
        print(json.dumps(_inside(*options.inside)))
        return 0
    versions = {name: version for name in CONTESTANTS if (version := _version(name)) is not None}
    if "flocktime" not in versions:
        print("flocktime is not installed in this environment", file=sys.stderr)
        return 2
    facts = _all_facts(list(versions))
    if options.json:
        print(json.dumps({"versions": versions, "facts": facts}, indent=2))
    else:
        _print(versions, facts)
    return 1 if any(answers["flocktime"]["answer"] == "no" for answers in facts.values()) else 0


def _version(name: str) -> str | None:
    if name == "flocktime":  # the one that is imported, be it from a source tree
        import flocktime

        return f"{flocktime.__version__} ({flocktime.BACKEND})"
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _all_facts(packages: Sequence[str]) -> dict[str, dict[str, dict[str, str]]]:
    with tempfile.TemporaryDirectory(prefix="wall-") as directory:
        try:
            library = wall.build(Path(__file__).with_name("wall_step.c"), Path(directory))
            movable, why_not = wall.preloaded(library), None
        except BuildError as reason:
            movable, why_not = {}, str(reason)
        return {
            key: {
                package: _answer("not tested", why_not)
                if check.moves_wall and why_not is not None
                else _outside(package, key, movable if check.moves_wall else dict(os.environ))
                for package in packages
            }
            for key, check in CHECKS.items()
        }


def _outside(package: str, key: str, environment: dict[str, str]) -> dict[str, str]:
    """One experiment in a new process; how that ends badly is an answer too."""
    command = [sys.executable, "-m", "benches.comparison.facts", "--inside", package, key]
    try:
        done = subprocess.run(
            command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _answer("no", f"did not finish within {LONGEST_S} s")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        return _answer("no", f"the process ended with {done.returncode}: {last}")
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def _inside(package: str, key: str) -> dict[str, str]:
    check = CHECKS[key]
    if check.moves_wall and not wall.is_movable():
        return _answer("not tested", "the wall clock cannot be moved here")
    try:
        answer = check.run(CONTESTANTS[package])
    except NotOffered as instead:
        return _answer("n/a", str(instead))
    except Exception as failure:  # the package's own, whatever it is: that is what its user would meet
        return _answer("no", f"raises {type(failure).__name__}: {failure}")
    return _answer("yes" if answer.holds else "no", answer.detail)


def _answer(word: str, detail: str | None) -> dict[str, str]:
    return {"answer": word, "detail": detail or ""}


def _print(versions: dict[str, str], facts: dict[str, dict[str, dict[str, Any]]]) -> None:
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    for key, answers in facts.items():
        print(f"\n{CHECKS[key].question}")
        for package, fact in answers.items():
            print(f"  {package:16} {fact['answer']:10} {fact['detail']}")


if __name__ == "__main__":
    sys.exit(main())
