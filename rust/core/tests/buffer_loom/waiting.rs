//! Threads that wait: whoever could go on is woken. The model checker reports an execution in which nobody can.

use flocktime_core::{Empty, Overflow, Refused};

use crate::play::{ANY, EACH_FIRST, EITHER_FIRST, Play, explore};
use crate::world::{World, assert_ascending, ids};

fn blocking() -> World {
    World::with(1, Overflow::Block)
}

/// A consumer that waits, beside the push that it waits for.
#[test]
fn pop_waits_for_push() {
    explore("waiting pop | push", 5, EITHER_FIRST, |order| {
        let world = World::rejecting(1);
        let mut play = Play::new(&world);
        let consumer = play.part(World::get);
        let producer = play.part(|world| world.put(0));
        play.run(order);
        assert_eq!(consumer.outcome(), producer.outcome());
        world.close_up(1);
    });
}

/// Two consumers that wait, and two pushes that wake one each.
#[test]
fn two_pops_wait_for_two_pushes() {
    explore("waiting pop | waiting pop | push twice", 2, EACH_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let consumers = [(); 2].map(|()| play.part(World::get));
        let _producer = play.part(|world| [world.put(0), world.put(1)]);
        play.run(order);
        assert_eq!(ids(&consumers.map(|part| part.outcome())), [0, 1]);
        world.close_up(2);
    });
}

/// A consumer that waits for two producers, of which one may hold up the other's event.
#[test]
fn pop_waits_for_two_producers() {
    explore("waiting pop twice | push | push", 2, EACH_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let consumer = play.part(|world| [world.get(), world.get()]);
        let _producers = [0, 1].map(|id| play.part(move |world| world.put(id)));
        play.run(order);
        let seen = consumer.outcome();
        assert_ascending(&seen);
        assert_eq!(ids(&seen), [0, 1]);
        world.close_up(2);
    });
}

/// A batch wakes all who wait.
#[test]
fn two_pops_wait_for_a_batch() {
    explore("waiting pop | waiting pop | push_many", 2, EACH_FIRST, |order| {
        let world = World::rejecting(2);
        let mut play = Play::new(&world);
        let consumers = [(); 2].map(|()| play.part(World::get));
        let _producer = play.part(|world| world.buffer.push_many(vec![world.event(0), world.event(1)]).unwrap());
        play.run(order);
        assert_eq!(ids(&consumers.map(|part| part.outcome())), [0, 1]);
        world.close_up(2);
    });
}

/// A producer that waits for room, beside the pop that makes it.
#[test]
fn push_waits_for_pop() {
    explore("waiting push | pop", 5, EITHER_FIRST, |order| {
        let world = blocking().holding(1);
        let mut play = Play::new(&world);
        let producer = play.part(|world| world.put(1));
        let consumer = play.part(World::pop);
        play.run(order);
        assert_eq!(ids(&consumer.outcome()), [0]);
        assert_eq!(world.rest(), [producer.outcome()]);
        world.close_up(2);
    });
}

/// Two producers that wait for room, and a consumer that waits for events.
#[test]
fn two_pushes_wait_for_pops() {
    explore("waiting push | waiting push | waiting pop twice", 2, EACH_FIRST, |order| {
        let world = blocking();
        let mut play = Play::new(&world);
        let _producers = [0, 1].map(|id| play.part(move |world| world.put(id)));
        let consumer = play.part(|world| [world.get(), world.get()]);
        play.run(order);
        let seen = consumer.outcome();
        assert_ascending(&seen);
        assert_eq!(ids(&seen), [0, 1]);
        world.close_up(2);
    });
}

/// Both wait for each other by turns, through one slot.
#[test]
fn push_and_pop_wait_by_turns() {
    explore("waiting push | waiting pop, three laps of one slot", 3, EITHER_FIRST, |order| {
        let world = blocking();
        let mut play = Play::new(&world);
        let producer = play.part(|world| [0, 1, 2].map(|id| world.put(id)));
        let consumer = play.part(|world| [(); 3].map(|()| world.get()));
        play.run(order);
        assert_eq!(consumer.outcome(), producer.outcome());
        world.close_up(3);
    });
}

/// `close` wakes a consumer.
#[test]
fn close_wakes_pop() {
    explore("waiting pop | close", 5, EITHER_FIRST, |order| {
        let world = World::rejecting(1);
        let mut play = Play::new(&world);
        let consumer = play.part(World::wait);
        let _closer = play.part(|world| world.buffer.close());
        play.run(order);
        assert_eq!(consumer.outcome(), Err(Empty::Closed));
        world.close_up(0);
    });
}

/// `close` wakes a producer.
#[test]
fn close_wakes_push() {
    explore("waiting push | close", 5, EITHER_FIRST, |order| {
        let world = blocking().holding(1);
        let mut play = Play::new(&world);
        let producer = play.part(|world| world.push(1));
        let _closer = play.part(|world| world.buffer.close());
        play.run(order);
        assert_eq!(producer.outcome(), Err(Refused::Closed));
        world.close_up(2);
    });
}

/// `close` beside a push and a consumer that waits: it gets the event if there is one, and else the end.
#[test]
fn close_and_push_wake_pop() {
    explore("waiting pop | push | close", 3, ANY, |order| {
        let world = World::rejecting(1);
        let mut play = Play::new(&world);
        let consumer = play.part(World::wait);
        let producer = play.part(|world| world.push(0));
        let _closer = play.part(|world| world.buffer.close());
        play.run(order);
        let pushed = producer.outcome().map_err(|_| Empty::Closed);
        assert_eq!(consumer.outcome().map(|(stamp, _)| stamp), pushed);
        world.close_up(1);
    });
}

/// A consumer that somebody who looks holds up goes on.
#[test]
fn pop_waits_beside_visit() {
    explore("waiting pop | push | visit", 3, EACH_FIRST, |order| {
        let world = World::rejecting(1);
        let mut play = Play::new(&world);
        let consumer = play.part(World::get);
        let producer = play.part(|world| world.put(0));
        let _visitor = play.part(|world| world.buffer.visit(|_, event| assert_eq!(event.id(), 0)));
        play.run(order);
        assert_eq!(consumer.outcome(), producer.outcome());
        world.close_up(1);
    });
}
