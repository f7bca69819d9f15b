"""What a clock guarantees, as programs that any clock can be put through: the library's, the model, and each of its mutants.

A law takes a maker of clocks and randomness, and raises ``AssertionError`` where the clock breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Protocol

from flocktime import ClockError, DriftError, EpochError, NodeCollision, Timestamp
from flocktime.testing import ManualSource
from tests.support import MAX_EPOCH, NOW_US, stamp

LIMIT_US = 500_000
MINUTE_US = 60_000_000


class ClockLike(Protocol):
    """The part of ``Clock`` that the laws are about."""

    def now(self) -> Timestamp: ...
    def now_many(self, n: int) -> list[Timestamp]: ...
    def update(self, ts: Timestamp, *, on_drift: str | None = None, trusted: bool = False) -> Timestamp: ...
    def update_many(
        self, timestamps: Iterable[Timestamp], *, on_drift: str | None = None, trusted: bool = False
    ) -> Timestamp: ...
    def advance_epoch(self, reason: str, *, force: bool = False) -> Timestamp: ...
    def reset(self, reason: str) -> Timestamp: ...
    @property
    def last(self) -> Timestamp | None: ...
    @property
    def epoch(self) -> int: ...


class Make(Protocol):
    """Makes clocks: the library's, the model or a mutant."""

    def __call__(
        self,
        *,
        source: ManualSource,
        node: int,
        max_drift_us: int | None = LIMIT_US,
        last: Timestamp | None = None,
        on_collision: str = "reject",
    ) -> ClockLike: ...


Law = Callable[[Make, Random], None]


def _wander(source: ManualSource, rng: Random) -> int:
    """Let the source stand, pass, fall back or be set; returns what it shows."""
    move = rng.randrange(10)
    if move < 4:
        source.advance(rng.choice([0, 1, 1, 2, 5, 1000]))
    elif move == 8:
        source.step_back(rng.choice([1, 2, 50]))
    elif move == 9:
        source.set(NOW_US + rng.randrange(-1000, 1000))
    return source() // 1000


def _near(last: Timestamp | None, reading: int, rng: Random) -> Timestamp:
    """A remote timestamp close to what the clock has reached, so that ties and full counters come up."""
    base = reading if last is None or rng.random() < 0.5 else last.physical_us
    logical = rng.choice([0, 1, 4095, rng.randrange(4096), 0 if last is None else last.logical])
    epoch = 0 if last is None else last.epoch
    return stamp(max(0, base + rng.randrange(-3, 4)), logical, node=2, epoch=epoch)


def stamps_rise(make: Make, rng: Random) -> None:
    """1. What is returned lies strictly above all that was issued or adopted, and never behind the reading."""
    source = ManualSource(NOW_US)
    clock = make(source=source, node=1, max_drift_us=None)
    highest = Timestamp.MIN
    for _ in range(400):
        reading = _wander(source, rng)
        kind = rng.randrange(4)
        if kind == 0:
            remotes = [_near(clock.last, reading, rng) for _ in range(rng.randrange(1, 4))]
            issued = [clock.update_many(remotes)]
            highest = max(highest, *remotes)
        elif kind == 1:
            issued = clock.now_many(rng.randrange(5))
        else:
            issued = [clock.now()]
        for ts in issued:
            assert ts > highest, f"{ts!r} is not above {highest!r}"
            assert (ts.physical_us, ts.logical) > (highest.physical_us, highest.logical) or ts.epoch > highest.epoch
            assert ts.physical_us >= reading, f"{ts!r} lies behind its reading {reading}"
            highest = ts


def effects_follow_causes(make: Make, rng: Random) -> None:
    """2. Along every chain of adopted messages timestamps rise, and no two events share one."""
    offsets = [0, 180_000, -150_000, -3_600_000_000, 90_000]
    sources = [ManualSource(NOW_US + offset) for offset in offsets]
    clocks = [make(source=source, node=i + 1) for i, source in enumerate(sources)]
    latest: list[Timestamp | None] = [None] * len(clocks)
    underway: list[Timestamp] = []
    issued: set[Timestamp] = set()
    for _ in range(600):
        here = rng.randrange(len(clocks))
        _wander(sources[here], rng)
        cause = latest[here]
        if underway and rng.random() < 0.6:
            message = underway.pop(rng.randrange(len(underway)))
            try:
                event = clocks[here].update(message)
            except DriftError:
                continue
            assert message < event, f"{event!r} was caused by {message!r}"
        else:
            event = clocks[here].now()
            underway.append(event)
        assert cause is None or cause < event, f"{event!r} follows {cause!r}"
        assert event not in issued, f"{event!r} was issued twice"
        issued.add(event)
        latest[here] = event


