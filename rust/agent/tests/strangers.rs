//! Strangers, floods of them, and people who have the key and mean no good.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use std::net::SocketAddr;

use flocktime_agent::gossip::MAX_PEERS;
use flocktime_agent::gossip::keyring::Keyring;
use flocktime_agent::gossip::packet::{Anchor, Kind};
use flocktime_core::Timestamp;
use flocktime_core::flocking::State;
use village::{Insider, Random, Village, address, keyring, scattered};

fn far_away(id: u64) -> SocketAddr {
    SocketAddr::from(([172, (id >> 16) as u8, (id >> 8) as u8, id as u8], 4000))
}

/// Twenty thousand strangers, with the key or without one, with spoofed addresses, are not remembered, not believed, counted
/// exactly, and answered no more often than a round allows.
#[test]
fn a_flood_fills_no_table() {
    for (signed, seed) in [(true, 111), (false, 112)] {
        let ring = if signed { keyring() } else { Keyring::without_keys() };
        let mut village = Village::new(&scattered(4), seed, |_, settings| settings.keyring = ring.clone());
        village.run(20.0);
        let (before, peers) = (village.members[0].machine.counters(), village.members[0].report().peers);
        let mut answers = 0;
        for id in 0..20_000 {
            let mut stranger = Insider::new(far_away(id), &ring, 1000 + id);
            answers +=
                usize::from(stranger.tell(&mut village, 0, Kind::Request, (id % 2 == 0).then_some(id + 1)).is_some());
        }
        let after = village.members[0].machine.counters();
        assert_eq!(village.members[0].report().peers, peers, "{}", village.told());
        assert_eq!((after.unproven - before.unproven, after.accepted), (20_000, before.accepted), "{}", village.told());
        assert_eq!((answers, after.unanswered), (256, 20_000 - 256), "{}", village.told());
        village.run(20.0);
        assert!(village.all(0..4, State::Synchronised), "{:?} {}", village.states(), village.told());
    }
}

/// Junk of any length gets no answer and is counted.
#[test]
fn junk_is_counted() {
    let mut village = Village::new(&scattered(3), 113, |_, _| {});
    village.run(15.0);
    let (random, before) = (Random::new(113), village.members[0].machine.counters());
    for id in 0..20_000 {
        let length = random.next() as usize % 400;
        let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        if length > 8 && id % 2 == 0 {
            bytes[..8].copy_from_slice(&[b'f', b't', 1, 0, 1, 3, 0, 1]);
        }
        assert_eq!(village.hand_over(village.now_ns, far_away(id), address(0), &bytes), 0, "{}", village.told());
    }
    let after = village.members[0].machine.counters();
    let refused = after.malformed + after.version + after.unauthenticated + after.unknown_key + after.forged;
    let refused_before =
        before.malformed + before.version + before.unauthenticated + before.unknown_key + before.forged;
    assert_eq!(refused - refused_before, 20_000, "{after:?} {}", village.told());
    assert_eq!((after.received - before.received, after.sent), (20_000, before.sent), "{}", village.told());
}

/// Only the echo of what was sent to it proves a stranger, only from its own address, under its own node and incarnation, and
/// only for half a minute.
#[test]
fn only_the_right_echo_proves() {
    let mut village = Village::new(&scattered(2), 114, |_, _| {});
    village.run(3.0);
    let mut stranger = Insider::new(far_away(1), &keyring(), 1000);
    let cookie = stranger.tell(&mut village, 0, Kind::Request, None).unwrap();
    assert_eq!(cookie.echo.unwrap().nonce, stranger.packet.nonce, "the answer echoes the question, {}", village.told());
    let accepted = |village: &Village| village.members[0].machine.counters().accepted;
    let before = accepted(&village);
    let wrong: [fn(&mut Insider); 4] = [
        |other| other.address = far_away(2),
        |other| other.address.set_port(4001),
        |other| other.packet.node += 1,
        |other| other.packet.incarnation += 1,
    ];
    for change in wrong {
        let mut other = Insider::new(far_away(1), &keyring(), 1000);
        change(&mut other);
        other.tell(&mut village, 0, Kind::Request, Some(cookie.nonce));
        assert_eq!(accepted(&village), before, "{}", village.told());
    }
    for guess in [1, u64::MAX, cookie.nonce ^ 1, cookie.echo.unwrap().nonce] {
        stranger.tell(&mut village, 0, Kind::Request, Some(guess));
        assert_eq!(accepted(&village), before, "{}", village.told());
    }
    assert!(!village.members[0].remembers(far_away(1)), "{}", village.told());
    stranger.tell(&mut village, 0, Kind::Request, Some(cookie.nonce));
    assert_eq!(accepted(&village), before + 1, "{}", village.told());
    assert!(village.members[0].remembers(far_away(1)), "{}", village.told());
    let mut late = Insider::new(far_away(3), &keyring(), 3000);
    let cookie = late.tell(&mut village, 0, Kind::Request, None).unwrap();
    village.run(33.0);
    let before = accepted(&village);
    late.tell(&mut village, 0, Kind::Request, Some(cookie.nonce));
    assert_eq!(accepted(&village), before, "{}", village.told());
}

