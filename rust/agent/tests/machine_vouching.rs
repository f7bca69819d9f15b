//! What members say their time may be wrong by, against the truth.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_agent::gossip::AnchorPolicy;
use village::{START_NS, Village, scattered};

const MILLISECOND: i64 = 1_000_000;

/// A flock in which these members' OS clocks count as UTC, each off by so much; all admit `error_ns`.
fn anchored(count: usize, anchors: &'static [(usize, i64)], error_ns: u64, seed: u64) -> Village {
    let mut offsets = scattered(count);
    for &(place, offset_ns) in anchors {
        offsets[place] = offset_ns;
    }
    let village = Village::new(&offsets, seed, |place, settings| {
        let anchor = anchors.iter().any(|&(one, _)| one == place);
        settings.anchor = if anchor { AnchorPolicy::Always { error_ns } } else { AnchorPolicy::Never };
    });
    for &(place, _) in anchors {
        village.members[place].host.ppm.set(0.0);
    }
    village
}

/// Bounds seen, those that were free running, and the largest after the first half.
#[derive(Debug, Default)]
struct Seen {
    bounds: usize,
    free_running: usize,
    largest_ns: u64,
}

/// Runs, and holds every bound against the truth, fifty times a second.
fn watched(village: &mut Village, seconds: u32) -> Seen {
    let mut seen = Seen::default();
    for look in 0..seconds * 50 {
        village.run(0.02);
        for (place, member) in village.members.iter().enumerate() {
            member.host.true_ns.set(village.now_ns);
            let guidance = member.machine.guidance();
            let (raw_ns, truth_ns) = (member.host.raw(), START_NS + village.now_ns as i64);
            // Before that nobody reads it: who has met one other member believes that one.
            let Some(bound) = guidance.bound_at(raw_ns).filter(|_| guidance.in_force) else { continue };
            let off_ns = guidance.discipline.at(raw_ns).abs_diff(truth_ns);
            assert!(off_ns <= bound.error_ns, "member {place}: {off_ns} ns off, {bound:?}; {}", village.told());
            seen.bounds += 1;
            seen.free_running += usize::from(bound.free_running);
            if look > seconds * 25 {
                seen.largest_ns = seen.largest_ns.max(bound.error_ns);
            }
        }
    }
    seen
}

/// Anchors that are off by as much as they admit, in either direction: the truth is never outside of what members say, in every
/// bound that a clock is given.
#[test]
fn truth_is_never_outside() {
    for seed in 270..274 {
        let mut village = anchored(8, &[(5, MILLISECOND), (6, -MILLISECOND), (7, MILLISECOND)], 1_000_000, seed);
        let seen = watched(&mut village, 60);
        assert!(seen.bounds > 8 * 50 * 30, "{seen:?} {}", village.told());
        assert!(seen.free_running < seen.bounds / 20, "{seen:?} {}", village.told());
    }
}

/// One of four anchors lies: it admits a millisecond and is half a second off.
#[test]
fn a_liar_moves_no_bound_off_the_truth() {
    let anchors = &[(4, 500 * MILLISECOND), (5, MILLISECOND), (6, -MILLISECOND), (7, 0)];
    let mut village = anchored(8, anchors, 1_000_000, 275);
    let seen = watched(&mut village, 60);
    assert!(seen.bounds > 0, "{seen:?}");
}

/// What was passed on by others, who have it from others, holds as well.
#[test]
fn what_is_passed_on_holds() {
    let mut village = anchored(6, &[(5, MILLISECOND)], 1_000_000, 276);
    // A line: each hears its neighbours.
    village.cut = Some(Box::new(|from, to| from.abs_diff(to) > 1));
    let seen = watched(&mut village, 60);
    assert!(seen.bounds > 6 * 50 * 20, "{seen:?} {}", village.told());
}

/// When the anchors fall silent, bounds grow, say so, and still hold.
#[test]
fn bounds_grow_when_nobody_vouches() {
    let mut village = anchored(6, &[(4, 0), (5, MILLISECOND)], 1_000_000, 277);
    let before = watched(&mut village, 40);
    for place in [4, 5] {
        village.members[place].running = false;
    }
    let after = watched(&mut village, 120);
    assert!(before.free_running < after.free_running && after.largest_ns > before.largest_ns, "{before:?} {after:?}");
}

/// Without an anchor nobody says anything.
#[test]
fn without_anchors_there_is_no_bound() {
    let mut village = anchored(5, &[], 0, 278);
    assert_eq!(watched(&mut village, 30).bounds, 0);
}
