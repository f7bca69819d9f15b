//! What a watermark promises where timestamps are given: it trails the clock, and waits for what was inside when its bound was
//! raised.

use flocktime_core::{BufferConfig, Refused, Timestamp};

use crate::play::{ANY, EACH_FIRST, EITHER_FIRST, Play, explore};
use crate::world::{START_US, Seen, World, assert_kept};

/// How late an event may come, in microseconds.
const MAX_DELAY_US: u64 = 10;

fn given(capacity: usize) -> World {
    World::new(BufferConfig { max_delay_us: Some(MAX_DELAY_US), ..BufferConfig::new(capacity) })
}

/// A timestamp so long after the start of the clock.
fn at(us: i64) -> Timestamp {
    Timestamp::new((START_US + us) as u64, 0, 9, 0).unwrap()
}

/// Whether it was taken in; else it was late.
fn push_at(world: &World, timestamp: Timestamp, id: usize) -> bool {
    match world.buffer.push_at(timestamp, world.event(id)).map_err(|error| error.why) {
        Ok(()) => true,
        Err(Refused::Late { watermark, .. }) => {
            assert!(timestamp <= watermark, "{timestamp:?} does not lie behind {watermark:?}");
            false
        }
        Err(why) => panic!("{why}"),
    }
}

/// Asks, takes an event, and asks again.
fn ask_pop_ask(world: &World) -> (Option<Seen>, Option<Timestamp>) {
    let first = world.promise();
    let seen = world.pop();
    assert_kept(first, &seen);
    let second = world.promise();
    assert!(second >= first, "it went back from {first:?} to {second:?}");
    (seen, second)
}

/// An event whose timestamp the bound passes while it is pushed: it is late, or no watermark passes it while it is inside.
#[test]
fn watermark_and_push_at() {
    explore("trailing watermark | push_at", 5, EITHER_FIRST, |order| {
        let world = given(2);
        let mut play = Play::new(&world);
        let asker = play.part(|world| {
            let first = world.promise();
            world.source.advance(2 * MAX_DELAY_US as i64);
            let (seen, last) = ask_pop_ask(world);
            assert!(last >= first);
            (seen, last)
        });
        let producer = play.part(|world| push_at(world, at(-5), 0));
        play.run(order);
        let ((seen, promise), rest) = (asker.outcome(), world.rest());
        assert_kept(promise, &rest);
        assert_eq!(seen.iter().chain(&rest).count(), usize::from(producer.outcome()));
        // Nothing is inside: once the mark was moved on, the watermark has passed the event.
        assert!(world.promise().max(world.promise()) > Some(at(0)));
        world.close_up(1);
    });
}

/// Two who ask move the mark beside a producer.
#[test]
fn watermark_and_watermark_and_push_at() {
    explore("trailing watermark | trailing watermark | push_at", 3, EACH_FIRST, |order| {
        let world = given(1);
        world.promise();
        world.source.advance(2 * MAX_DELAY_US as i64);
        let mut play = Play::new(&world);
        let askers = [(); 2].map(|()| play.part(World::promise));
        let producer = play.part(|world| push_at(world, at(-5), 0));
        play.run(order);
        let highest = askers.map(|part| part.outcome()).into_iter().max().unwrap();
        assert!(world.promise() >= highest, "{highest:?} was taken back");
        let rest = world.rest();
        assert_kept(highest, &rest);
        assert_eq!(rest.len(), usize::from(producer.outcome()));
        world.close_up(1);
    });
}

/// A consumer takes the event that the mark waits for, and a producer brings the next: one who asks is promised nothing that
/// either breaks.
#[test]
fn watermark_and_pop_and_push_at() {
    explore("trailing watermark | pop | push_at", 3, ANY, |order| {
        let world = given(1);
        assert!(push_at(&world, at(-5), 0));
        world.source.advance(2 * MAX_DELAY_US as i64);
        let mut play = Play::new(&world);
        let asker = play.part(ask_pop_ask);
        let consumer = play.part(World::pop);
        let producer = play.part(|world| world.buffer.push_at(at(15), world.event(1)).is_ok());
        play.run(order);
        let ((own, promise), rest) = (asker.outcome(), world.rest());
        assert_kept(promise, &rest);
        let count = own.iter().chain(&consumer.outcome()).chain(&rest).count();
        assert_eq!(count, 1 + usize::from(producer.outcome()));
        world.close_up(2);
    });
}
