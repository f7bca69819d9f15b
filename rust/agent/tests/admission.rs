//! Who is believed: only what is authentic, new, and from somebody who has proven to be there.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use std::net::SocketAddr;

use flocktime_agent::gossip::keyring::{Key, Keyring};
use flocktime_agent::gossip::packet::{Kind, from_text};
use flocktime_agent::gossip::{Counters, Report};
use flocktime_core::flocking::State;
use village::{Insider, Village, scattered};

/// So many strangers are answered in a round.
const ANSWERS: usize = 256;

/// All that a member believes, without what it counts.
fn beliefs(village: &Village, place: usize) -> (Report, String, usize) {
    let member = &village.members[place];
    let report = Report { counters: Counters::default(), ..member.report() };
    let guidance = format!("{:?} {:?}", member.machine.guidance(), member.machine.discipline());
    (report, guidance, member.host.merged.borrow().len())
}

fn counters(village: &Village, place: usize) -> Counters {
    village.members[place].machine.counters()
}

fn recorded(seed: u64, seconds: f64) -> Village {
    let mut village = Village::new(&scattered(6), seed, |_, _| {});
    village.keep_log = true;
    village.run(seconds);
    village.keep_log = false;
    village
}

/// A datagram or a header of any kind with any one bit changed changes nothing but counters, and gets no answer; unchanged it is
/// authentic, and the request is taken.
#[test]
fn no_flipped_bit_is_taken() {
    let mut village = recorded(101, 20.0);
    let (from, to) = (village::address(1), village::address(0));
    let nonce = village.members[1].report().peers.len() as u64; // anything
    let mut impostor = village.members[1].machine.clone();
    let host = &village.members[1].host;
    host.true_ns.set(village.now_ns);
    let note = impostor.header("zero", host);
    let mut room = [0; 256];
    let mut kinds = vec![from_text(&note, &mut room).unwrap().to_vec()];
    // The next request and reply that member 1 would send to member 0.
    let mut sent = Vec::new();
    for step in 0..2_000_u64 {
        host.true_ns.set(village.now_ns + step * 1_000_000);
        impostor.tick(host, &mut |to, bytes: &[u8]| sent.push((to, bytes.to_vec())));
    }
    kinds.push(sent.into_iter().find(|&(target, _)| target == to).unwrap().1);
    host.true_ns.set(village.now_ns);
    let asked = village.log.iter().rev().find(|(f, t, b)| *f == to && *t == from && b[4] == 1).unwrap().2.clone();
    let mut packet = village.keyring.open(&asked).unwrap().decode().unwrap();
    (packet.sequence, packet.nonce) = (packet.sequence + 1000, nonce + 1);
    let asked = village::seal(&village.keyring, &packet);
    let received = host.raw();
    let mut out = Vec::new();
    impostor.receive(to, &asked, received, host, &mut |_, bytes: &[u8]| out.push(bytes.to_vec()));
    kinds.extend(out);
    assert_eq!(kinds.iter().map(|bytes| bytes[4]).collect::<Vec<_>>(), [3, 1, 2], "note, request and reply");
    let mut flips = 0;
    for bytes in &kinds {
        let before = (beliefs(&village, 0), counters(&village, 0));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                village.hand_over(village.now_ns, from, to, &flipped),
                0,
                "bit {bit} answered, {}",
                village.told()
            );
            flips += 1;
        }
        assert_eq!(beliefs(&village, 0), before.0, "{}", village.told());
        let (was, is) = (before.1, counters(&village, 0));
        let refused = |c: &Counters| c.malformed + c.version + c.unauthenticated + c.unknown_key + c.forged;
        assert_eq!(refused(&is) - refused(&was), 168 * 8, "{is:?} {}", village.told());
        assert_eq!((is.accepted, is.samples, is.sent), (was.accepted, was.samples, was.sent), "{}", village.told());
        village.hand_over(village.now_ns, from, to, bytes);
        let now = counters(&village, 0);
        assert_eq!(refused(&now), refused(&is), "unchanged it is authentic, {}", village.told());
        assert!(bytes[4] != 1 || now.accepted == was.accepted + 1, "the request is taken, {}", village.told());
    }
    assert_eq!(flips, 3 * 168 * 8);
    let mut machine = village.members[0].machine.clone();
    for at in 0..note.len() {
        for bit in 0..7 {
            let mut text = note.clone().into_bytes();
            text[at] ^= 1 << bit;
            let text = String::from_utf8(text).unwrap();
            let refused = machine.take_header(&text, 0, &village.members[0].host);
            assert!(refused.is_err(), "character {at} bit {bit}: {refused:?}, {}", village.told());
        }
    }
    assert_eq!(machine.counters().accepted, counters(&village, 0).accepted);
}