def time_stays_near(make: Make, rng: Random) -> None:
    """3. Physical time never exceeds the largest reading in its causal past by more than the carry, nor the own by the limit."""
    sources = [ManualSource(NOW_US + rng.randrange(-LIMIT_US, LIMIT_US)) for _ in range(4)]
    clocks = [make(source=source, node=i + 1) for i, source in enumerate(sources)]
    seen = [0] * len(clocks)  # the largest reading in the causal past of each
    underway: list[tuple[Timestamp, int]] = []
    for count in range(1, 600):
        here = rng.randrange(len(clocks))
        sources[here].advance(rng.choice([0, 0, 1, 5_000]))
        reading = sources[here]() // 1000
        seen[here] = max(seen[here], reading)
        if underway and rng.random() < 0.5:
            message, their_past = underway.pop()
            try:
                event = clocks[here].update(message)
            except DriftError:
                assert message.physical_us - reading > LIMIT_US
                continue
            seen[here] = max(seen[here], their_past)
        else:
            event = clocks[here].now()
            underway.append((event, seen[here]))
        assert event.physical_us <= seen[here] + count // 4096, f"{event!r} exceeds {seen[here]}"
        assert event.physical_us <= reading + LIMIT_US + count // 4096, f"{event!r} is beyond the limit over {reading}"


def refusals_change_nothing(make: Make, rng: Random) -> None:
    """4. After any refusal, also in the middle of a batch, the clock goes on as if it had never been asked."""
    for _ in range(40):
        source = ManualSource(NOW_US)
        clock, twin = (make(source=source, node=1) for _ in range(2))
        for _ in range(rng.randrange(1, 5)):
            assert clock.now() == twin.now()
        before = (clock.last, clock.epoch)
        refused: tuple[Timestamp, type[ClockError]] = rng.choice(
            [
                (stamp(NOW_US + LIMIT_US + 1, 0, node=2), DriftError),
                (stamp(NOW_US, 0, node=2, epoch=2), EpochError),
                (stamp(NOW_US + 50, 77, node=1), NodeCollision),
            ]
        )
        bad, error = refused
        batch = [stamp(NOW_US + i, i, node=3) for i in range(rng.randrange(3))]
        batch.insert(rng.randrange(len(batch) + 1), bad)
        try:
            clock.update_many(batch)
            raise AssertionError(f"{bad!r} was not refused")
        except error:
            pass
        assert (clock.last, clock.epoch) == before
        assert clock.now() == twin.now()
        up = stamp(NOW_US + 9, 0, node=4, epoch=1)
        assert clock.update(up) == twin.update(up), "the refusal spent the step"


def the_limit_is_a_limit(make: Make, rng: Random) -> None:
    """Only the future is limited, inclusively, against the reading and never against what was received."""
    for limit in (0, 1, LIMIT_US, rng.randrange(10**9)):
        source = ManualSource(NOW_US)
        clock = make(source=source, node=1, max_drift_us=limit)
        for lead in (limit, limit, -limit, -NOW_US, limit):
            remote = stamp(NOW_US + lead, rng.randrange(4096), node=2)
            assert clock.update(remote) > remote
        for beyond in (1, 2, limit + 1, 10**12):
            for policy in ("reject", None):
                try:
                    clock.update(stamp(NOW_US + limit + beyond, 0, node=2), on_drift=policy)
                    raise AssertionError(f"{beyond} us beyond the limit of {limit} were not refused")
                except DriftError:
                    pass


def policies_do_what_they_say(make: Make, rng: Random) -> None:
    """``adopt`` merges all, ``clamp`` as far as the limit, ``ignore`` nothing."""
    for beyond in (1, rng.randrange(1, 10**12)):
        remote = stamp(NOW_US + LIMIT_US + beyond, 9, node=2)
        results = {}
        for policy in ("adopt", "clamp", "ignore"):
            clock = make(source=ManualSource(NOW_US), node=1)
            first = clock.now()
            results[policy] = clock.update(remote, on_drift=policy)
            assert results[policy] > first
        assert results["adopt"] == stamp(remote.physical_us, 10, node=1)
        assert results["clamp"] == stamp(NOW_US + LIMIT_US, 1, node=1)
        assert results["ignore"] == stamp(NOW_US, 1, node=1)


