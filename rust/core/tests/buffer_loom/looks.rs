//! Looking at what is inside, as a garbage collector does, beside those who push and take.

use loom::thread;

use crate::play::{ANY, EACH_FIRST, EITHER_FIRST, Play, explore};
use crate::world::{Seen, World, assert_ascending, ids};
use flocktime_core::Overflow;

/// The events that `visit` shows.
fn visit(world: &World) -> Vec<Seen> {
    let mut seen = Vec::new();
    world.buffer.visit(|stamp, event| seen.push((stamp, event.id())));
    seen
}

/// Who looks sees a run of events that were inside at one moment, whole ones, and takes none away.
#[test]
fn visit_and_pop_and_push() {
    explore("visit | pop | push", 3, ANY, |order| {
        let world = World::rejecting(2).holding(1);
        let mut play = Play::new(&world);
        let visitor = play.part(visit);
        let consumer = play.part(World::pop);
        let _producer = play.part(|world| world.put(1));
        play.run(order);
        let visited = visitor.outcome();
        assert_ascending(&visited);
        assert!([&[][..], &[0], &[0, 1], &[1]].contains(&&ids(&visited)[..]), "{visited:?}");
        let seen: Vec<_> = consumer.outcome().into_iter().chain(world.rest()).collect();
        assert_ascending(&seen);
        assert_eq!(ids(&seen), [0, 1]);
        assert!(visited.iter().all(|event| seen.contains(event)), "{visited:?} {seen:?}");
        world.close_up(2);
    });
}

/// Two who look, and a consumer that both hold up: it goes on after both.
#[test]
fn visit_and_visit_and_pop() {
    explore("visit | visit | pop", 3, EACH_FIRST, |order| {
        let world = World::rejecting(1).holding(1);
        let mut play = Play::new(&world);
        let visitors = [(); 2].map(|()| play.part(visit));
        let consumer = play.part(World::pop);
        play.run(order);
        assert!(visitors.into_iter().all(|part| [&[][..], &[0]].contains(&&ids(&part.outcome())[..])));
        assert_eq!(ids(&consumer.outcome()), [0]);
        world.close_up(1);
    });
}

/// `DropOldest` beside one who looks: the event is whole as long as it is looked at.
#[test]
fn visit_and_drop_oldest() {
    explore("visit | drop_oldest", 5, EITHER_FIRST, |order| {
        let world = World::with(1, Overflow::DropOldest).holding(1);
        let mut play = Play::new(&world);
        let _visitor = play.part(|world| {
            world.buffer.visit(|_, event| {
                let before = event.id();
                thread::yield_now();
                assert_eq!(event.id(), before);
            });
        });
        let producer = play.part(|world| world.put(1));
        play.run(order);
        assert_eq!(world.rest(), [producer.outcome()]);
        world.close_up(2);
    });
}

/// A watermark of an idle buffer, which raises the very cursor that is sealed while somebody looks.
#[test]
fn visit_and_watermark() {
    explore("visit | watermark | push and pop", 2, ANY, |order| {
        let world = World::rejecting(1);
        let mut play = Play::new(&world);
        let _visitor = play.part(visit);
        let promise = play.part(World::promise);
        let seen = play.part(|world| (world.put(0), world.pop()));
        play.run(order);
        let (pushed, seen) = seen.outcome();
        assert_eq!(seen, Some(pushed));
        assert!(world.promise() > promise.outcome().max(Some(pushed.0)), "a watermark went back");
        world.close_up(1);
    });
}
