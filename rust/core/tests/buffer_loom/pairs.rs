//! Pushing and taking, each beside each.

use crate::play::{ALIKE, ANY, EACH_FIRST, EITHER_FIRST, Play, explore, pause};
use crate::world::{World, assert_ascending, ids};

/// Two producers: each event comes out under the stamp that its push returned, in the order of stamps.
#[test]
fn push_and_push() {
    explore("push | push", 4, EITHER_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let producers = [0, 1].map(|id| play.part(move |world| world.put(id)));
        play.run(order);
        let mut pushed = producers.map(|part| part.outcome());
        pushed.sort_unstable();
        assert_eq!(world.rest(), pushed);
        assert_eq!(world.buffer.stats().high_water, 2);
        world.close_up(2);
    });
}

/// Two producers and one place left: one of them is refused, and gets its event back.
#[test]
fn two_pushes_into_one_place() {
    explore("push | push, one place", 4, EITHER_FIRST, |order| {
        let world = World::rejecting(2).holding(1);
        let mut play = Play::new(&world);
        let producers = [1, 2].map(|id| play.part(move |world| world.push(id).ok().map(|stamp| (stamp, id))));
        play.run(order);
        let pushed: Vec<_> = producers.into_iter().filter_map(|part| part.outcome()).collect();
        assert_eq!(pushed.len(), 1, "{pushed:?}");
        assert_eq!(world.rest()[1..], pushed);
        world.close_up(3);
    });
}

/// Three producers.
#[test]
fn three_pushes() {
    explore("push | push | push", 2, ALIKE, |order| {
        let world = World::rejecting(3);
        let mut play = Play::new(&world);
        let producers = [0, 1, 2].map(|id| play.part(move |world| world.put(id)));
        play.run(order);
        let mut pushed = producers.map(|part| part.outcome());
        pushed.sort_unstable();
        assert_eq!(world.rest(), pushed);
        world.close_up(3);
    });
}

/// A producer and a consumer: what comes out is what went in, in that order, wherever the consumer was meanwhile.
#[test]
fn push_and_pop() {
    explore("push twice | pop twice", 5, EITHER_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let producer = play.part(|world| [world.put(0), world.put(1)]);
        let consumer = play.part(|world| [world.pop(), world.pop()]);
        play.run(order);
        let mut seen: Vec<_> = consumer.outcome().into_iter().flatten().collect();
        seen.extend(world.rest());
        assert_eq!(seen, producer.outcome());
        world.close_up(2);
    });
}

/// Two producers and a consumer.
#[test]
fn push_and_push_and_pop() {
    explore("push | push | pop", 2, EACH_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let producers = [0, 1].map(|id| play.part(move |world| world.put(id)));
        let consumer = play.part(World::pop);
        play.run(order);
        let mut pushed = producers.map(|part| part.outcome());
        pushed.sort_unstable();
        let mut seen: Vec<_> = consumer.outcome().into_iter().collect();
        seen.extend(world.rest());
        assert_eq!(seen, pushed);
        world.close_up(2);
    });
}

/// A batch that fits at once stays together, whoever pushes and takes beside it.
#[test]
fn push_many_and_push_and_drain() {
    explore("push_many | push | drain", 2, EACH_FIRST, |order| {
        let world = World::rejecting(3);
        let mut play = Play::new(&world);
        let _batch = play.part(|world| world.buffer.push_many(vec![world.event(0), world.event(1)]).unwrap());
        let single = play.part(|world| world.put(2));
        let consumer = play.part(|world| world.drain(2));
        play.run(order);
        let mut seen = consumer.outcome();
        seen.extend(world.rest());
        assert_ascending(&seen);
        let numbers: Vec<_> = seen.iter().map(|&(_, id)| id).collect();
        assert!([[0, 1, 2], [2, 0, 1]].contains(&numbers[..].try_into().unwrap()), "{numbers:?}");
        assert!(seen.contains(&single.outcome()));
        world.close_up(3);
    });
}

