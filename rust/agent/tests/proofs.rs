//! What proves that a stranger is there, proves it once.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use std::net::SocketAddr;

use flocktime_agent::gossip::packet::Kind;
use village::{Insider, Village, address, keyring, scattered};

fn far_away(id: u64) -> SocketAddr {
    SocketAddr::from(([172, (id >> 16) as u8, (id >> 8) as u8, id as u8], 4000))
}

/// What proved a member to be there proves it once: after another incarnation of it has come, the former one's proof is void.
#[test]
fn a_proof_is_used_once() {
    let mut village = Village::new(&scattered(2), 122, |_, _| {});
    village.run(3.0);
    let mut first = Insider::new(far_away(1), &keyring(), 1000);
    let cookie = first.tell(&mut village, 0, Kind::Request, None).unwrap();
    let proof = first.says(Kind::Request, Some(cookie.nonce));
    village.hand_over(village.now_ns, far_away(1), address(0), &proof);
    let mut second = Insider::new(far_away(1), &keyring(), 1000);
    (second.packet.incarnation, second.packet.nonce) = (1002, 50_000);
    let cookie = second.tell(&mut village, 0, Kind::Request, None).unwrap();
    let answer = second.tell(&mut village, 0, Kind::Request, Some(cookie.nonce)).unwrap();
    let before = village.members[0].machine.counters();
    village.hand_over(village.now_ns, far_away(1), address(0), &proof);
    let after = village.members[0].machine.counters();
    assert_eq!(after.accepted, before.accepted, "the former life is back, {}", village.told());
    second.tell(&mut village, 0, Kind::Request, Some(answer.nonce));
    assert_eq!(village.members[0].machine.counters().accepted, before.accepted + 1, "{}", village.told());
}

/// Nor does it prove it again once its sender had to make room for others and was forgotten.
#[test]
fn a_proof_is_used_once_also_after_an_eviction() {
    let mut village = Village::new(&scattered(2), 123, |_, _| {});
    village.run(17.5);
    let mut first = Insider::new(far_away(0), &keyring(), 1000);
    let cookie = first.tell(&mut village, 0, Kind::Request, None).unwrap();
    let proof = first.says(Kind::Request, Some(cookie.nonce));
    village.hand_over(village.now_ns, far_away(0), address(0), &proof);
    assert!(village.members[0].remembers(far_away(0)), "{}", village.told());
    for round in 0..20 {
        for id in 1..=240 {
            let id = round * 240 + id;
            let mut stranger = Insider::new(far_away(id), &keyring(), 1000 + id);
            let cookie = stranger.tell(&mut village, 0, Kind::Request, None).unwrap();
            stranger.tell(&mut village, 0, Kind::Request, Some(cookie.nonce)).unwrap();
        }
        village.run(1.0);
    }
    assert!(!village.members[0].remembers(far_away(0)), "it had to make room, {}", village.told());
    let before = village.members[0].machine.counters().accepted;
    village.hand_over(village.now_ns, far_away(0), address(0), &proof);
    assert_eq!(village.members[0].machine.counters().accepted, before, "believed again, {}", village.told());
}
