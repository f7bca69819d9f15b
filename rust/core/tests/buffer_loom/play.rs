//! The parts of a model, the orders in which they are started, and the count of executions.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use loom::model::Builder;
use loom::thread;

use crate::world::World;

/// Which part goes first: what the search starts from.
pub(crate) type Order = &'static [usize];

/// Parts that are alike.
pub(crate) const ALIKE: &[Order] = &[&[0, 1, 2]];
pub(crate) const EITHER_FIRST: &[Order] = &[&[0, 1], &[1, 0]];
pub(crate) const EACH_FIRST: &[Order] = &[&[0, 1, 2], &[1, 2, 0], &[2, 0, 1]];
pub(crate) const ANY: &[Order] = &[&[0, 1, 2], &[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]];

/// Runs the model in every order of its steps that preempts threads so often at most, from each of these starts. For a longer
/// campaign `MORE_PREEMPTIONS` in the environment is added.
///
/// The model checker varies the order of two steps where they touch the same word, but it remembers one reader of a word: a
/// part that reads a word and then swaps it hides that another one has read it before (tokio-rs/loom, issues 166 and 392). Where
/// the parts start in another order, it is found. So the models start from several.
pub(crate) fn explore(
    name: &str,
    preemptions: usize,
    orders: &'static [Order],
    model: impl Fn(Order) + Copy + Send + Sync + 'static,
) {
    let start = Instant::now();
    let preemptions = preemptions + std::env::var("MORE_PREEMPTIONS").map_or(0, |more| more.parse().expect("a number"));
    // Of `std`, so that the model checker does not see it.
    let executions = Arc::new(AtomicU64::new(0));
    for &order in orders {
        let counted = Arc::clone(&executions);
        let mut builder = Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            model(order);
        });
    }
    let (count, seconds) = (executions.load(Ordering::Relaxed), start.elapsed().as_secs_f64());
    println!("{name}: {count} executions with up to {preemptions} preemptions, {seconds:.1} s");
}

/// Parts around a world, before they are started.
pub(crate) struct Play<'a> {
    world: &'a World,
    bodies: Vec<Option<Box<dyn FnOnce(&World)>>>,
}

/// What a part has returned, once it was played.
pub(crate) struct Part<R>(Rc<Cell<Option<R>>>);

impl<'a> Play<'a> {
    pub(crate) const fn new(world: &'a World) -> Self {
        Self { world, bodies: Vec::new() }
    }

    /// One more.
    pub(crate) fn part<R: 'static>(&mut self, body: impl FnOnce(&World) -> R + 'static) -> Part<R> {
        let outcome = Rc::new(Cell::new(None));
        let place = Rc::clone(&outcome);
        self.bodies.push(Some(Box::new(move |world| place.set(Some(body(world))))));
        Part(outcome)
    }

    /// Starts each part on a thread of its own, the first one on this, and returns when all are done.
    pub(crate) fn run(mut self, order: Order) {
        let mut bodies = order.iter().filter_map(|&at| self.bodies.get_mut(at)?.take());
        let Some(first) = bodies.next() else { return };
        let spawn = |body: Box<dyn FnOnce(&World)>| {
            let world = self.world.clone();
            thread::spawn(move || body(&world))
        };
        let threads: Vec<_> = bodies.map(spawn).collect();
        first(self.world);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

impl<R> Part<R> {
    pub(crate) fn outcome(self) -> R {
        self.0.take().expect("it was played")
    }
}

/// Lets the other parts go on. An execution in which they wait for each other again and again is not varied from there on: there
/// is no end to them.
pub(crate) fn pause(turns: &mut u32) {
    *turns += 1;
    if *turns > 2 {
        loom::skip_branch();
    }
    thread::yield_now();
}
