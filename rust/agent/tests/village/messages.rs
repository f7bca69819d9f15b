//! Messages that carry headers, between members that say nothing else to each other.

use super::Village;

/// Two services, of which member 0 calls member 1, and nothing else is said.
pub fn services(seed: u64) -> Village {
    let village = Village::new(&[0, 150_000_000], seed, |_, _| {});
    silent(village)
}

pub fn silent(mut village: Village) -> Village {
    for member in &mut village.members {
        member.machine.set_peers(&[]);
    }
    village
}

/// One call with its answer, each way taking about 300 µs; whether both sides took the other's word.
pub fn call(village: &mut Village, from: usize, to: usize, label: &str) -> (bool, bool) {
    let client = &mut village.members[from];
    let question = client.machine.header(label, &client.host);
    later(village, 300e3);
    let server = &mut village.members[to];
    let taken = server.machine.take_header(&question, server.host.raw(), &server.host).unwrap();
    later(village, 5e6);
    let server = &mut village.members[to];
    let answer = server.machine.reply_header(&question, &server.host).unwrap();
    later(village, 300e3);
    let client = &mut village.members[from];
    let answered = client.machine.take_header(&answer, client.host.raw(), &client.host).unwrap();
    (taken.trusted, answered.trusted)
}

pub fn later(village: &mut Village, ns: f64) {
    let ns = ns + village.random.exponential(ns / 3.0);
    village.run(ns / 1e9);
}