/// However many prove to be there, no more than 4,096 are remembered, and partners are among them with all that was measured.
#[test]
fn strangers_do_not_push_partners_out() {
    let mut village = Village::new(&scattered(5), 115, |_, _| {});
    village.run(40.0);
    let rates = |village: &Village| {
        (1..5).map(|other| village.sees(0, other).and_then(|peer| peer.rate).is_some()).collect::<Vec<_>>()
    };
    assert_eq!(rates(&village), [true; 4], "{}", village.told());
    let mut proven: Vec<(Insider, u64)> = Vec::new();
    for _ in 0..22 {
        for (stranger, nonce) in &mut proven {
            if let Some(answer) = stranger.tell(&mut village, 0, Kind::Request, Some(*nonce)) {
                *nonce = answer.nonce;
            }
        }
        for _ in 0..200 {
            let id = proven.len() as u64 + 1;
            let mut stranger = Insider::new(far_away(id), &keyring(), 1000 + id);
            stranger.packet.state = State::Joining;
            let Some(cookie) = stranger.tell(&mut village, 0, Kind::Request, None) else { continue };
            let answer = stranger.tell(&mut village, 0, Kind::Request, Some(cookie.nonce)).unwrap();
            proven.push((stranger, answer.nonce));
        }
        village.run(1.0);
        for other in 1..5 {
            assert!(village.members[0].remembers(address(other)), "partner {other} is gone, {}", village.told());
        }
        assert!(village.members[0].report().peers.len() <= MAX_PEERS, "{}", village.told());
    }
    let counted = village.members[0].machine.counters();
    assert!(counted.evicted > 0, "it was full: {counted:?}, {}", village.told());
    assert_eq!(rates(&village), [true; 4], "{}", village.told());
    assert_eq!(village.state(0), State::Synchronised, "{}", village.told());
}

/// Somebody with the key who does not see what two members say to each other can neither speak in one's name to the other nor
/// silence it.
#[test]
fn nobody_speaks_for_another() {
    let mut village = Village::new(&scattered(4), 116, |_, _| {});
    village.run(30.0);
    let real = village.members[1].machine.settings().clone();
    let before = village.members[0].machine.counters();
    let mut impostor = Insider::new(address(1), &keyring(), 0);
    (impostor.packet.node, impostor.packet.incarnation, impostor.packet.origin) =
        (real.node, real.incarnation, real.origin);
    for sequence in [1_000_000, u64::MAX - 1] {
        impostor.packet.sequence = sequence;
        let bytes = impostor.says(Kind::Request, Some(12345));
        village.hand_over(village.now_ns, address(1), address(0), &bytes);
    }
    assert_eq!(
        village.members[0].machine.counters().accepted,
        before.accepted,
        "spoke in its name, {}",
        village.told()
    );
    village.run(10.0);
    let seen = village.sees(0, 1).unwrap();
    assert!(seen.silent_rounds < 5, "member 1 is silenced: {seen:?}, {}", village.told());
}

