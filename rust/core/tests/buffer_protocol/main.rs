//! The protocol of the event buffer as a state machine, every reachable state of it: claiming, publishing, draining, the
//! watermark. And the two obvious protocols, which break it. The threads and memory orderings of what is shipped are the
//! matter of `buffer_loom`; here it is about which order of steps keeps the promise.

mod machine;

use std::time::Instant;

use machine::{Asking, KEPT, Machine, ORDER, Stamping};
use stateright::{Checker, Model};

/// Two of everything, and room for two events.
const SMALL: Machine = Machine {
    producers: 2,
    events_each: 2,
    consumers: 2,
    batch: 2,
    askers: 1,
    asks_each: 2,
    capacity: 2,
    stamping: Stamping::InTheSwap,
    asking: Asking::Swap,
};

/// Visits every state; `None` where each property holds, else the names of those that do not.
fn explore(name: &str, machine: Machine) -> Vec<&'static str> {
    let start = Instant::now();
    let checker = machine.checker().threads(2).spawn_bfs().join();
    let names = checker.model().properties().into_iter().map(|property| property.name);
    let broken = names.filter(|name| !holds(&checker, name)).collect();
    println!("{name}: {} states, {:.1} s", checker.unique_state_count(), start.elapsed().as_secs_f64());
    broken
}

/// Whether a property holds: nothing was found against what is always so, and an example of what is sometimes so.
fn holds(checker: &impl Checker<Machine>, name: &'static str) -> bool {
    let is_sought = checker.model().property(name).expectation == stateright::Expectation::Sometimes;
    checker.discovery(name).is_some() == is_sought
}

/// Batches concatenate in strict order of stamps, nothing passes a watermark, nothing is lost or taken twice.
#[test]
fn the_protocol_holds() {
    let none: [&str; 0] = [];
    assert_eq!(explore("two producers, two consumers, two places", SMALL), none);
    let three = Machine { producers: 3, events_each: 1, consumers: 1, batch: 3, asks_each: 1, ..SMALL };
    assert_eq!(explore("three producers, one consumer, two places", three), none);
    let narrow = Machine { consumers: 1, batch: 1, askers: 2, asks_each: 1, capacity: 1, ..SMALL };
    assert_eq!(explore("two producers, two watermarks at once, one place", narrow), none);
}

/// A stamp that is taken before the place is claimed comes out after a later one, and below a watermark.
#[test]
fn stamping_before_claiming_is_caught() {
    let broken = explore("stamping before claiming", Machine { stamping: Stamping::BeforeClaim, ..SMALL });
    assert!(broken.contains(&ORDER) && broken.contains(&KEPT), "{broken:?}");
}

/// So does a place that is claimed before it is stamped.
#[test]
fn claiming_before_stamping_is_caught() {
    let broken = explore("claiming before stamping", Machine { stamping: Stamping::AfterClaim, ..SMALL });
    assert!(broken.contains(&ORDER), "{broken:?}");
}

/// An idle buffer's watermark without the swap overtakes a producer that has stamped and not claimed.
#[test]
fn a_watermark_without_the_swap_is_caught() {
    let broken = explore("a watermark without the swap", Machine { asking: Asking::Look, ..SMALL });
    assert_eq!(broken, [KEPT]);
}
