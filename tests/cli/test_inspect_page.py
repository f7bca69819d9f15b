"""``flocktime inspect PAGE``: whole pages field by field, damaged ones as far as they can be read, and what is none by name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

import flocktime
from flocktime import Clock
from flocktime.cli.main import main
from flocktime.cli.page.layout import Page, parse
from flocktime.cli.page.report import Moment, described
from flocktime.cli.page.words import in_words
from flocktime.flock import Flock
from tests.cli import pages

NOW = Moment(pages.LAST_US + 500_000, pages.RAW_NS + 500_000_000, pages.BOOT.hex())

needs_pages = pytest.mark.skipif(flocktime.BACKEND == "pure", reason="this backend has no pages")


def _shown(content: bytes, now: Moment = NOW, inode: int = pages.INODE) -> dict[str, Any]:
    return described("page", parse(content, len(content)), inode, now)


def _flipped(content: bytes, at: int, bit: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def test_a_whole_page() -> None:
    """Every field is where the specification says, and is shown: who it is, both records, the lease, the clock, the flock."""
    shown = _shown(pages.page(pages.words()))
    assert shown["faults"] == []
    assert shown["header"]["node"] == f"{pages.NODE:012x}"
    assert (shown["header"]["id"], shown["header"]["version"]) == (pages.ID.hex(), "1.0")
    first, second = shown["records"]
    assert (first["holds"], second["holds"], first["sequence"], second["sequence"]) == (True, False, 2, 1)
    assert first["bound"] == f"00000_2026-11-23T01:57:56.000000Z_0000_{pages.NODE:012x}"
    assert first["limit"] == f"00000_2026-11-23T01:58:02.000000Z_0000_{pages.NODE:012x}"
    assert (first["written"], first["process"]) == ("2026-11-23T01:57:54.000000Z", 99)
    live = shown["live"]
    assert live["last"] == f"00000_2026-11-23T01:57:54.000000Z_0005_{pages.NODE:012x}"
    assert (live["certified"], live["this_boot"], live["leased_until"]) == (True, True, first["bound"])
    assert (live["lease_left_us"], live["confirmed_by"], live["writer"]) == (1_500_000, 2, 99)
    flock = live["flock"]
    assert (flock["discipline"], flock["state"], flock["process"]) == ("synchronised", "synchronised", 77)
    assert (flock["steered_ago_us"], flock["error_us"], flock["limit_us"]) == (500_000, 42, 5000)
    assert flock["os_offset_us"] == pytest.approx(-5, abs=0.1), "half a second at 10 ppm"
    text = in_words(shown)
    assert "1.500 s left" in text
    assert "WRONG" not in text


@pytest.mark.parametrize(
    ("words", "later_ns", "discipline"),
    [
        ({}, 5 * pages.ROUND_NS, "synchronised"),
        ({}, 5 * pages.ROUND_NS + 1, "stale"),
        ({}, 60 * pages.ROUND_NS, "stale"),
        ({}, 60 * pages.ROUND_NS + 1, "detached"),
        ({"flags": 0}, 0, "waiting"),
        ({"flags": 0}, 5 * pages.ROUND_NS + 1, "detached"),
        ({"flags": 1 | 4 | 3 << 8}, 0, "detached"),
        ({"posted_ns": pages.RAW_NS + 1_000_001}, 0, "detached"),
        ({"steered_ns": pages.RAW_NS - 6 * pages.ROUND_NS}, 0, "stale"),
    ],
)
def test_how_the_clocks_stand_to_the_flock(words: dict[str, int], later_ns: int, discipline: str) -> None:
    """By the age of the flock's latest word, by goodbyes, and by whose counter it was."""
    now = Moment(NOW.wall_us, pages.RAW_NS + later_ns, NOW.boot)
    assert _shown(pages.page(pages.words(**words)), now)["live"]["flock"]["discipline"] == discipline


def test_nobody_has_published() -> None:
    """A page without a member says so, and is whole."""
    shown = _shown(pages.page())
    assert shown["faults"] == []
    assert shown["live"]["flock"] == {"discipline": "none", "valid": True}
    assert "no member has published" in in_words(shown)


