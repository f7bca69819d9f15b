"""Break the event buffer one line at a time, in a copy of the tree, and see that its models notice.

Usage: python tools/mutants.py [WORD ...]. With words, only the mutants whose name has one of them.
"""

import os
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# With build products of its own: cargo would take a source that is older than they are for the one that they were made of.
COPY = ROOT / "target" / "mutants"
SOURCES = COPY / "rust" / "core" / "src"
# A mutant may send a model round in circles: then it is given up, and has survived.
LIMITS = {"LOOM_MAX_DURATION": "120", "LOOM_CHECKPOINT_INTERVAL": "1000"}


@dataclass(frozen=True)
class Mutant:
    name: str
    model: str
    says: str
    edits: list[tuple[str, str, str]]

    def apply(self) -> None:
        for file, old, new in self.edits:
            path = SOURCES / file
            text = path.read_text()
            if text.count(old) != 1:
                sys.exit(f"{self.name}: {file} has {text.count(old)} places with {old!r}")
            path.write_text(text.replace(old, new))

    def revert(self) -> None:
        for file, _, _ in self.edits:
            # As new, so that it is built again.
            (SOURCES / file).write_text((ROOT / "rust" / "core" / "src" / file).read_text())


def copy_tree() -> None:
    """What cargo needs of the workspace, dated now. Its settings it finds further up."""
    for name in ("rust", "benches/rust"):
        shutil.rmtree(COPY / name, ignore_errors=True)
        shutil.copytree(ROOT / name, COPY / name, copy_function=shutil.copyfile)
    for name in ("Cargo.toml", "Cargo.lock", "README.md"):
        shutil.copyfile(ROOT / name, COPY / name)


def run(*arguments: str) -> tuple[int, str]:
    """The models' exit code, and everything that was said."""
    command = [
        *("cargo", "--config", "target.'cfg(all())'.rustflags=['--cfg=loom']"),
        *("--config", "profile.test.package.'*'.opt-level=2"),
        *("test", "--locked", "--package", "flocktime-core", "--test", "buffer_loom", *arguments),
    ]
    environment = os.environ | LIMITS | {"CARGO_TARGET_DIR": str(COPY / "target"), "RUST_BACKTRACE": "0"}
    said = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=COPY, env=environment, check=False, **said)
    return done.returncode, done.stdout


def build() -> None:
    code, said = run("--quiet", "--no-run")
    if code != 0:
        sys.exit(f"it does not compile:\n{said}")


def is_caught(mutant: Mutant) -> bool:
    mutant.apply()
    try:
        build()
        start = time.monotonic()
        code, said = run("--", "--exact", mutant.model)
    finally:
        mutant.revert()
    if "running 1 test" not in said:
        sys.exit(f"{mutant.name}: there is no model {mutant.model}")
    caught = code != 0 and mutant.says in said
    verdict = "caught" if caught else "SURVIVED" if code == 0 else f"something else than {mutant.says!r} was said"
    print(f"{mutant.name}: {verdict} by {mutant.model}, {time.monotonic() - start:.1f} s", flush=True)
    if not caught:
        print(said)
    return caught


def main(words: list[str]) -> None:
    table = tomllib.loads((ROOT / "tools" / "mutants.toml").read_text())
    every = [Mutant(**{**entry, "edits": [tuple(edit) for edit in entry["edits"]]}) for entry in table["mutant"]]
    mutants = [mutant for mutant in every if not words or any(word in mutant.name for word in words)]
    copy_tree()
    build()
    for model in sorted({mutant.model for mutant in mutants}):
        code, said = run("--", "--exact", model)
        if code != 0:
            sys.exit(f"{model} fails as it is:\n{said}")
    caught = [is_caught(mutant) for mutant in mutants]
    print(f"{sum(caught)} of {len(caught)} mutants caught")
    if not all(caught) or not caught:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
