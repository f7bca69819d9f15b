//! A few wrong ones among many right ones.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_agent::gossip::packet;
use flocktime_core::flocking::State;
use village::{TO_2051_NS, Village, scattered};

const HOUR_NS: i64 = 3_600_000_000_000;

/// What honest members reach beside one that lies in this way.
fn beside(count: usize, seed: u64, lie: Option<fn() -> village::Bend>) -> (Village, i64) {
    let mut village = Village::new(&scattered(count), seed, |_, _| {});
    village.members[count - 1].bend = lie.map(|lie| lie());
    village.run(60.0);
    let honest: Vec<usize> = (0..count - 1).collect();
    assert!(village.all(honest.clone(), State::Synchronised), "{:?} {}", village.states(), village.told());
    let worst = village.worst_skew_ns(30.0, &honest);
    (village, worst)
}

/// One member of four to eight that says it is 2051 does not move the others, who call it by its name and nobody else.
#[test]
fn one_in_2051() {
    for (seed, count) in (61..).zip([4, 5, 8]) {
        let (village, worst) = beside(count, seed, Some(|| Box::new(|packet, _, _| packet.tx_l_ns += TO_2051_NS)));
        assert!(worst < 75_000, "{count} members: {worst} ns, {}", village.told());
        for place in 0..count - 1 {
            assert_eq!(village.members[place].names(), [count as u64], "{}", village.told());
            assert!(village.error_ns(place).abs() < 300_000_000, "{}", village.told());
            assert!(!village.members[place].report().suspects_itself, "{}", village.told());
        }
    }
}

/// One that swings by an hour either way every ten seconds does not either.
#[test]
fn one_that_swings() {
    let swing = || -> village::Bend {
        Box::new(|packet, _, now_ns| {
            packet.tx_l_ns += if now_ns / 10_000_000_000 % 2 == 0 { HOUR_NS } else { -HOUR_NS }
        })
    };
    let (village, worst) = beside(6, 64, Some(swing));
    assert!(worst < 75_000, "{worst} ns, {}", village.told());
    for place in 0..5 {
        assert_eq!(village.members[place].names(), [6], "{}", village.told());
    }
}

/// One in 2051 that is restarted every few seconds under another node id, incarnation and origin has one vote at most, moves
/// nobody, and is named although it is never the same.
#[test]
fn one_in_2051_under_ever_new_ids() {
    for (seed, period) in [(65, 2.0), (66, 7.0)] {
        let mut village = Village::new(&scattered(5), seed, |_, _| {});
        let mut named = 0;
        for life in 0..(90.0 / period) as u64 {
            village.restart(4, |settings| (settings.node, settings.origin) = (1000 + life, 5000 + life));
            village.members[4].bend = Some(Box::new(|packet, _, _| {
                packet.tx_l_ns += TO_2051_NS;
                (packet.state, packet.synchronised_once) = (packet::State::Synchronised, true);
            }));
            village.run(period);
            for place in 0..4 {
                let voted =
                    village.members[place].report().peers.iter().filter(|p| p.voted && p.node >= Some(1000)).count();
                assert!(voted <= 1, "{voted} votes, {}", village.told());
                named = named.max(village.members[place].names().iter().filter(|&&node| node >= 1000).count());
            }
        }
        assert!(village.all(0..4, State::Synchronised), "{:?} {}", village.states(), village.told());
        assert!(village.skew_ns(0..4) < 75_000, "{} ns, {}", village.skew_ns(0..4), village.told());
        assert_eq!(named, 1, "period {period}, {}", village.told());
        for place in 0..4 {
            assert!(village.members[place].names().iter().all(|&node| node >= 1000), "{}", village.told());
        }
    }
}