/// A batch larger than the buffer is taken in as consumers make room, or its rest is given back.
#[test]
fn push_many_and_drain() {
    explore("push_many of three into two | drain", 5, EITHER_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let producer = play.part(|world| {
            let events = (0..3).map(|id| world.event(id)).collect();
            world.buffer.push_many(events).map_or_else(|error| error.pushed, |()| 3)
        });
        let consumer = play.part(|world| world.drain(1));
        play.run(order);
        let mut seen = consumer.outcome();
        seen.extend(world.rest());
        let pushed = producer.outcome();
        assert!(pushed >= 2);
        assert_ascending(&seen);
        assert_eq!(ids(&seen), (0..pushed).collect::<Vec<_>>());
        world.close_up(3);
    });
}

/// A producer and a consumer that follow each other through the same slot, or through two: the event of one lap is out before
/// that of the next is written.
#[test]
fn wrap_around() {
    fn model(capacity: usize, events: usize) -> impl Fn(&'static [usize]) + Copy + Send + Sync {
        move |order| {
            let world = World::rejecting(capacity);
            let mut play = Play::new(&world);
            let producer = play.part(move |world| (0..events).map(|id| world.insist(id)).collect::<Vec<_>>());
            let consumer = play.part(move |world| {
                let (mut seen, mut turns) = (Vec::new(), 0);
                while seen.len() < events {
                    match world.pop() {
                        Some(event) => seen.push(event),
                        None => pause(&mut turns),
                    }
                }
                seen
            });
            play.run(order);
            assert_eq!(consumer.outcome(), producer.outcome());
            world.close_up(events);
        }
    }
    explore("push | pop, three laps of one slot", 4, EITHER_FIRST, model(1, 3));
    explore("push | pop, two laps of two slots", 3, EITHER_FIRST, model(2, 4));
}

/// The numbers of events start over, here after 2²⁴ of them: nobody notices.
#[test]
fn numbers_start_over() {
    explore("push three | pop three, numbers start over", 3, EITHER_FIRST, |order| {
        let world = World::rejecting(3).before_lap(2);
        let mut play = Play::new(&world);
        let producer = play.part(|world| [0, 1, 2].map(|id| world.put(id)));
        let consumer = play.part(|world| [world.pop(), world.pop(), world.pop()]);
        play.run(order);
        let mut seen: Vec<_> = consumer.outcome().into_iter().flatten().collect();
        seen.extend(world.rest());
        assert_eq!(seen, producer.outcome());
        world.close_up(3);
    });
}

/// Two consumers: no event twice, none left out, and each sees its own in order. Three events in four slots.
#[test]
fn two_consumers() {
    explore("pop twice | drain", 5, EITHER_FIRST, |order| {
        let world = World::rejecting(3).holding(3);
        let mut play = Play::new(&world);
        let single = play.part(|world| [world.pop(), world.pop()].into_iter().flatten().collect::<Vec<_>>());
        let batch = play.part(|world| world.drain(2));
        play.run(order);
        let (single, batch) = (single.outcome(), batch.outcome());
        assert_ascending(&single);
        assert_ascending(&batch);
        assert_eq!(ids(single.iter().chain(&batch).chain(&world.rest())), [0, 1, 2]);
        world.close_up(3);
    });
}

/// Two consumers and a producer that needs the room they make.
#[test]
fn two_consumers_and_push() {
    explore("push | pop | pop, one slot", 3, ANY, |order| {
        let world = World::rejecting(1).holding(1);
        let mut play = Play::new(&world);
        let producer = play.part(|world| world.push(1).is_ok());
        let consumers = [(); 2].map(|()| play.part(World::pop));
        play.run(order);
        let mut seen: Vec<_> = consumers.into_iter().filter_map(|part| part.outcome()).collect();
        seen.extend(world.rest());
        assert_eq!(ids(&seen), (0..=usize::from(producer.outcome())).collect::<Vec<_>>());
        world.close_up(2);
    });
}