/// Ten thousand recorded datagrams, sent again at once, are all counted as seen before; nothing is believed, merged, measured or
/// answered.
#[test]
fn no_replay_is_taken() {
    let mut village = recorded(102, 60.0);
    let log = village.log.clone();
    let (mut from_log, mut answered) = (log.iter().cycle(), 0);
    let before: Vec<_> = (0..6).map(|place| (beliefs(&village, place), counters(&village, place))).collect();
    for _ in 0..10_000 {
        let (from, to, bytes) = from_log.next().unwrap();
        answered += village.answers(village.now_ns, *from, *to, bytes).len();
    }
    let mut replayed = 0;
    for (place, (believed, counted)) in before.iter().enumerate() {
        assert_eq!(&beliefs(&village, place), believed, "{}", village.told());
        let now = counters(&village, place);
        assert_eq!((now.accepted, now.samples), (counted.accepted, counted.samples), "{}", village.told());
        replayed += now.replayed - counted.replayed + now.unproven - counted.unproven;
    }
    assert_eq!((replayed, log.len() > 2_000), (10_000, true), "{}", village.told());
    assert!(answered <= 6 * ANSWERS, "{answered} answers, {}", village.told());
}

/// After the receiver's restart none of them is believed either, and no more are answered than a round allows.
#[test]
fn no_replay_is_taken_after_a_restart() {
    let mut village = recorded(103, 60.0);
    let log = village.log.clone();
    village.restart(0, |_| {});
    let to_zero: Vec<_> = log.iter().filter(|(_, to, _)| *to == village::address(0)).collect();
    let mut answered = 0;
    for (from, to, bytes) in to_zero.iter().cycle().take(10_000) {
        answered += village.answers(village.now_ns, *from, *to, bytes).len();
    }
    let counted = counters(&village, 0);
    assert_eq!((counted.accepted, counted.samples, counted.unproven), (0, 0, 10_000), "{counted:?} {}", village.told());
    assert!(village.members[0].host.merged.borrow().iter().count() > 0, "it merged before the restart");
    assert_eq!(village.members[0].report().peers, [], "{}", village.told());
    assert!(
        answered <= ANSWERS && counted.unanswered as usize + answered >= 256,
        "{answered} {counted:?} {}",
        village.told()
    );
}

/// What one member was told does not count when it is delivered to another one, from whatever address.
#[test]
fn no_replay_is_taken_by_another_member() {
    let mut village = recorded(104, 60.0);
    let log: Vec<_> = village.log.iter().rev().take(2_000).cloned().collect();
    let before: Vec<_> = (0..6).map(|place| (beliefs(&village, place), counters(&village, place))).collect();
    for (from, to, bytes) in &log {
        for other in (0..6).map(village::address).filter(|other| other != to && other != from) {
            village.answers(village.now_ns, *from, other, bytes);
            village.answers(village.now_ns, *to, other, bytes);
        }
    }
    for (place, (believed, counted)) in before.iter().enumerate() {
        let now = counters(&village, place);
        assert_eq!(
            (now.accepted, now.samples),
            (counted.accepted, counted.samples),
            "member {place}, {}",
            village.told()
        );
        assert_eq!(&beliefs(&village, place), believed, "member {place}, {}", village.told());
    }
}