def epochs_are_guarded(make: Make, rng: Random) -> None:
    """One step a minute of monotonic time for strangers, any for the trusted; a lower epoch is never merged."""
    source = ManualSource(NOW_US)
    clock = make(source=source, node=1, last=stamp(NOW_US + 10**12, 0, node=1))

    def refused(epoch: int) -> bool:
        try:
            clock.update(stamp(NOW_US, 0, node=2, epoch=epoch))
        except EpochError:
            return True
        return False

    poisoned = clock.now()
    for jump in (2, 3, MAX_EPOCH, rng.randrange(2, MAX_EPOCH)):
        assert refused(jump), f"a jump to {jump}"
    back = clock.update(stamp(NOW_US, 5, node=2, epoch=1))
    assert back > poisoned
    assert back == stamp(NOW_US, 6, node=1, epoch=1), "the poisoned time survived"
    assert clock.update(stamp(NOW_US + 10**12, 0, node=2, epoch=0)).physical_us == NOW_US, "an older epoch was merged"
    source.set(NOW_US + 10 * MINUTE_US)
    assert refused(2), "wall time opened the door"
    source.set(NOW_US)
    for _ in range(3):
        source.advance(MINUTE_US // 4)
        assert refused(2), "too soon"
        assert refused(9), "too far"
    source.advance(MINUTE_US // 4)
    assert not refused(2), "the minute has passed"
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=700), trusted=True).epoch == 700


def newcomers_join(make: Make, rng: Random) -> None:
    """Who has neither issued nor loaded anything takes any epoch, once."""
    epoch = rng.randrange(2, MAX_EPOCH - 3)
    clock = make(source=ManualSource(NOW_US), node=1)
    assert clock.update(stamp(NOW_US, 0, node=2, epoch=epoch)).epoch == epoch
    for begun in (clock, make(source=ManualSource(NOW_US), node=1, last=stamp(0))):
        begun.now()
        try:
            begun.update(stamp(NOW_US, 0, node=2, epoch=epoch + 2))
            raise AssertionError("it was no newcomer any more")
        except EpochError:
            pass


def collisions_show(make: Make, rng: Random) -> None:
    """The own node from above is refused; what the clock has issued itself is welcome, the latest included."""
    clock = make(source=ManualSource(NOW_US), node=1)
    own = clock.now_many(rng.randrange(1, 9))
    for ts in (own[0], own[-1]):
        assert clock.update(ts) > own[-1]
    last = clock.last
    assert last is not None
    for above in (stamp(NOW_US, last.logical + 1, node=1), stamp(NOW_US + 1, 0, node=1)):
        try:
            clock.update(above)
            raise AssertionError(f"{above!r} collides with {last!r}")
        except NodeCollision:
            pass


def the_operator_gets_back(make: Make, rng: Random) -> None:
    """``advance_epoch`` and ``reset`` return to the source's time; the first stays above all that was issued."""
    for _ in range(2):
        clock = make(source=ManualSource(NOW_US), node=1, last=stamp(NOW_US + rng.randrange(10**6, 10**14), 0))
        poisoned = clock.now()
        after = clock.advance_epoch("a law", force=True)
        assert after > poisoned
        assert (after.physical_us, after.epoch) == (NOW_US, 1)
        assert after < clock.now() < clock.update(stamp(NOW_US, 9, node=2, epoch=1))
        clock = make(source=ManualSource(NOW_US), node=1, last=stamp(NOW_US + rng.randrange(10**6, 10**14), 0))
        after = clock.reset("a law")
        assert after.physical_us == NOW_US
        assert after.node != 1


LAWS: tuple[Law, ...] = (
    stamps_rise, effects_follow_causes, time_stays_near, refusals_change_nothing, the_limit_is_a_limit,
    policies_do_what_they_say, epochs_are_guarded, newcomers_join, collisions_show, the_operator_gets_back,
)  # fmt: skip


def broken_by(law: Law, make: Make, seed: int) -> str | None:
    """How a clock breaks a law, or ``None``. An error that the law did not expect breaks it as well."""
    try:
        law(make, Random(seed))
    except (AssertionError, ClockError) as violation:
        return f"{type(violation).__name__}: {violation}"
    return None
