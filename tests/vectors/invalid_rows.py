"""Rows of ``invalid.json``: (name, decoder, form, input, position, reason). Written out by hand: they are the specification."""

from __future__ import annotations

Row = tuple[str, str, str, str, int | None, str]

GOOD = "00000_2026-11-23T01:57:54.123456Z_0007_00000000002a"
DIGIT, HEX_DIGIT = "expected a decimal digit", "expected a lower-case hexadecimal digit"
NO_DATE = "no such date or time"
PHYSICAL, LOGICAL = "physical_us must lie in 0..=4503599627370495", "logical must lie in 0..=4095"
NODE, EPOCH = "node must lie in 0..=281474976710655", "epoch must lie in 0..=65535"


def rows() -> list[dict[str, str | None]]:
    """Every row of the file."""
    every = [*_fields(), *_bytes(), *_hexadecimals(), *_texts(), *_json(), *_ints(), *_uuids(), *_datetimes()]
    return [
        {
            "name": f"{decoder}: {name}",
            "decoder": decoder,
            "form": form,
            "input": given,
            "position": None if position is None else str(position),
            "reason": reason,
        }
        for name, decoder, form, given, position, reason in every
    ]


def _fields() -> list[Row]:
    """Input: physical_us, logical, node and epoch as decimal numbers between commas."""
    cases = [
        ("physical_us below zero", "-1,0,0,0", PHYSICAL),
        ("physical_us of 53 bits", "4503599627370496,0,0,0", PHYSICAL),
        ("physical_us of 64 bits", "18446744073709551616,0,0,0", PHYSICAL),
        ("logical below zero", "0,-1,0,0", LOGICAL),
        ("logical of 13 bits", "0,4096,0,0", LOGICAL),
        ("logical of 16 bits", "0,65535,0,0", LOGICAL),
        ("node below zero", "0,0,-1,0", NODE),
        ("node of 49 bits", "0,0,281474976710656,0", NODE),
        ("node of 64 bits", "0,0,18446744073709551615,0", NODE),
        ("epoch below zero", "0,0,0,-1", EPOCH),
        ("epoch of 17 bits", "0,0,0,65536", EPOCH),
        ("the epoch is named before the others", "-1,-1,-1,-1", EPOCH),
        ("physical_us is named before logical", "-1,-1,-1,0", PHYSICAL),
        ("logical is named before node", "0,4096,-1,0", LOGICAL),
    ]
    return [(name, "new", "fields", given, None, reason) for name, given, reason in cases]


def _bytes() -> list[Row]:
    """Input: the bytes as hexadecimal digits."""
    lengths = [("empty", 0), ("one byte", 1), ("15 bytes", 15), ("17 bytes", 17), ("the 32 bytes of two", 32)]
    return [(name, "from_bytes", "bytes", "00" * n, None, "must be 16 bytes long") for name, n in lengths]


def _hexadecimals() -> list[Row]:
    good, length = "00000065e0a1f3c2b4070000000000ff", "must be 32 characters long"
    cases: list[tuple[str, str, int | None, str]] = [
        ("empty", "", None, length),
        ("31 digits", good[1:], None, length),
        ("33 digits", good + "0", None, length),
        ("a prefix", "0x" + good[2:], 1, HEX_DIGIT),
        ("a prefix on top", "0x" + good, None, length),
        ("an upper-case digit", good[:-1] + "F", 31, HEX_DIGIT),
        ("upper case altogether", good.upper(), 7 + good[7:].index("e"), HEX_DIGIT),
        ("a letter beyond f", "g" + good[1:], 0, HEX_DIGIT),
        ("a space in front", " " + good[1:], 0, HEX_DIGIT),
        ("a line feed at the end", good[:-1] + "\n", 31, HEX_DIGIT),
        ("a line feed on top", good + "\n", None, length),
        ("a sign", "+" + good[1:], 0, HEX_DIGIT),
        ("an underscore", good[:8] + "_" + good[9:], 8, HEX_DIGIT),
        ("a NUL", good[:4] + "\0" + good[5:], 4, HEX_DIGIT),
        ("a full-width digit", good[:5] + "０" + good[6:], 5, HEX_DIGIT),
        ("an Arabic-Indic digit", good[:6] + "٠" + good[7:], 6, HEX_DIGIT),
        ("32 bytes that are 31 characters", good[:30] + "é", None, length),
        ("an emoji", good[:31] + "🕒", 31, HEX_DIGIT),
    ]
    return [(name, "from_hex", "hex", given, position, reason) for name, given, position, reason in cases]


