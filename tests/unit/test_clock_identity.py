"""Who a clock is: collisions with its own node, ``reset``, and whom it blames."""

from __future__ import annotations

import pytest

from flocktime import Clock, DriftError, NodeCollision
from flocktime.testing import ManualSource
from tests.support import NOW_US, snapshot, stamp

TEN_MINUTES_US = 600_000_000


def test_my_own_node_from_above_is_a_collision(manual_clock: Clock) -> None:
    """Somebody else stamps under my node, or I lost my state: refused with both sides named, nothing changed."""
    last = manual_clock.now()
    remote = stamp(NOW_US, 1, node=1)
    before = snapshot(manual_clock)
    with pytest.raises(NodeCollision) as caught:
        manual_clock.update(remote)
    error = caught.value
    assert (error.remote, error.node, error.last) == (remote, 1, last)
    assert str(error) == (
        f"received {remote} of this clock's own node 000000000001, above its last {last}: "
        "another clock uses the same node id, or this one lost its state"
    )
    assert snapshot(manual_clock) == before
    assert manual_clock.stats().refused_collision == 1


def test_my_own_stamps_come_back(manual_clock: Clock) -> None:
    """What I have issued myself is no collision, the latest included: messages do come back to their sender."""
    stamps = [manual_clock.now() for _ in range(5)]
    for ts in reversed(stamps):
        assert manual_clock.update(ts) > stamps[-1]


def test_a_clock_without_its_state_notices(manual_source: ManualSource) -> None:
    """After a restart without ``last``, the own earlier stamps reveal it; with ``last`` there is nothing to notice."""
    first = Clock(node=1, source=manual_source)
    earlier = [first.now() for _ in range(3)][-1]
    with pytest.raises(NodeCollision):
        Clock(node=1, source=manual_source).update(earlier)
    assert Clock(node=1, source=manual_source, last=earlier).update(earlier) > earlier


def test_adopt_takes_a_collision_and_counts(manual_source: ManualSource) -> None:
    """``on_collision="adopt"`` merges it like any other and counts it."""
    clock = Clock(node=1, source=manual_source, on_collision="adopt")
    assert clock.update(stamp(NOW_US, 7, node=1)) == stamp(NOW_US, 8, node=1)
    assert clock.stats().collisions_adopted == 1


def test_other_nodes_never_collide(manual_clock: Clock) -> None:
    """Only the own node is one's own, however alike the rest is."""
    manual_clock.now()
    for node in (0, 2, 2**48 - 1):
        assert manual_clock.update(stamp(NOW_US + 5, 5, node=node)).node == 1
    assert manual_clock.stats().refused_collision == 0


def test_reset_takes_a_new_identity_and_the_source_s_time(manual_source: ManualSource) -> None:
    """For the runaway that has already stamped: new node, wall time as the source shows it, the epoch as it was."""
    clock = Clock(node=1, source=manual_source, last=stamp(NOW_US + 10**15, 0, node=1, epoch=3))
    runaway = clock.now()
    after = clock.reset("was set to 2057")
    assert after.node == clock.node != 1
    assert (after.epoch, after.physical_us) == (3, NOW_US)
    assert after < runaway
    stats = clock.stats()
    assert (stats.resets, stats.last_reset) == (1, "was set to 2057")


def test_after_a_reset_the_old_stamps_are_a_stranger_s(manual_source: ManualSource) -> None:
    """What the old identity stamped is judged as from anybody: refused for drift, no collision."""
    clock = Clock(node=1, source=manual_source, last=stamp(NOW_US + 10**15, 0, node=1))
    runaway = clock.now()
    clock.reset("was set to 2057")
    with pytest.raises(DriftError):
        clock.update(runaway)


