//! Where events and buffers end: closed, dropped, dropped as the oldest.

use flocktime_core::{Empty, Overflow, Refused};

use crate::play::{ANY, EITHER_FIRST, Play, explore};
use crate::world::{World, assert_ascending, ids};

/// A push beside `close` is taken in or refused; what was taken in comes out, and then the buffer says that it is closed.
#[test]
fn close_and_push() {
    explore("close | push twice", 5, EITHER_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let closer = play.part(|world| {
            world.buffer.close();
            world.push(2)
        });
        let producer = play.part(|world| [world.push(0), world.push(1)]);
        play.run(order);
        assert_eq!(closer.outcome(), Err(Refused::Closed));
        let pushed = producer.outcome();
        assert!(pushed.iter().all(|push| matches!(push, Ok(_) | Err(Refused::Closed))), "{pushed:?}");
        assert!(pushed[0].is_ok() || pushed[1].is_err(), "taken in after it was refused: {pushed:?}");
        let taken: Vec<_> = world.rest().into_iter().map(|(stamp, _)| stamp).collect();
        assert_eq!(taken, pushed.into_iter().flatten().collect::<Vec<_>>());
        assert_eq!(world.try_pop(), Err(Empty::Closed));
        world.close_up(3);
    });
}

/// `Empty::Closed` is final: whoever is told so has seen every event leave, also one that was pushed beside `close`.
#[test]
fn close_and_push_and_pop() {
    explore("close | push | pop", 3, ANY, |order| {
        let world = World::rejecting(1);
        let mut play = Play::new(&world);
        let _closer = play.part(|world| world.buffer.close());
        let producer = play.part(|world| world.push(0));
        let consumer = play.part(|world| {
            let first = world.try_pop();
            if first == Err(Empty::Closed) {
                assert_eq!(world.rest(), [], "there was more after the end");
            }
            first
        });
        play.run(order);
        let (pushed, first) = (producer.outcome(), consumer.outcome());
        assert!(first != Err(Empty::Closed) || pushed.is_err(), "an event was left inside a closed buffer");
        let seen: Vec<_> = first.into_iter().chain(world.rest()).map(|(stamp, _)| stamp).collect();
        assert_eq!(seen, pushed.into_iter().collect::<Vec<_>>());
        assert_eq!(world.try_pop(), Err(Empty::Closed));
        world.close_up(1);
    });
}

/// Events that nobody took out are dropped with the buffer, each once.
#[test]
fn drop_with_events_inside() {
    explore("drop after push twice | pop", 5, EITHER_FIRST, |order| {
        let world = World::rejecting(3).holding(1);
        let mut play = Play::new(&world);
        let _producer = play.part(|world| [world.put(1), world.put(2)]);
        let consumer = play.part(World::pop);
        play.run(order);
        assert_eq!(ids(&consumer.outcome()), [0]);
        world.close_up(3); // which counts the drops
    });
}

/// `DropOldest` beside a consumer: every event goes to the consumer or is counted as dropped, the newest is still there, and
/// the order holds.
#[test]
fn drop_oldest_and_pop() {
    explore("drop_oldest twice | pop twice", 4, EITHER_FIRST, |order| {
        let world = World::with(1, Overflow::DropOldest).holding(1);
        let mut play = Play::new(&world);
        let producer = play.part(|world| [world.put(1), world.put(2)]);
        let consumer = play.part(|world| [world.pop(), world.pop()]);
        play.run(order);
        let mut seen: Vec<_> = consumer.outcome().into_iter().flatten().collect();
        seen.extend(world.rest());
        assert_ascending(&seen);
        assert_eq!(seen.last(), Some(&producer.outcome()[1]));
        let stats = world.buffer.stats();
        assert_eq!((stats.pushed, stats.rejected, stats.inside), (3, 0, 0));
        assert_eq!(stats.drained, seen.len() as u64);
        world.close_up(3);
    });
}

/// Two producers that both make room: what is not taken in, because the oldest is being written, is given back and counted.
#[test]
fn drop_oldest_and_drop_oldest() {
    explore("drop_oldest | drop_oldest", 3, EITHER_FIRST, |order| {
        let world = World::with(1, Overflow::DropOldest).holding(1);
        let mut play = Play::new(&world);
        let producers = [1, 2].map(|id| play.part(move |world| world.push(id)));
        play.run(order);
        let pushed = producers.map(|part| part.outcome());
        let full = Err(Refused::Full { capacity: 1, unwritten: true });
        assert!(pushed.iter().all(|push| push.is_ok() || *push == full), "{pushed:?}");
        let last = pushed.iter().flatten().max().expect("one of them found the buffer");
        assert_eq!(world.rest().first().map(|(stamp, _)| stamp), Some(last));
        world.close_up(3);
    });
}