def _swap(position: int, replacement: str) -> str:
    return GOOD[:position] + replacement + GOOD[position + len(replacement) :]


def _bad_texts() -> list[tuple[str, str, int | None, str]]:
    """Of the right length, so that the JSON form can wrap each of them."""
    return [
        ("a letter in the epoch", _swap(2, "x"), 2, DIGIT),
        ("a sign in the epoch", _swap(0, "-"), 0, DIGIT),
        ("a space in the epoch", _swap(0, " "), 0, DIGIT),
        ("an epoch above 65535", _swap(0, "65536"), 0, EPOCH),
        ("an epoch of nines", _swap(0, "99999"), 0, EPOCH),
        ("no separator after the epoch", _swap(5, "-"), 5, "expected '_'"),
        ("a letter in the year", _swap(7, "O"), 7, DIGIT),
        ("a slash in the date", _swap(10, "/"), 10, "expected '-'"),
        ("a space for the T", _swap(16, " "), 16, "expected 'T'"),
        ("a small t", _swap(16, "t"), 16, "expected 'T'"),
        ("a dot in the time", _swap(19, "."), 19, "expected ':'"),
        ("a comma before the microseconds", _swap(25, ","), 25, "expected '.'"),
        ("a small z", _swap(32, "z"), 32, "expected 'Z'"),
        ("another zone", _swap(32, "+"), 32, "expected 'Z'"),
        ("a letter in the counter", _swap(34, "f"), 34, DIGIT),
        ("a counter above 4095", _swap(34, "4096"), 34, LOGICAL),
        ("a counter of nines", _swap(34, "9999"), 34, LOGICAL),
        ("no separator before the node", _swap(38, "-"), 38, "expected '_'"),
        ("an upper-case node", _swap(50, "A"), 50, HEX_DIGIT),
        ("a node beyond f", _swap(39, "g"), 39, HEX_DIGIT),
        ("a line feed at the end", _swap(50, "\n"), 50, HEX_DIGIT),
        ("a NUL in the middle", _swap(26, "\0"), 26, DIGIT),
        ("a full-width digit", _swap(9, "６"), 9, DIGIT),
        ("a superscript digit", _swap(4, "²"), 4, DIGIT),
        ("an emoji for the separator", _swap(5, "🕒"), 5, "expected '_'"),
        ("year 0", _swap(6, "0000"), 6, NO_DATE),
        ("month 0", _swap(11, "00"), 6, NO_DATE),
        ("month 13", _swap(11, "13"), 6, NO_DATE),
        ("day 0", _swap(14, "00"), 6, NO_DATE),
        ("the 31st of November", _swap(14, "31"), 6, NO_DATE),
        ("the 29th of February 2026", _swap(11, "02-29"), 6, NO_DATE),
        ("the 29th of February 2100", _swap(6, "2100-02-29"), 6, NO_DATE),
        ("hour 24", _swap(17, "24:00:00.000000"), 6, NO_DATE),
        ("minute 60", _swap(20, "60"), 6, NO_DATE),
        ("a leap second", _swap(17, "23:59:60"), 6, NO_DATE),
        ("second 99", _swap(23, "99"), 6, NO_DATE),
        ("a microsecond before 1970", _swap(6, "1969-12-31T23:59:59.999999"), 6, PHYSICAL),
        ("the year 1", _swap(6, "0001-01-01T00:00:00.000000"), 6, PHYSICAL),
        ("a microsecond after the end", _swap(6, "2112-09-17T23:53:47.370496"), 6, PHYSICAL),
        ("the year 9999", _swap(6, "9999-12-31T23:59:59.999999"), 6, PHYSICAL),
        ("the first of two mistakes", _swap(2, "x")[:34] + "9999" + _swap(2, "x")[38:], 2, DIGIT),
    ]