def test_after_a_reset_stamps_rise_again(manual_clock: Clock) -> None:
    """From the reset on, every timestamp lies above the one before; two resets give two nodes."""
    manual_clock.now()
    stamps = [manual_clock.reset("one"), manual_clock.now(), manual_clock.now()]
    assert stamps == sorted(set(stamps))
    again = manual_clock.reset("two")
    assert len({stamps[0].node, again.node, 1}) == 3
    assert manual_clock.stats().resets == 2
    assert manual_clock.stats().last_reset == "two"


def test_a_reset_forgets_what_was_loaded(manual_source: ManualSource) -> None:
    """When the clock passes the loaded instant again after a reset, ``last`` is what it issued and not what it loaded."""
    loaded = stamp(NOW_US, 1, node=99)
    clock = Clock(node=1, source=manual_source, last=loaded)
    issued = clock.reset("test")
    assert (issued.physical_us, issued.logical) == (loaded.physical_us, loaded.logical)
    assert clock.last == issued


def _refuse(clock: Clock, *nodes: int) -> None:
    for node in nodes:
        with pytest.raises(DriftError):
            clock.update(stamp(NOW_US + 10**14, node=node))


def test_three_refused_nodes_make_it_suspect_itself(manual_clock: Clock) -> None:
    """Two may be wrong; who refuses three different ones is probably wrong itself. One node thrice does not count."""
    _refuse(manual_clock, 5, 6, 5, 6, 5)
    assert manual_clock.stats().suspects == (6, 5)
    assert manual_clock.stats().suspect_self is False
    _refuse(manual_clock, 7)
    assert manual_clock.stats().suspects == (6, 5, 7)
    assert manual_clock.stats().suspect_self is True


def test_blame_lasts_ten_minutes(manual_clock: Clock, manual_source: ManualSource) -> None:
    """A refusal is held against a node for ten minutes of monotonic time, counted from the latest one."""
    _refuse(manual_clock, 5, 6, 7)
    manual_source.advance(TEN_MINUTES_US - 1)
    assert manual_clock.stats().suspects == (5, 6, 7)
    manual_source.set(NOW_US)
    _refuse(manual_clock, 6)
    manual_source.advance(1)
    assert manual_clock.stats().suspects == (6,)
    assert manual_clock.stats().suspect_self is False
    manual_source.advance(TEN_MINUTES_US - 2)
    assert manual_clock.stats().suspects == (6,)
    manual_source.advance(1)
    assert manual_clock.stats().suspects == ()


def test_wall_time_does_not_clear_anybody(manual_clock: Clock, manual_source: ManualSource) -> None:
    """Setting the wall clock by hours neither forgets nor prolongs."""
    _refuse(manual_clock, 5)
    manual_source.set(NOW_US + 10 * TEN_MINUTES_US)
    assert manual_clock.stats().suspects == (5,)


def test_blame_has_a_limit(manual_clock: Clock) -> None:
    """Sixteen nodes are remembered, the latest: a flood of invented ones cannot fill the memory."""
    _refuse(manual_clock, *range(100, 200))
    assert manual_clock.stats().suspects == tuple(range(184, 200))
    _refuse(manual_clock, 184)
    assert manual_clock.stats().suspects == (*range(185, 200), 184)


def test_only_drift_is_blamed(manual_clock: Clock) -> None:
    """A refused epoch and a collision say nothing about anybody's clock; nor does what is not refused."""
    manual_clock.now()
    for remote in (stamp(NOW_US, node=5, epoch=9), stamp(NOW_US, 7, node=1)):
        with pytest.raises(Exception, match="timestamp|received"):
            manual_clock.update(remote)
    for policy in ("ignore", "clamp", "adopt"):
        manual_clock.update(stamp(NOW_US + 10**12, node=6), on_drift=policy)
    assert manual_clock.stats().suspects == ()


def test_a_reset_clears_the_blame(manual_clock: Clock) -> None:
    """With its time corrected, the clock starts without grudges; the count of refusals stays."""
    _refuse(manual_clock, 5, 6, 7)
    manual_clock.reset("it was me")
    stats = manual_clock.stats()
    assert (stats.suspects, stats.suspect_self, stats.refused_drift) == ((), False, 3)
