"""The packets in ``tests/vectors``, which were written without either backend, read and written by the one in Python.

The compiled one reads the same rows in ``rust/agent/tests/packet_vectors.rs``.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

import pytest

from flocktime._fallback.gossip.keyring import Key, Keyring
from flocktime._fallback.gossip.packet import SIZE, Anchor, Echo, Packet, Refusal, encode, from_text, to_text
from flocktime._fallback.gossip.replay import WIDTH, ReplayWindow
from tests.support import vectors

ROWS = vectors("packets.json")
GOOD = [row for row in ROWS if "refusal" not in row]
BAD = [row for row in ROWS if "refusal" in row]


def _keyring(row: dict[str, str], signing: int | None = None) -> Keyring:
    keys = [Key.parse(text) for text in row["keys"].split()]
    return Keyring(sorted(keys, key=lambda key: key.id != signing))


def _pair(row: dict[str, str], kind: Any, first: str, second: str) -> Any:
    return kind(int(row[first]), int(row[second])) if first in row else None


def _expected(row: dict[str, str], packet: Packet) -> dict[str, Any]:
    whole = ("node", "incarnation", "origin", "sequence", "nonce", "tx_h_ns", "tx_l_ns", "error_ns", "kind", "state")
    return {
        **{name: int(row[name]) for name in whole},
        **{name: float(row[name]) for name in ("y", "s", "u")},
        "anchor": _pair(
            row, partial(Anchor, hops=int(row["flags"]) >> 8 & 0xFF), "anchor_offset_ns", "anchor_error_ns"
        ),
        "echo": _pair(row, Echo, "echo_nonce", "echo_received_ns"),
        "synchronised_once": bool(int(row["flags"]) & 1),
        "stamp": type(packet.stamp).from_hex(row["stamp"]),
    }


@pytest.mark.parametrize("row", GOOD, ids=lambda row: row["name"])
def test_every_good_row(row: dict[str, str]) -> None:
    """A packet is read as the row says, from bytes and from text, and what this version can write it writes the same."""
    data = bytes.fromhex(row["bytes"])
    opened = _keyring(row).open(data)
    packet = opened.frame.decode()
    expected = _expected(row, packet)
    assert {name: getattr(packet, name) for name in expected} == expected
    assert opened.key_id == int(row["key_id"])
    assert to_text(data) == row["text"]
    assert from_text(row["text"]) == data
    if row["minor"] == "0" and int(row["flags"]) <= 1:
        assert _keyring(row, opened.key_id).seal(encode(packet)) == data


@pytest.mark.parametrize("row", BAD, ids=lambda row: row["name"])
def test_every_bad_row(row: dict[str, str]) -> None:
    """What is no packet is refused for the reason of the row, with its detail."""
    with pytest.raises(Refusal) as refused:
        _keyring(row).open(bytes.fromhex(row["bytes"]) if "bytes" in row else from_text(row["text"])).frame.decode()
    detail = refused.value.detail
    assert (refused.value.name, None if detail is None else str(detail)) == (row["refusal"], row.get("detail"))


def test_every_flipped_bit() -> None:
    """No bit of a signed packet can be changed: each flip is refused, bytes and text alike."""
    row = next(row for row in GOOD if int(row["key_id"]))
    data, keyring = bytes.fromhex(row["bytes"]), _keyring(row)
    for bit in range(8 * SIZE):
        flipped = (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(SIZE, "big")
        with pytest.raises(Refusal):
            keyring.open(from_text(to_text(flipped))).frame.decode()


def test_a_replay_window_is_a_set_that_forgets(rng: Random) -> None:
    """Each number is admitted once, however late, as long as it is less than the width behind the latest one."""
    window, seen, latest = ReplayWindow(), {0}, 0
    for _ in range(5_000):
        number = max(
            0, latest + rng.choice([1, 1, 1, 2, 5, 100, 127, 128, 129, 500, -1, -2, -60, -126, -127, -128, -129])
        )
        new = number not in seen and number > latest - WIDTH
        assert window.admit(number) == new, (number, latest)
        seen.add(number)
        latest = max(latest, number)
    assert window.latest == latest
    since = ReplayWindow.since(latest)
    assert not any(since.admit(number) for number in range(latest - 200, latest + 1))
    assert since.admit(latest + 1)
