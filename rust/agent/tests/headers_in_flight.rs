//! Many messages on their way at once.
#![allow(clippy::unwrap_used, reason = "tests")]

mod village;

use std::collections::VecDeque;

use flocktime_agent::gossip::HeaderRefusal;
use flocktime_core::flocking::State;
use village::Village;
use village::messages::services;

const SERVER_NS: u64 = 50_000_000;
const WAY_NS: u64 = 300_000;

/// What is on its way, and when it comes.
#[derive(Default)]
struct Pipe {
    questions: VecDeque<(u64, String)>,
    served: VecDeque<(u64, String)>,
    answers: VecDeque<(u64, String)>,
}

fn due(pipe: &mut VecDeque<(u64, String)>, now_ns: u64) -> Option<String> {
    pipe.front().is_some_and(|&(at_ns, _)| at_ns <= now_ns).then(|| pipe.pop_front().unwrap().1)
}

/// Member 0 calls member 1 a thousand times a second for so long; each answer takes 50 ms. How many questions and answers were
/// taken in, and how many of them with trust.
fn storm(village: &mut Village, pipe: &mut Pipe, seconds: f64) -> [u32; 4] {
    let mut counts = [0; 4];
    for _ in 0..(seconds * 1e3) as u64 {
        village.run(1e-3);
        let now_ns = village.now_ns;
        let [client, server] = &mut village.members[..] else { panic!("two members") };
        pipe.questions.push_back((now_ns + WAY_NS, client.machine.header("server", &client.host)));
        while let Some(text) = due(&mut pipe.questions, now_ns) {
            let taken = server.machine.take_header(&text, server.host.raw(), &server.host).unwrap();
            counts[0] += 1;
            counts[1] += u32::from(taken.trusted);
            pipe.served.push_back((now_ns + SERVER_NS, text));
        }
        while let Some(text) = due(&mut pipe.served, now_ns) {
            // Only so many strangers are answered in a round: a message without a header is a message like any other.
            if let Ok(answer) = server.machine.reply_header(&text, &server.host) {
                pipe.answers.push_back((now_ns + WAY_NS, answer));
            }
        }
        while let Some(text) = due(&mut pipe.answers, now_ns) {
            let taken = client.machine.take_header(&text, client.host.raw(), &client.host).unwrap();
            counts[2] += 1;
            counts[3] += u32::from(taken.trusted);
        }
    }
    counts
}

/// With fifty messages on their way at any time, from the first moment on, both sides come into step, and after the first tenth
/// of a second every question and every answer is trusted.
#[test]
fn fifty_in_flight() {
    let mut village = services(241);
    village.run(0.1);
    let mut pipe = Pipe::default();
    storm(&mut village, &mut pipe, 0.2);
    let [questions, trusted_questions, answers, trusted_answers] = storm(&mut village, &mut pipe, 40.0);
    assert_eq!((trusted_questions, trusted_answers), (questions, answers), "{}", village.told());
    assert!(questions >= 39_000 && answers >= 39_000, "{questions} {answers}, {}", village.told());
    assert!(village.all(0..2, State::Synchronised), "{:?} {}", village.states(), village.told());
    assert!(village.skew_ns(0..2) < 500_000, "{} ns, {}", village.skew_ns(0..2), village.told());
    for member in &village.members {
        let counters = member.machine.counters();
        assert!(counters.samples >= 40 * 5, "several a second: {counters:?} {}", village.told());
        assert_eq!(counters.impossible, 0, "{counters:?} {}", village.told());
    }
}

/// Calls one after the other are measured each, ten a second; and messages of which none is ever answered take no more room than
/// a few, so that the next answer counts.
#[test]
fn unanswered_messages_make_room() {
    let mut village = services(242);
    village.run(0.1);
    let text = |village: &mut Village| {
        let client = &mut village.members[0];
        client.machine.header("server", &client.host)
    };
    for _ in 0..1000 {
        text(&mut village);
    }
    village.run(2.1);
    let question = text(&mut village);
    let server = &mut village.members[1];
    server.machine.take_header(&question, server.host.raw(), &server.host).unwrap();
    let answer = server.machine.reply_header(&question, &server.host).unwrap();
    let client = &mut village.members[0];
    assert!(client.machine.take_header(&answer, client.host.raw(), &client.host).unwrap().trusted);
    assert_eq!(village.members[0].machine.counters().samples, 1, "{}", village.told());
}

/// Replied to is what was taken in, a stranger's header once, and no longer after a thousand others have come.
#[test]
fn replies_are_to_what_was_taken_in() {
    let mut village = services(243);
    village.run(0.1);
    let question = |village: &mut Village| {
        let client = &mut village.members[0];
        client.machine.header("server", &client.host)
    };
    let take = |village: &mut Village, text: &str| {
        let server = &mut village.members[1];
        server.machine.take_header(text, server.host.raw(), &server.host).unwrap()
    };
    let reply = |village: &mut Village, text: &str| {
        let server = &mut village.members[1];
        server.machine.reply_header(text, &server.host)
    };
    let first = question(&mut village);
    assert_eq!(reply(&mut village, &first), Err(HeaderRefusal::NotReceived), "{}", village.told());
    take(&mut village, &first);
    let answer = reply(&mut village, &first).unwrap();
    assert_eq!(reply(&mut village, &first), Err(HeaderRefusal::NotReceived), "a stranger's twice, {}", village.told());
    let client = &mut village.members[0];
    client.machine.take_header(&answer, client.host.raw(), &client.host).unwrap();
    let known = question(&mut village);
    assert_eq!(reply(&mut village, &known), Err(HeaderRefusal::NotReceived), "{}", village.told());
    assert!(take(&mut village, &known).trusted, "{}", village.told());
    assert!(reply(&mut village, &known).is_ok(), "{}", village.told());
    for _ in 0..1024 {
        let next = question(&mut village);
        assert!(take(&mut village, &next).trusted, "{}", village.told());
    }
    assert_eq!(reply(&mut village, &known), Err(HeaderRefusal::NotReceived), "{}", village.told());
}
