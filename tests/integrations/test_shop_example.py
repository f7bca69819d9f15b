"""The example shop, as its README starts it: processes of their own, and ``sort`` merges what they wrote."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.processes

SHOP = Path(__file__).parents[2] / "examples" / "shop"


def start(app: str, listener: socket.socket, log: Path, **environment: str) -> subprocess.Popen[str]:
    """One service on a socket that is already open: whoever connects early waits, nobody has to look for its start."""
    return subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--fd", str(listener.fileno()), f"{app}:app"],
        cwd=SHOP,
        env={**os.environ, "LOG": str(log), **environment},
        pass_fds=[listener.fileno()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def listening() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


@pytest.mark.skipif(not SHOP.is_dir(), reason="the examples are not here")
@pytest.mark.parametrize(("orders_offset", "stock_offset"), [("0.1", "-0.3"), ("-0.2", "0.2")])
def test_sorting_the_logs_is_causal_order(tmp_path: Path, orders_offset: str, stock_offset: str) -> None:
    """Whichever clock is ahead, each order's five events come out in the order in which they happened."""
    orders_log, stock_log = tmp_path / "orders.log", tmp_path / "stock.log"
    with listening() as stock, listening() as orders:
        stock_url = f"http://127.0.0.1:{stock.getsockname()[1]}"
        services = [
            start("stock", stock, stock_log, CLOCK_OFFSET=stock_offset),
            start("orders", orders, orders_log, CLOCK_OFFSET=orders_offset, STOCK_URL=stock_url),
        ]
        try:
            for _ in range(3):
                url = f"http://127.0.0.1:{orders.getsockname()[1]}/"
                answer = httpx.post(url, content="three\nlamps", timeout=60, trust_env=False)
                assert (answer.status_code, answer.text) == (201, "ordered")
        finally:
            for service in services:
                service.terminate()
            said = [service.communicate(timeout=60)[1] for service in services]
    assert not [words for words in said if "Error" in words], said
    lines = sorted((orders_log.read_text() + stock_log.read_text()).splitlines())
    told = [re.split(r" {2,}", line, maxsplit=1)[1] for line in lines]
    assert told == 3 * [
        "orders  ordered: three lamps",
        "orders  asking stock",
        "stock   asked for: three lamps",
        "stock   reserved: three lamps",
        "orders  stock said: reserved",
    ]


@pytest.mark.skipif(not SHOP.is_dir(), reason="the examples are not here")
def test_a_stock_that_is_not_there(tmp_path: Path) -> None:
    """The order is answered with a failure, and the failure is in the log."""
    with listening() as orders, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and never listening: every connection is refused
        stock_url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        service = start("orders", orders, tmp_path / "orders.log", STOCK_URL=stock_url)
        try:
            url = f"http://127.0.0.1:{orders.getsockname()[1]}/"
            answer = httpx.post(url, content="lamps", timeout=60, trust_env=False)
        finally:
            service.terminate()
            service.communicate(timeout=60)
    assert (answer.status_code, answer.text) == (502, "the stock does not answer")
    assert "stock failed: ConnectError" in (tmp_path / "orders.log").read_text()