def test_each_byte_of_the_durable_blocks_counts() -> None:
    """A flipped bit anywhere in the header or a record is found, and named by its block; all else is still shown."""
    whole = pages.page(pages.words())
    for at in range(3 * 4096):
        shown = _shown(_flipped(whole, at, at % 8))
        faults = " ".join(shown["faults"])
        if at < 16:
            assert faults == "it is no host page of flocktime"
        elif at < 4096:
            assert "the header is damaged" in faults
        else:
            assert shown["faults"] == [f"record {at // 4096 - 1} is damaged"]
            assert shown["records"][2 - at // 4096]["holds"], "the other one"
        in_words(shown)


def test_damage_in_memory(rng: Random) -> None:
    """A word that no clock has written and a member's record with a wrong checksum are named; of two records the other one is
    used, and of none nothing is."""
    whole = pages.page(pages.words(), pages.words(ahead_ns=7))
    for at in range(12288 + 128, 12288 + 144):
        shown = _shown(_flipped(whole, at, rng.randrange(8)))
        assert shown["faults"] == ["the clock's word is none that a clock of this page has written"]
        assert not shown["live"]["certified"]
        assert "NOT CERTIFIED" in in_words(shown)
    for at in range(pages.GUIDANCE_AT + 8, pages.GUIDANCE_AT + 8 + 120):
        shown = _shown(_flipped(whole, at, rng.randrange(8)))
        assert shown["faults"] == ["the flock member's record is damaged: the one before is used"]
        assert shown["live"]["flock"]["discipline"] == "synchronised"
        alone = _shown(_flipped(pages.page(pages.words()), at, rng.randrange(8)))
        assert alone["faults"] == ["the flock member's record is damaged: clocks follow the OS clock"]
        assert alone["live"]["flock"]["discipline"] == "detached"


def test_any_bytes_are_shown(rng: Random) -> None:
    """Whatever lies there: an answer, never an exception."""
    for _ in range(300):
        content = bytearray(pages.page(pages.words()))
        for _ in range(rng.choice([1, 10, 1000])):
            content[rng.randrange(16, len(content))] = rng.randrange(256)
        json.dumps(_shown(bytes(content)))
        in_words(_shown(bytes(content[: rng.randrange(len(content))])))
    assert isinstance(parse(b"", 0), Page)


def test_an_earlier_start_of_the_machine() -> None:
    """What lies in memory then means nothing, and its damage neither."""
    now = Moment(NOW.wall_us, NOW.raw_ns, "00" * 16)
    shown = _shown(_flipped(pages.page(pages.words()), 12288 + 130, 1), now)
    assert (shown["faults"], shown["live"]["this_boot"], shown["live"]["flock"]) == ([], False, None)
    assert "begins at the bound" in in_words(shown)


def test_what_is_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Empty, foreign, short, long, of another version, and a copy: each by name, with 1. A file that is not there: 2."""
    whole = pages.page(pages.words())
    for content, words in (
        (b"", "the file is empty"),
        (b"something else", "it is no host page of flocktime"),
        (whole[:4096], "it has 4096 bytes, a page has 16384"),
        (whole[:5000], "it has 5000 bytes, a page has 16384"),
        (whole + b"x", "it has 16385 bytes, a page has 16384"),
        (whole * 2, "it has 32768 bytes, a page has 16384"),
        (pages.header(major=9) + whole[4096:], "it is of version 9.0, and 1 is read here"),
        (whole, "a copy, not to be opened"),
    ):
        path = tmp_path / "page"
        path.write_bytes(content)
        assert main(["inspect", str(path)]) == 1
        assert words in capsys.readouterr().out
    assert main(["inspect", str(tmp_path / "now\x1b[2Jhere")]) == 2
    assert "now?[2Jhere: No such file" in capsys.readouterr().err
    assert main(["inspect", "nowhere.page"]) == 2
    assert "no such file" in capsys.readouterr().err


@needs_pages
def test_a_real_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is read from the file by the specification is what the core says of it: two implementations."""
    path = tmp_path / "page"
    clock = Clock.open(path, lease=60.0)
    stamp = clock.now()
    with Flock("127.0.0.1:0", page=path):  # rounds of a second: the next five come late on no machine
        assert main(["inspect", "--json", str(path)]) == 0
        shown = json.loads(capsys.readouterr().out)
        page = clock.page
        assert page is not None
        assert shown["header"]["id"] == page.id
        assert shown["header"]["node"] == f"{page.node:012x}"
        assert (shown["live"]["certified"], shown["live"]["last"] >= str(stamp)) == (True, True)
        assert shown["live"]["leased_until"] == str(page.leased_until)
        assert shown["live"]["confirmed_by"] == page.sequence == max(each["sequence"] for each in shown["records"])
        assert shown["live"]["writer"] == os.getpid()
        flock = shown["live"]["flock"]
        assert (flock["discipline"], flock["state"], flock["process"]) == ("waiting", "alone", os.getpid())
    assert main(["inspect", str(path)]) == 0
    assert "detached: process" in capsys.readouterr().out
    with path.open("r+b") as file:
        file.seek(4096 + 50)
        file.write(b"\xff")
    assert main(["inspect", str(path)]) == 1
    assert "record 0 is damaged" in capsys.readouterr().out