/// After the sender's restart nothing of its former life is believed, not even that with which it proved to be there.
#[test]
fn no_replay_is_taken_after_the_senders_restart() {
    let mut village = Village::new(&scattered(6), 105, |_, _| {});
    village.keep_log = true;
    village.run(4.0);
    village.keep_log = false;
    let former: Vec<_> = village.log.iter().filter(|(from, ..)| *from == village::address(1)).cloned().collect();
    village.restart(1, |_| {});
    village.run(6.0);
    let before: Vec<_> = (0..6).map(|place| (beliefs(&village, place), counters(&village, place))).collect();
    for (from, to, bytes) in &former {
        village.answers(village.now_ns, *from, *to, bytes);
    }
    for (place, (believed, counted)) in before.iter().enumerate() {
        let now = counters(&village, place);
        assert_eq!(
            (now.accepted, now.samples),
            (counted.accepted, counted.samples),
            "member {place}, {}",
            village.told()
        );
        assert_eq!(&beliefs(&village, place), believed, "member {place}, {}", village.told());
    }
}

/// A member's own packets, come back from anywhere, are counted as such and change nothing.
#[test]
fn own_packets_are_refused() {
    let mut village = recorded(106, 20.0);
    let own: Vec<_> = village.log.iter().filter(|(from, ..)| *from == village::address(0)).cloned().collect();
    let before = (beliefs(&village, 0), counters(&village, 0));
    for (from, to, bytes) in &own {
        assert_eq!(village.hand_over(village.now_ns, *to, *from, bytes), 0, "{}", village.told());
    }
    assert_eq!(beliefs(&village, 0), before.0, "{}", village.told());
    assert_eq!(counters(&village, 0).own - before.1.own, own.len() as u64, "{}", village.told());
}

/// Packets of another major version are counted as such and get no answer.
#[test]
fn other_versions_are_counted() {
    let mut village = recorded(107, 5.0);
    let (from, to, mut bytes) = village.log.last().cloned().unwrap();
    let place = (0..6).find(|&place| village::address(place) == to).unwrap();
    for major in (0..=255).filter(|&major| major != 1) {
        bytes[2] = major;
        assert_eq!(village.hand_over(village.now_ns, from, to, &bytes), 0);
    }
    assert_eq!(counters(&village, place).version, 255, "{}", village.told());
}

/// Without keys a flock synchronises as well, and no timestamp is ever passed on as vouched for; with keys every one is.
#[test]
fn trust_is_the_keys() {
    for keyed in [false, true] {
        let keyring = if keyed { village::keyring() } else { Keyring::without_keys() };
        let mut village = Village::new(&scattered(4), 108, |_, settings| settings.keyring = keyring.clone());
        village.run(60.0);
        assert!(village.all(0..4, State::Synchronised), "{:?} {}", village.states(), village.told());
        for member in &village.members {
            let merged = member.host.merged.borrow();
            assert!(merged.len() > 100 && merged.iter().all(|&(_, trusted)| trusted == keyed), "{}", village.told());
        }
    }
}

/// Keys are rotated in a running flock without one refused packet: the new one beside the old, then signing with it, then
/// without the old one; members one after the other.
#[test]
fn keys_rotate_without_a_gap() {
    let key = |id: u16| Key::new(id, &[id as u8; 32]).unwrap();
    let ring =
        |signing: u16, ids: &[u16]| Keyring::new(signing, &ids.iter().map(|&id| key(id)).collect::<Vec<_>>()).unwrap();
    let mut village = Village::new(&scattered(5), 109, |_, settings| settings.keyring = ring(1, &[1]));
    village.run(30.0);
    for keyring in [ring(1, &[1, 2]), ring(2, &[1, 2]), ring(2, &[2])] {
        for place in 0..5 {
            village.members[place].machine.set_keyring(keyring.clone());
            village.run(1.3);
            assert!(village.all(0..5, State::Synchronised), "{:?} {}", village.states(), village.told());
        }
    }
    for place in 0..5 {
        let c = counters(&village, place);
        assert_eq!((c.forged, c.unknown_key, c.unauthenticated), (0, 0, 0), "{}", village.told());
        let foreign: SocketAddr = village::address(4000);
        let mut old = Insider::new(foreign, &ring(1, &[1]), 77);
        assert!(old.tell(&mut village, place, Kind::Request, None).is_none(), "{}", village.told());
        assert_eq!(counters(&village, place).unknown_key, 1, "the old key is out, {}", village.told());
    }
}