def _texts() -> list[Row]:
    length = "must be 51 characters long"
    lengths: list[tuple[str, str, int | None, str]] = [
        ("empty", "", None, length),
        ("50 characters", GOOD[:-1], None, length),
        ("52 characters", GOOD + "0", None, length),
        ("a line feed on top", GOOD + "\n", None, length),
        ("a space in front", " " + GOOD, None, length),
        ("a bare ISO date", "2026-11-23T01:57:54.123456Z", None, length),
        ("51 bytes that are 50 characters", GOOD[:49] + "é", None, length),
    ]
    return [
        (name, "from_str", "str", given, position, reason)
        for name, given, position, reason in [*lengths, *_bad_texts()]
    ]


def _json() -> list[Row]:
    length, quote = "must be 53 characters long", "expected '\"'"
    cases: list[tuple[str, str, int | None, str]] = [
        ("empty", "", None, length),
        ("without quotes", GOOD, None, length),
        ("null", "null", None, length),
        ("a number", "1767225600000000", None, length),
        ("a space in front", f' "{GOOD}"', None, length),
        ("an array", f'["{GOOD}"]', None, length),
        ("single quotes", f"'{GOOD}'", 0, quote),
        ("no closing quote", f'"{GOOD}0', 52, quote),
        ("an escape", f'"\\u0030{GOOD[6:]}"', 1, DIGIT),
    ]
    cases += [
        (name, f'"{given}"', None if position is None else position + 1, reason)
        for name, given, position, reason in _bad_texts()
    ]
    return [(name, "from_json", "json", given, position, reason) for name, given, position, reason in cases]


def _ints() -> list[Row]:
    numbers = [("below zero", -1), ("of 129 bits", 2**128), ("far below zero", -(2**200)), ("of 201 bits", 2**200)]
    return [(name, "from_int", "int", str(number), None, "must fit 128 bits") for name, number in numbers]


def _uuids() -> list[Row]:
    version, variant = "must be of version 7", "must be of the RFC 9562 variant"
    microseconds = "microseconds must lie in 0..=999"
    cases = [
        ("nil", "00000000-0000-0000-0000-000000000000", version),
        ("max", "ffffffff-ffff-ffff-ffff-ffffffffffff", version),
        ("version 1", "019b76da-a800-1000-8000-0000000002a0", version),
        ("version 4", "f47ac10b-58cc-4372-a567-0e02b2c3d479", version),
        ("version 8", "019b76da-a800-8000-8000-0000000002a0", version),
        ("the old NCS variant", "019b76da-a800-7000-0000-0000000002a0", variant),
        ("the variant of Microsoft", "019b76da-a800-7000-c000-0000000002a0", variant),
        ("microsecond 1000", "019b76da-a800-7fa0-8000-0000000002a0", microseconds),
        ("microsecond 1023", "019b76da-a800-7fff-8000-0000000002a0", microseconds),
        ("a microsecond after the end", "04189374-bc6a-77c0-8000-0000000002a0", PHYSICAL),
        ("the last millisecond of 48 bits", "ffffffff-ffff-7f9c-8000-0000000002a0", PHYSICAL),
    ]
    epochs = [("epoch 16", 16), ("the highest epoch", 65535)]
    return [
        *((name, "from_uuid", "uuid", given, None, reason) for name, given, reason in cases),
        *((name, "to_uuid", "uuid", str(epoch), None, "epochs above 15 do not fit a UUID") for name, epoch in epochs),
    ]


def _datetimes() -> list[Row]:
    """Input: ISO 8601. Out of range it is the field that says so."""
    naive = "must be aware: a naive one names no instant"
    return [
        ("a naive one", "from_datetime", "datetime", "2026-11-23T01:57:54.123456", None, naive),
        ("a microsecond before 1970", "from_datetime", "fields", "1969-12-31T23:59:59.999999+00:00", None, PHYSICAL),
        ("1970 in an earlier zone", "from_datetime", "fields", "1970-01-01T00:59:59.999999+01:00", None, PHYSICAL),
        ("a microsecond after the end", "from_datetime", "fields", "2112-09-17T23:53:47.370496+00:00", None, PHYSICAL),
        ("the year 9999", "from_datetime", "fields", "9999-12-31T23:59:59.999999+00:00", None, PHYSICAL),
    ]
