"""What a member's socket does with addresses and with datagrams that are none. On Linux, which lets a test play several hosts."""

from __future__ import annotations

import socket
import struct
import sys

import pytest

from flocktime.flock import Flock
from tests.unit.flocks import ROUND_S, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.0/8 is all of this host on Linux only")


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.2"),
        ("[::]", "127.0.0.2"),
        ("[::]", "[::1]"),
    ],
)
def test_an_answer_comes_from_where_it_was_asked(listen: str, host: str) -> None:
    """A member on all addresses of its host is heard at whichever of them it is asked."""
    near = "[::1]:0" if host == "[::1]" else "127.0.0.1:0"
    with (
        Flock(f"{listen}:0", round=ROUND_S, anchor=False) as asked,
        Flock(near, round=ROUND_S, anchor=False) as asker,
    ):
        address = f"{host}:{str(asked.address).rpartition(':')[2]}"
        asker.set_peers([address])
        until(lambda: any(peer.delay_us is not None for peer in asker.status().peers))
        assert [peer.name for peer in asker.status().peers] == [address]
        assert asked.status().io["send_errors"] == 0


def test_wrong_checksums_do_not_close_the_socket() -> None:
    """Datagrams with a wrong checksum are dropped where they are read, and cost the member nothing but that."""
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    except PermissionError:
        pytest.skip("only an administrator may send what is wrong")
    with raw, Flock("127.0.0.1:0", round=ROUND_S, anchor=False) as flock:
        port = int(str(flock.address).rpartition(":")[2])
        wrong = struct.pack("!4H", 9, port, 176, 0xBAD) + bytes(168)
        for _ in range(20):
            raw.sendto(wrong, ("127.0.0.1", 0))
            before = flock.status().round
            # Each by itself: the member looks at its socket before it turns another round.
            until(lambda before=before: flock.status().round > before + 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"junk", ("127.0.0.1", port))
            until(lambda: flock.status().io["datagrams_received"])
        status = flock.status().io
        assert (status["datagrams_received"], status["reopened"], status["receive_errors"]) == (1, 0, 0)