/// While somebody without the key repeats a recorded request from ever new addresses, as fast as it likes, a newcomer can still
/// join, also one that the others were not told of.
#[test]
fn a_flood_of_repeated_requests_shuts_nobody_out() {
    let mut village = Village::new(&scattered(5), 117, |_, _| {});
    village.members[4].running = false;
    for place in 0..4 {
        let others: Vec<_> = (0..4).filter(|&other| other != place).map(address).collect();
        village.members[place].machine.set_peers(&others);
    }
    village.keep_log = true;
    village.run(30.0);
    village.keep_log = false;
    let request = village.log.iter().find(|(_, _, bytes)| bytes[4] == 1).unwrap().2.clone();
    village.restart(4, |_| {});
    let mut id = 0;
    for _ in 0..800 {
        for place in 0..5 {
            loop {
                id += 1;
                let answers = village.answers(village.now_ns, far_away(id), address(place), &request);
                if answers.is_empty() {
                    break; // no more in this round
                }
            }
        }
        village.run(0.05);
    }
    assert!(village.all(0..5, State::Synchronised), "{:?} {}", village.states(), village.told());
}

/// A member that has the key and says any numbers that a packet can hold panics nobody, leaves every number finite, and moves
/// nobody's clock faster than it may run.
#[test]
fn any_numbers_do_no_harm() {
    for seed in 118..121 {
        let mut village = Village::new(&scattered(5), seed, |_, _| {});
        let random = Random::new(seed);
        let wild = move || match random.next() % 4 {
            0 => random.next(),
            1 => [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1][(random.next() % 6) as usize],
            _ => 1_700_000_000_000_000_000 + random.next() % (1 << 45),
        };
        let small = Random::new(seed + 50);
        village.members[4].bend = Some(Box::new(move |packet, _, _| {
            packet.tx_l_ns = wild() as i64;
            if wild() % 3 == 0 {
                packet.tx_h_ns = wild();
            }
            (packet.y, packet.s, packet.u) =
                (small.unit() * 2e-3 - 1e-3, small.unit() * 0.12 - 0.06, small.unit() * 2e-3 - 1e-3);
            packet.error_ns = wild();
            packet.stamp = Timestamp::from_u128(u128::from(wild()) << 64 | u128::from(wild()));
            packet.origin = wild();
            packet.state = [State::Synchronised, State::Joining, State::Alone, State::Undecided][(wild() % 4) as usize];
            if let Some(echo) = packet.echo.as_mut().filter(|_| wild() % 2 == 0) {
                echo.received_ns = wild();
            }
        }));
        for _ in 0..90 {
            village.run(1.0);
            for member in &village.members[..4] {
                let report = member.report();
                let numbers =
                    [report.offset_ns, report.rate, report.slew, report.utc_slew, report.os_lead_ns, report.gate_ns];
                assert!(numbers.iter().all(|number| number.is_finite()), "{numbers:?} {}", village.told());
                assert!(report.rate.abs() <= 200e-6 && report.slew.abs() <= 0.05 && report.utc_slew.abs() <= 50e-6);
                let peers =
                    report.peers.iter().flat_map(|peer| [peer.offset_ns, peer.error_ns, peer.delay_ns, peer.rate]);
                assert!(peers.flatten().all(f64::is_finite), "{}", village.told());
            }
        }
        assert!(village.all(0..4, State::Synchronised), "{:?} {}", village.states(), village.told());
        assert!(village.skew_ns(0..4) < 75_000, "{} ns, {}", village.skew_ns(0..4), village.told());
    }
}

/// One member that says any numbers about UTC does not pull the others apart, also where nobody else knows any.
#[test]
fn a_wild_anchor_pulls_nobody_apart() {
    let mut village = Village::new(&scattered(5), 121, |_, _| {});
    let random = Random::new(121);
    village.members[4].bend = Some(Box::new(move |packet, _, _| {
        let offset_ns = (random.next() % 10_000_000_000) as i64 - 5_000_000_000;
        packet.anchor = Some(Anchor { offset_ns, error_ns: random.next() % 1_000_000_000, hops: 0 });
    }));
    village.run(60.0);
    let worst = village.worst_skew_ns(40.0, &[0, 1, 2, 3]);
    assert!(worst < 75_000, "{worst} ns, {}", village.told());
}
