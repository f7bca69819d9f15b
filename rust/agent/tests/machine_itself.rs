//! Members that are told of themselves.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use flocktime_core::flocking::State;
use village::{Village, address, scattered};

fn told_of_all(village: &mut Village) {
    let all: Vec<_> = (0..village.members.len()).map(address).collect();
    for member in &mut village.members {
        member.machine.set_peers(&all);
    }
}

/// A member among whose peers is an address of its own asks there once, forgets it, says so, and does not ask again when it is told
/// the same again. An hour later it looks again, once.
#[test]
fn its_own_address_is_asked_once() {
    for count in [1, 2, 5] {
        let mut village = Village::new(&scattered(count), 281, |_, _| {});
        told_of_all(&mut village);
        for _ in 0..4 {
            village.run(15.0);
            told_of_all(&mut village);
        }
        for place in 0..count {
            let counters = village.members[place].machine.counters();
            assert_eq!((counters.own_addresses, counters.own), (1, 1), "{counters:?} {}", village.told());
            assert!(!village.members[place].remembers(address(place)), "{}", village.told());
            assert_eq!(village.members[place].report().peers.len(), count - 1, "{}", village.told());
        }
        let state = if count == 1 { State::Alone } else { State::Synchronised };
        assert!(village.all(0..count, state), "{:?} {}", village.states(), village.told());
    }
    let mut village = Village::new(&[0], 282, |_, _| {});
    told_of_all(&mut village);
    village.run(3590.0);
    assert_eq!(village.members[0].machine.counters().own, 1, "{}", village.told());
    village.run(20.0);
    assert_eq!(village.members[0].machine.counters().own, 2, "{}", village.told());
}

/// Its own packets from anywhere else, or long after, take no peer away.
#[test]
fn others_stay_whoever_sends_its_packets_back() {
    let mut village = Village::new(&scattered(3), 283, |_, _| {});
    village.keep_log = true;
    village.run(20.0);
    village.keep_log = false;
    let own: Vec<_> = village.log.iter().filter(|(from, ..)| *from == address(0)).cloned().collect();
    let [one, other] = [1, 2].map(address);
    for (_, to, bytes) in &own {
        let wrong = if *to == one { other } else { one };
        village.hand_over(village.now_ns, wrong, address(0), bytes);
    }
    let counters = village.members[0].machine.counters();
    assert_eq!((counters.own_addresses, counters.own), (0, own.len() as u64), "{}", village.told());
    assert!(village.members[0].remembers(one) && village.members[0].remembers(other), "{}", village.told());
}
