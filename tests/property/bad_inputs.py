"""Endless bad input, from a seed: forms that are nearly right, forms that are not at all, and values of any type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any
from uuid import UUID

from flocktime import Clock, ClockError, Timestamp
from tests.support import HORIZON_US, NOW_US, stamp

#: What may come out of a call with bad input. Everything else is a defect, an exception that ends the process above all.
TYPED = (ClockError, TypeError, ValueError)

ODD_CHARACTERS = "0123456789abcdefABCDEFgx_-:.TZtz+ \t\n\r\0\"'\\/é６٣🕒\u202e\ud800\udfff"
ODD_NUMBERS = [
    -1,
    0,
    1,
    15,
    16,
    4095,
    4096,
    65_535,
    65_536,
    2**48 - 1,
    2**48,
    2**52 - 1,
    2**52,
    2**63,
    2**64,
    2**128,
    -(2**63),
]


def refused(call: Callable[[], object]) -> bool:
    """True where the call refused with a typed error, false where it returned; anything else is an ``AssertionError``.

    A panic of the compiled core is a ``BaseException``, which ``except Exception`` would let through.
    """
    try:
        call()
    except TYPED as error:
        text = str(error)
        assert text, f"{type(error).__name__} says nothing"
        assert len(text) < 1_000, f"{type(error).__name__} repeats all that it was given"
        assert type(error) is not UnicodeEncodeError, "an encoding error says nothing about timestamps"
        return True
    except KeyboardInterrupt:
        raise
    except BaseException as other:
        raise AssertionError(f"{type(other).__module__}.{type(other).__name__} is no typed error: {other}") from other
    return False


def number(rng: Random) -> int:
    """An int of any size and sign, edges first."""
    if rng.random() < 0.5:
        return rng.choice(ODD_NUMBERS) + rng.randrange(-1, 2)
    return rng.randrange(-(2**200), 2**200) >> rng.randrange(201)


def anything(rng: Random) -> Any:
    """A value of any type but a timestamp."""
    return rng.choice(
        [
            None, True, 1.5, float("nan"), float("inf"), "", "x", b"", b"x", bytearray(16), memoryview(b"0" * 16), [], [1],
            (), {}, set(), object(), Ellipsis, NotImplemented, int, lambda: 0, UUID(int=rng.getrandbits(128)),
            datetime(2026, 1, 1), timedelta(1), 1j, number(rng), text(rng), rng.randbytes(rng.randrange(40)),
        ]
    )  # fmt: skip


def text(rng: Random) -> str:
    """A right form with something wrong in it, or nothing like it."""
    good = Timestamp.from_int(rng.getrandbits(128))
    form = rng.choice([good.to_hex(), good.to_str(), good.to_json(), good.to_json(), good.to_str()])
    kind = rng.randrange(6)
    if kind == 0:
        return "".join(rng.choices(ODD_CHARACTERS, k=rng.choice([0, 1, 31, 32, 33, 50, 51, 52, 53, 54, 200])))
    if kind == 1:
        return form[: rng.randrange(len(form))]
    if kind == 2:
        return form + rng.choice(ODD_CHARACTERS)
    place = rng.randrange(len(form))
    if kind == 3:
        return form[:place] + form[place + 1 :]
    if kind == 4:
        return form[:place] + rng.choice(ODD_CHARACTERS) + form[place:]
    return form[:place] + rng.choice(ODD_CHARACTERS) + form[place + 1 :]


def moment(rng: Random) -> datetime:
    """A naive datetime, one of a year that does not fit, or one of any zone."""
    microseconds = rng.randrange(-(2**55), 2**57)
    zone = rng.choice([None, UTC, timezone(timedelta(minutes=rng.randrange(-1439, 1440)))])
    return datetime(1970, 1, 1, tzinfo=zone) + timedelta(microseconds=microseconds)


#: A call without the thing that it is made on: the method (``"new"``: the class itself), arguments, keywords.
Case = tuple[str, tuple[Any, ...], dict[str, Any]]


def decoder_case(rng: Random) -> Case:
    """A decoder or the constructor of a timestamp, with what it will mostly refuse."""
    kind = rng.randrange(10)
    if kind <= 3:
        return f"from_{rng.choice(['hex', 'str', 'json'])}", (text(rng),), {}
    if kind == 4:
        return "from_bytes", (rng.randbytes(rng.choice([0, 1, 15, 17, 32, rng.randrange(100)])),), {}
    if kind == 5:
        bits = rng.getrandbits(128) & ~(0xF << 76) | rng.choice([7, 7, rng.randrange(16)]) << 76
        return "from_uuid", (UUID(int=bits),), {}
    if kind == 6:
        return "from_datetime", (moment(rng),), {"node": number(rng)}
    if kind == 7:
        return "from_int", (number(rng),), {}
    if kind == 8:
        fields = {name: number(rng) for name in ("physical_us", "logical", "node", "epoch") if rng.random() < 0.8}
        return "new", (), {"physical_us": 0, **fields}
    name = rng.choice(["bytes", "hex", "str", "json", "int", "uuid", "datetime"])
    return f"from_{name}", (anything(rng),), {}


def decoded(timestamp: type[Timestamp], case: Case) -> Timestamp:
    """Run a decoder; what it takes must lead back to what it was given."""
    method, arguments, keywords = case
    if method == "new":
        return timestamp(*arguments, **keywords)
    result: Timestamp = getattr(timestamp, method)(*arguments, **keywords)
    if method != "from_datetime":
        again = getattr(result, method.replace("from_", "to_"))()
        assert again == arguments[0], f"{arguments[0]!r} was taken for {result!r}"
    return result


def maker_case(rng: Random) -> Case:
    """The constructor of a clock or a source, or a move of a source, with an argument or two that make no sense."""
    kind = rng.randrange(5)
    if kind == 0:
        return "ManualSource", (rng.choice([anything, number])(rng),), {}
    if kind == 1:
        return rng.choice(["set", "advance", "step_back"]), (rng.choice([anything, number])(rng),), {}
    if kind == 2:
        odd = [rng.choice([anything, number])(rng) for _ in range(2)]
        return "SkewedSource", tuple(odd[: rng.randrange(1, 3)]), {}
    names = ["name", "node", "max_drift", "on_drift", "on_collision", "source", "last", "epoch"]
    return (
        "Clock",
        (),
        {name: rng.choice([anything, number, text])(rng) for name in rng.sample(names, rng.randrange(1, 3))},
    )


def made(module: Any, case: Case) -> object:
    """Run a constructor of ``module``, or a move on a fresh manual source of it."""
    method, arguments, keywords = case
    if method in ("set", "advance", "step_back"):
        return getattr(module.ManualSource(0), method)(*arguments)
    return getattr(module, method)(*arguments, **keywords)


def remote(rng: Random) -> Timestamp:
    """A timestamp that a clock of node 1 at ``NOW_US``, epoch 5, must refuse: too far ahead, too high, or its own."""
    kind = rng.randrange(4)
    if kind == 0:
        return stamp(NOW_US + 500_001 + rng.randrange(2**50), rng.randrange(4096), rng.randrange(2**48), 5)
    if kind == 1:
        return stamp(rng.randrange(HORIZON_US + 1, 2**52), rng.randrange(4096), rng.randrange(2**48), 5)
    if kind == 2:
        return stamp(rng.randrange(NOW_US), rng.randrange(4096), rng.randrange(2**48), rng.randrange(7, 2**16))
    return stamp(NOW_US + rng.randrange(1, 500_000), rng.randrange(4096), 1, 5)


def clock_calls(clock: Clock, rng: Random) -> Callable[[], object]:
    """A call of a clock that must refuse."""
    bad, wrong, count = remote(rng), anything(rng), rng.choice([-1, 65_537, number(rng) | 2**17])
    good = [stamp(NOW_US - i, i, 2, 5) for i in range(rng.randrange(4))]
    batch = [*good, bad if rng.random() < 0.5 else wrong]
    rng.shuffle(batch)
    return rng.choice(
        [
            lambda: clock.update(bad),
            lambda: clock.update(bad),
            lambda: clock.update_many(batch),
            lambda: clock.update_many(iter(batch)),
            lambda: clock.update(wrong),
            lambda: clock.observe(wrong),
            lambda: clock.now_many(count),
            lambda: clock.now_many("3"),  # type: ignore[arg-type]
            lambda: clock.update(good[0] if good else bad, on_drift="no such policy"),  # type: ignore[arg-type]
            lambda: clock.advance_epoch("why"),
            lambda: clock.advance_epoch(5, force=True),  # type: ignore[arg-type]
            lambda: clock.reset(None),  # type: ignore[arg-type]
        ]
    )


def headers(rng: Random) -> Any:
    """Headers with one that is no acceptable timestamp, in the shapes in which frameworks hand them over."""
    value: Any = rng.choice(
        [text(rng), text(rng).encode("utf-8", "surrogatepass"), anything(rng), remote(rng).to_hex()]
    )
    name: Any = rng.choice(["flocktime", "Flocktime", "FLOCKTIME", b"flocktime", b"Flocktime"])
    if rng.random() < 0.2:
        return [(name, stamp(NOW_US, 0, 2, 5).to_hex())] * rng.randrange(2, 5)
    if rng.random() < 0.3:
        return {name: value, "accept": "*/*"}
    return [("accept", "*/*"), (name, value), (b"x", b"y")]
