//! What a watermark promises where the buffer stamps: no event that is taken out later is stamped at or below it, and it never
//! goes back.

use flocktime_core::Timestamp;

use crate::play::{ANY, EACH_FIRST, EITHER_FIRST, Play, explore};
use crate::world::{Seen, World, assert_ascending, assert_kept, ids};

/// Asks, takes an event, and asks again.
fn ask_pop_ask(world: &World) -> (Option<Seen>, Option<Timestamp>) {
    let first = world.promise();
    let seen = world.pop();
    assert_kept(first, &seen);
    let second = world.promise();
    assert!(second >= first, "it went back from {first:?} to {second:?}");
    assert!(second >= seen.map(|(stamp, _)| stamp), "{seen:?} is out, and the watermark {second:?}");
    (seen, second)
}

/// An idle buffer beside a producer: the promise and the proof that nothing is inside are one swap.
#[test]
fn watermark_and_push() {
    explore("watermark | push twice", 4, EITHER_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let asker = play.part(ask_pop_ask);
        let producer = play.part(|world| [world.put(0), world.put(1)]);
        play.run(order);
        let ((seen, promise), rest) = (asker.outcome(), world.rest());
        assert_kept(promise, &rest);
        assert_eq!(seen.into_iter().chain(rest).collect::<Vec<_>>(), producer.outcome());
        world.close_up(2);
    });
}

/// Two producers, of which one may be anywhere in its push while the other has finished.
#[test]
fn watermark_and_push_and_push() {
    explore("watermark | push | push", 2, EACH_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let asker = play.part(|world| {
            let promise = world.promise();
            let seen = world.pop();
            assert_kept(promise, &seen);
            (seen, promise)
        });
        let _producers = [0, 1].map(|id| play.part(move |world| world.put(id)));
        play.run(order);
        let ((seen, promise), rest) = (asker.outcome(), world.rest());
        assert_kept(promise, &rest);
        let all: Vec<_> = seen.into_iter().chain(rest).collect();
        assert_ascending(&all);
        assert_eq!(ids(&all), [0, 1]);
        world.close_up(2);
    });
}

/// Two who ask, and a producer: neither takes back what the other was promised.
#[test]
fn watermark_and_watermark_and_push() {
    explore("watermark | watermark | push", 3, EACH_FIRST, |order| {
        let world = World::rejecting(1);
        let mut play = Play::new(&world);
        let askers = [(); 2].map(|()| play.part(World::promise));
        let producer = play.part(|world| world.put(0));
        play.run(order);
        let highest = askers.map(|part| part.outcome()).into_iter().max().unwrap();
        assert!(world.promise() >= highest, "{highest:?} was taken back");
        let pushed = producer.outcome();
        assert_kept(highest.filter(|promise| *promise < pushed.0), &[pushed]);
        world.close_up(1);
    });
}

/// Beside a consumer and a producer: the last event that was taken is a promise too, and nothing passes it.
#[test]
fn watermark_and_pop_and_push() {
    explore("watermark | pop | push", 3, ANY, |order| {
        let world = World::rejecting(2).holding(1);
        let mut play = Play::new(&world);
        let asker = play.part(ask_pop_ask);
        let consumer = play.part(World::pop);
        let _producer = play.part(|world| world.put(1));
        play.run(order);
        let ((own, promise), rest) = (asker.outcome(), world.rest());
        assert_kept(promise, &rest);
        assert_eq!(ids(own.iter().chain(&consumer.outcome()).chain(&rest)), [0, 1]);
        world.close_up(2);
    });
}

/// Of a closed buffer the watermark becomes final only when nothing more can come out.
#[test]
fn watermark_and_close_and_push() {
    explore("watermark | close | push", 3, EACH_FIRST, |order| {
        let world = World::rejecting(1);
        let mut play = Play::new(&world);
        let asker = play.part(ask_pop_ask);
        let _closer = play.part(|world| world.buffer.close());
        let producer = play.part(|world| world.push(0));
        play.run(order);
        let ((seen, promise), rest) = (asker.outcome(), world.rest());
        assert_kept(promise, &rest);
        assert_eq!(seen.iter().chain(&rest).count(), producer.outcome().iter().count());
        assert_eq!(world.promise(), Some(Timestamp::MAX));
        world.close_up(1);
    });
}
