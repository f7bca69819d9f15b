"""Servers that run many processes, all of them on one page and beside one flock member: the recipes in ``docs/host-page.md``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benches.host_page.serving import ask, gunicorn, served, uvicorn

from flocktime import Clock
from tests.processes.page.judged import one_clock
from tests.support import ROOT, environment

REQUESTS = 600
PATIENCE_S = 60


@pytest.mark.parametrize("preload", [True, False], ids=["preloaded", "each for itself"])
def test_gunicorn(preload: bool, page: Path, member: str) -> None:
    """Four workers, whose clock is their master's or one that each has opened: no stamp twice, none back, one node; each of them
    follows the host's member."""
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    _holds(gunicorn(preload=preload), "application", page, member)


def test_uvicorn(page: Path, member: str) -> None:
    """Workers that are started anew and open the page where they import the application: the same."""
    pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    _holds(uvicorn(workers=3), "asgi", page, member)


def _holds(command: list[str], name: str, page: Path, member: str) -> None:
    before = Clock.open(page).now()
    with served([*command[:-1], f"tests.processes.page.app:{name}"], page) as address:
        answers = ask(address, REQUESTS, workers=2)
    clock = Clock.open(page)
    after = clock.now()
    assert len(answers.stamps) >= REQUESTS
    assert len(answers.workers) > 1, "one worker answered everybody"
    assert {worker.decode().partition(":")[2] for worker in answers.workers} == {member}
    assert answers.back == 0
    assert before.to_bytes() < min(answers.stamps) <= max(answers.stamps) < after.to_bytes()
    one_clock([sorted(answers.stamps)], clock.node)


def test_celery(page: Path, member: str, tmp_path: Path) -> None:
    """Tasks in Celery's prefork pool, whose processes inherit the clock of the worker, and the process that sends them: one
    clock, which follows the host's member."""
    pytest.importorskip("celery", reason="celery is not installed")
    settings = {"HOST_PAGE": str(page), "CELERY_FOLDER": str(tmp_path)}
    script = [sys.executable, "-P", "-m", "tests.processes.page.celery_client"]
    worker = [
        sys.executable, "-P", "-m", "celery", "--quiet", "--app", "tests.processes.page.celery_app",
        "worker", "--pool", "prefork", "--concurrency", "3", "--loglevel", "error",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip
    pool = subprocess.Popen(worker, cwd=ROOT, env=environment(**settings))
    try:
        done = subprocess.run(
            script,
            cwd=ROOT,
            env=environment(**settings),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    finally:
        pool.terminate()
        pool.wait(PATIENCE_S)
    by_process: dict[str, dict[int, list[bytes]]] = {}
    own: list[bytes] = []
    for line in done.stdout.splitlines():
        sent, got, sender_follows, follows, pid, number, *stamps = line.split()
        assert (sender_follows, follows) == (member, member)
        issued = [bytes.fromhex(stamp) for stamp in stamps]
        assert bytes.fromhex(sent) < issued[0], "a task stamped below what sent it"
        assert issued[-1] < bytes.fromhex(got), "its sender stamped below what it got"
        by_process.setdefault(pid, {})[int(number)] = issued
        own += [bytes.fromhex(sent), bytes.fromhex(got)]
    assert len(by_process) > 1, "one process did everything"
    in_order = [[stamp for number in sorted(done) for stamp in done[number]] for done in by_process.values()]
    one_clock([sorted(own), *in_order], Clock.open(page).node)
