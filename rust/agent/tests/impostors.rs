//! People who have the key and say by messages that they are somebody else.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_agent::gossip::packet::{Kind, from_text, to_text};
use flocktime_agent::gossip::{HeaderRefusal, PeerReport, Route, Verdict};
use flocktime_core::flocking::State;
use village::messages::{call, services, silent};
use village::{Insider, SECOND, Village, keyring, scattered};

const WRONG_NS: i64 = 400_000_000;

/// Somebody with the key who shows a member's ids, is ahead of it in its numbers, and says another time.
fn impostor(village: &Village, of: usize) -> Insider {
    let real = village.members[of].machine.settings();
    let mut impostor = Insider::new(village::address(9), &keyring(), 0);
    (impostor.packet.node, impostor.packet.incarnation, impostor.packet.origin) =
        (real.node, real.incarnation, real.origin);
    impostor.packet.sequence = 1_000_000;
    impostor
}

/// One message of the impostor's and its answer, a stranger's at first; what it echoes next.
fn deceive(village: &mut Village, impostor: &mut Insider, at: usize, echo: Option<u64>) -> u64 {
    impostor.packet.tx_h_ns = village.now_ns + 7 * SECOND;
    impostor.packet.tx_l_ns = village.now_ns as i64 + village::START_NS + WRONG_NS;
    let text = to_text(&impostor.says(Kind::Note, echo));
    let server = &mut village.members[at];
    server.machine.take_header(&text, server.host.raw(), &server.host).unwrap();
    let answer = server.machine.reply_header(&text, &server.host).unwrap();
    let mut room = [0; 256];
    let answer = from_text(&answer, &mut room).unwrap();
    keyring().open(answer).unwrap().decode().unwrap().nonce
}

fn voters(village: &Village, at: usize) -> Vec<PeerReport> {
    village.members[at].report().peers.into_iter().filter(|peer| peer.voted).collect()
}

/// Whoever asks for a nonce in a member's name, and comes back with it, is somebody else: what is known of the member by messages
/// stays as it was, its own messages are taken, and its vote is its own.
#[test]
fn nobody_becomes_another_by_coming_back() {
    let mut village = services(231);
    for _ in 0..250 {
        call(&mut village, 0, 1, "server");
        village.run(0.1);
    }
    assert!(village.all(0..2, State::Synchronised), "{:?} {}", village.states(), village.told());
    let mut impostor = impostor(&village, 0);
    let mut echo = None;
    for round in 0..300 {
        echo = Some(deceive(&mut village, &mut impostor, 1, echo));
        assert_eq!(call(&mut village, 0, 1, "server"), (true, true), "silenced, {}", village.told());
        village.run(0.1);
        for voter in voters(&village, 1) {
            let off = voter.offset_ns.unwrap().abs();
            assert!(off < 5e6, "round {round}: a vote {off} ns away, {}", village.told());
        }
    }
    assert!(village.all(0..2, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.skew_ns(0..2) < 500_000, "{} ns, {}", village.skew_ns(0..2), village.told());
}

/// Nor does it touch what is known of the member by datagrams, which goes on being heard.
#[test]
fn no_header_reaches_a_peer_by_datagrams() {
    let mut village = Village::new(&scattered(4), 232, |_, _| {});
    village.run(30.0);
    let mut impostor = impostor(&village, 0);
    let mut echo = None;
    for _ in 0..40 {
        echo = Some(deceive(&mut village, &mut impostor, 1, echo));
        village.run(0.5);
        let peers = village.members[1].report().peers;
        let real = peers.iter().find(|peer| peer.route == Route::Address(village::address(0))).unwrap();
        let off = real.offset_ns.unwrap().abs();
        assert!(off < 1e6 && real.silent_rounds < 5 && real.verdict != Verdict::Wrong, "{real:?} {}", village.told());
    }
    assert_eq!(village.members[1].machine.counters().replayed, 0, "{}", village.told());
    assert!(village.all(0..4, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.skew_ns(0..4) < 100_000, "{} ns, {}", village.skew_ns(0..4), village.told());
}

/// Whoever is there first in a member's name does not keep it out: neither the member when it comes, nor when it has restarted.
#[test]
fn nobody_keeps_another_out() {
    let mut village = services(233);
    village.run(0.1);
    let mut impostor = impostor(&village, 0);
    let mut echo = None;
    for restarted in [false, true] {
        if restarted {
            village.restart(0, |_| {});
            village = silent(village);
            impostor.packet.incarnation = village.members[0].machine.settings().incarnation;
        }
        for _ in 0..5 {
            echo = Some(deceive(&mut village, &mut impostor, 1, echo));
        }
        assert_eq!(call(&mut village, 0, 1, "server"), (false, true), "{}", village.told());
        for _ in 0..50 {
            echo = Some(deceive(&mut village, &mut impostor, 1, echo));
            assert_eq!(call(&mut village, 0, 1, "server"), (true, true), "{}", village.told());
        }
    }
}

/// A nonce that one was given is of no use to another who shows other ids, nor a second time to its own sender's double.
#[test]
fn an_offer_is_used_once() {
    let mut village = services(234);
    village.run(0.1);
    let [mut first, mut other] = [1000, 2000].map(|id| Insider::new(village::address(9), &keyring(), id));
    let offered = deceive(&mut village, &mut first, 1, None);
    let accepted = |village: &Village| village.members[1].machine.counters().accepted;
    deceive(&mut village, &mut other, 1, Some(offered));
    assert_eq!(accepted(&village), 0, "{}", village.told());
    let proof = to_text(&first.says(Kind::Note, Some(offered)));
    let server = &mut village.members[1];
    assert!(server.machine.take_header(&proof, 0, &server.host).unwrap().trusted, "{}", village.told());
    let server = &mut village.members[1];
    assert_eq!(server.machine.take_header(&proof, 0, &server.host), Err(HeaderRefusal::Replayed));
    let late = deceive(&mut village, &mut other, 1, None);
    village.run(33.0);
    deceive(&mut village, &mut other, 1, Some(late));
    assert_eq!(accepted(&village), 1, "too late, {}", village.told());
}

/// Somebody who shows a member's origin from another address after it has been heard does not get its vote, and the report says
/// that an origin is shown by two.
#[test]
fn who_comes_later_does_not_get_the_vote() {
    let mut village = Village::new(&scattered(6), 235, |_, _| {});
    village.members[5].running = false;
    village.run(40.0);
    assert!((0..5).all(|place| village.members[place].report().shared_origins == 0), "{}", village.told());
    village.restart(5, |settings| settings.origin = 101);
    for _ in 0..60 {
        village.run(1.0);
        for place in [0, 2, 3, 4] {
            let nodes: Vec<_> = voters(&village, place).iter().filter_map(|peer| peer.node).collect();
            assert!(nodes.contains(&2) && !nodes.contains(&6), "{nodes:?} vote, {}", village.told());
        }
    }
    assert_eq!(village.members[0].report().shared_origins, 1, "{}", village.told());
    assert_eq!(village.members[1].report().shared_origins, 1, "its own, {}", village.told());
    village.members[5].running = false;
    village.run(20.0);
    assert_eq!(village.members[0].report().shared_origins, 0, "{}", village.told());
}