/// One whose address changes with each life as well votes no more than once either: who was heard for a moment only has no say.
#[test]
fn one_in_2051_from_ever_new_addresses() {
    let lives = 10;
    let mut village = Village::new(&scattered(5 + lives), 67, |_, _| {});
    for place in 5..5 + lives {
        village.members[place].running = false;
    }
    let known: Vec<_> = (0..5).map(village::address).collect();
    for place in 0..5 + lives {
        village.members[place]
            .machine
            .set_peers(&known.iter().copied().filter(|&to| to != village::address(place)).collect::<Vec<_>>());
    }
    village.run(40.0);
    for place in 5..5 + lives {
        village.restart(place, |_| {});
        village.members[place].bend = Some(Box::new(|packet, _, _| {
            packet.tx_l_ns += HOUR_NS;
            packet.state = packet::State::Synchronised;
        }));
        village.members[place].machine.set_peers(&known);
        for _ in 0..3 {
            village.run(1.0);
            for honest in 0..5 {
                let voted =
                    village.members[honest].report().peers.iter().filter(|p| p.voted && p.node > Some(5)).count();
                assert!(voted <= 1, "{voted} votes at member {honest}, {}", village.told());
            }
        }
        village.members[place].running = false;
    }
    assert!(village.all(0..5, State::Synchronised), "{:?} {}", village.states(), village.told());
}

/// Three colluding members of eleven that claim to be synchronised from the start, an hour ahead, do not capture those who are
/// still on their way.
#[test]
fn early_claims_capture_nobody() {
    let mut village = Village::new(&scattered(11), 68, |_, _| {});
    for place in 8..11 {
        village.members[place].bend = Some(Box::new(|packet, _, _| {
            packet.tx_l_ns += HOUR_NS;
            (packet.state, packet.synchronised_once) = (packet::State::Synchronised, true);
        }));
    }
    village.run(60.0);
    for place in 0..8 {
        assert!(
            village.error_ns(place).abs() < 300_000_000,
            "member {place} is {} ns off, {}",
            village.error_ns(place),
            village.told()
        );
    }
    assert!(village.skew_ns(0..8) < 75_000, "{} ns, {}", village.skew_ns(0..8), village.told());
    assert!(village.all(0..8, State::Synchronised), "{:?} {}", village.states(), village.told());
}

/// A member whose OS clock is an hour behind and whose software is honest suspects itself and ends in step; nobody names
/// anybody else.
#[test]
fn an_hour_behind() {
    let mut offsets = scattered(6);
    offsets[2] -= HOUR_NS;
    let mut village = Village::new(&offsets, 69, |_, _| {});
    for _ in 0..60 {
        village.run(1.0);
        for member in &village.members {
            assert!(member.names().iter().all(|&node| node == 3), "{:?} {}", member.names(), village.told());
        }
    }
    assert!(village.all(0..6, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.skew_ns(0..6) < 75_000, "{} ns, {}", village.skew_ns(0..6), village.told());
    for place in 0..6 {
        assert_eq!(village.members[place].report().suspects_itself, place == 2, "member {place}, {}", village.told());
    }
}

/// A liar that always says it is a little ahead, as much as the gate lets in, and that it runs a little faster than everybody,
/// does not drag the flock's rate away from the middle of the honest clocks for ever: one of five ends within 60 ppm.
#[test]
fn a_creeping_liar_stays_within_the_honest_rates() {
    let mut village = Village::new(&scattered(5), 70, |_, _| {});
    village.run(60.0);
    let rate = |village: &Village| {
        let member = &village.members[0];
        (1.0 + member.report().rate) * (1.0 + member.host.ppm.get() * 1e-6) - 1.0
    };
    let mut honest: Vec<f64> = (0..4).map(|place| village.members[place].host.ppm.get() * 1e-6).collect();
    honest.sort_by(f64::total_cmp);
    village.members[4].bend = Some(Box::new(|packet, _, _| {
        packet.tx_l_ns += 40_000;
        packet.y += 1.9e-6;
    }));
    for _ in 0..14 {
        village.run(100.0);
        let away = rate(&village) - f64::midpoint(honest[1], honest[2]);
        assert!(away.abs() < 60e-6, "{:.1} ppm away, {}", away * 1e6, village.told());
    }
}
